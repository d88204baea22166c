/**
 * The packet of NTP and SNTP, version 4 (RFC 5905 section 7.3): 48 bytes, big-endian. What may follow it, extension fields
 * and a MAC, is for NTP with keys and is not read.
 */
import type { NtpTimestamp } from './timestamp.js';

export const PACKET_BYTES = 48;

/** Leap indicator 3: the sender's clock is not synchronised. */
export const LEAP_UNSYNCHRONISED = 3;

export const MODE_CLIENT = 3;
export const MODE_SERVER = 4;

export interface NtpPacket {
  /** 0: none, 1: the day's last minute has 61 s, 2: 59 s, 3: not synchronised. */
  readonly leap: number;
  readonly version: number;
  readonly mode: number;
  /** 1: has a clock of its own; 2 to 15: hops from one; 0: a kiss-o'-death, with its code in `reference`. */
  readonly stratum: number;
  /** Exponents of 2, in seconds. */
  readonly poll: number;
  readonly precision: number;
  /** Seconds; the round trip to the first clock of the chain. Signed in RFC 4330. */
  readonly rootDelay: number;
  /** Seconds; what the sender's clock may be off beyond half of that. */
  readonly rootDispersion: number;
  /** Who the sender follows: an IPv4 address, a hash, or four letters, as an unsigned number. */
  readonly reference: number;
  /** When the sender's clock was last set or corrected. */
  readonly updated: NtpTimestamp;
  /** `transmit` of the request that this answers. */
  readonly origin: NtpTimestamp;
  readonly receive: NtpTimestamp;
  readonly transmit: NtpTimestamp;
}

/** 16.16 fixed point. */
const SHORT = 65_536;

/** Undefined: too short to be one. Every other text of bytes is one; what it says is for `judge` to believe. */
export function decodePacket(bytes: Uint8Array): NtpPacket | undefined {
  if (bytes.length < PACKET_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = view.getUint8(0);
  const timestamp = (at: number): NtpTimestamp => ({ seconds: view.getUint32(at), fraction: view.getUint32(at + 4) });
  return {
    leap: first >> 6,
    version: (first >> 3) & 7,
    mode: first & 7,
    stratum: view.getUint8(1),
    poll: view.getInt8(2),
    precision: view.getInt8(3),
    rootDelay: view.getInt32(4) / SHORT,
    rootDispersion: view.getUint32(8) / SHORT,
    reference: view.getUint32(12),
    updated: timestamp(16),
    origin: timestamp(24),
    receive: timestamp(32),
    transmit: timestamp(40),
  };
}

export function encodePacket(packet: NtpPacket): Buffer {
  const bytes = Buffer.alloc(PACKET_BYTES);
  bytes.writeUInt8((packet.leap << 6) | (packet.version << 3) | packet.mode, 0);
  bytes.writeUInt8(packet.stratum, 1);
  bytes.writeInt8(packet.poll, 2);
  bytes.writeInt8(packet.precision, 3);
  bytes.writeInt32BE(short(packet.rootDelay, -0x8000_0000, 0x7fff_ffff), 4);
  bytes.writeUInt32BE(short(packet.rootDispersion, 0, 0xffff_ffff), 8);
  bytes.writeUInt32BE(packet.reference, 12);
  for (const [at, { seconds, fraction }] of [[16, packet.updated], [24, packet.origin], [32, packet.receive], [40, packet.transmit]] as const) {
    bytes.writeUInt32BE(seconds, at);
    bytes.writeUInt32BE(fraction, at + 4);
  }
  return bytes;
}

/** Rounded up: a clock must not look better than it is. */
function short(seconds: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, Math.ceil(seconds * SHORT)));
}

/** The four letters of a kiss code (RFC 5905 section 7.4); what no letter is stands as `?`. */
export function kissCode(reference: number): string {
  return [24, 16, 8, 0].map((shift) => String.fromCharCode((reference >>> shift) & 0xff)).join('').replace(/[^A-Z0-9]/g, '?');
}
