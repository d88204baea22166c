// Key schedule: from the device's key and the two handshake bodies to proofs and traffic keys.

import { expand } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ascii, concat, uint } from './bytes.js';

export interface TrafficKey {
  /** 32 bytes. */
  key: Uint8Array;
  /** 12 bytes, used by `sealed` only. */
  iv: Uint8Array;
}

export interface Schedule {
  /** SHA-256(H ‖ C), 32 bytes. */
  transcript: Uint8Array;
  /** 32 bytes. */
  prk: Uint8Array;
  /** 16 bytes each. */
  gatewayProof: Uint8Array;
  deviceProof: Uint8Array;
  /** What the device sends under. */
  toGateway: TrafficKey;
  /** What the gateway sends under. */
  toDevice: TrafficKey;
}

export function hmacSha256(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  return hmac(sha256, key, concat(...parts));
}

/** `h` and `c` are the bodies of HELLO and CHALLENGE without padding and proof. */
export function schedule(deviceKey: Uint8Array, h: Uint8Array, c: Uint8Array): Schedule {
  const transcript = sha256(concat(h, c));
  const prk = hmacSha256(deviceKey, ascii('tidelock/1 prk'), transcript);
  const output = (label: string, bytes: number) => expand(sha256, prk, ascii(`tidelock/1 ${label}`), bytes);
  const traffic = (label: string) => {
    const both = output(label, 44);
    return { key: both.slice(0, 32), iv: both.slice(32) };
  };
  return {
    transcript,
    prk,
    gatewayProof: output('gateway', 16),
    deviceProof: output('device', 16),
    toGateway: traffic('d2g'),
    toDevice: traffic('g2d'),
  };
}

/** Nonce of a device without a random source, from a counter that is stored and raised before each try. */
export function countedNonce(deviceKey: Uint8Array, boots: bigint): Uint8Array {
  return hmacSha256(deviceKey, ascii('tidelock/1 nonce'), uint(boots, 8)).slice(0, 16);
}

/** The key under which an unknown identity is challenged; nobody else can tell it from a real one. */
export function fakeKey(gatewaySecret: Uint8Array, identity: Uint8Array): Uint8Array {
  return hmacSha256(gatewaySecret, ascii('unknown'), identity);
}

/** Nonce of a gateway on datagrams: it is computed again at PROOF, so that a HELLO allocates nothing. */
export function datagramNonce(
  gatewaySecret: Uint8Array,
  address: Uint8Array,
  port: number,
  h: Uint8Array,
  challengeWithoutNonce: Uint8Array,
): Uint8Array {
  return hmacSha256(gatewaySecret, ascii('nonce'), address, uint(port, 2), h, challengeWithoutNonce).slice(0, 16);
}
