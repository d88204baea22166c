/** Where a datagram came from, in the forms that the core asks for. */
import { randomBytes } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { PROBE_PATH } from '../../assembly/abi.js';
import { ipv6Groups } from './address.js';

/** Address and port, 18 bytes: IPv4 as IPv4-mapped IPv6. An address with a zone is that without it. */
export function sourceBytes(address: string, port: number): Buffer {
  const bytes = Buffer.alloc(18);
  const plain = address.split('%', 1)[0]!;
  const dotted = plain.slice(plain.lastIndexOf(':') + 1);
  if (isIPv4(dotted)) {
    bytes.writeUInt16BE(0xffff, 10);
    dotted.split('.').forEach((part, i) => (bytes[12 + i] = Number(part)));
  } else {
    ipv6Groups(plain).forEach((group, i) => bytes.writeUInt16BE(group, 2 * i));
  }
  bytes.writeUInt16BE(port, 16);
  return bytes;
}

/** Unknown to those who choose their address. */
const SEED = randomBytes(4).readUInt32LE();

/** The same number for the same source, from PROBE_PATH on. Who finds two with one number has nothing of it: the device's answer must still come from there. */
export function pathNumber(address: string, port: number): number {
  let hash = (SEED ^ port) >>> 0;
  for (let i = 0; i < address.length; i++) hash = Math.imul(hash ^ address.charCodeAt(i), 0x01000193); // FNV-1a
  hash ^= hash >>> 15;
  return (Math.imul(hash, 0x2c1b3c6d) | PROBE_PATH) >>> 0;
}
