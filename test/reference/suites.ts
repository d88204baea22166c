// The three suites: what a tag is, and what it covers.

import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { concat, same, uint } from './bytes.js';
import { hmacSha256, type TrafficKey } from './keys.js';

export type Suite = 'sealed' | 'signed' | 'signed-8';
export const SUITES: readonly Suite[] = ['sealed', 'signed', 'signed-8']; // the strongest first
export const SUITE_BIT: Record<Suite, number> = { sealed: 1, signed: 2, 'signed-8': 4 };

export function suiteOfBit(bit: number): Suite | undefined {
  return SUITES.find((suite) => SUITE_BIT[suite] === bit);
}

export function tagBytes(suite: Suite): number {
  return suite === 'signed-8' ? 8 : 16;
}

/** What every tag covers besides the body, 15 bytes: the full values, not those that travel. */
export function associated(counter: bigint, time: number, typeByte: number, bodyBytes: number): Uint8Array {
  return concat(uint(counter, 8), uint(time, 4), uint(typeByte, 1), uint(bodyBytes, 2));
}

/** iv XOR counter, the counter as a 12-byte number (RFC 8446, section 5.3). */
export function sealedNonce(iv: Uint8Array, counter: bigint): Uint8Array {
  const padded = uint(counter, 12);
  return iv.map((byte, i) => byte ^ padded[i]!);
}

export interface Protected {
  /** As it travels: encrypted by `sealed`, clear otherwise. */
  body: Uint8Array;
  tag: Uint8Array;
}

export function protect(suite: Suite, keys: TrafficKey, counter: bigint, aad: Uint8Array, body: Uint8Array): Protected {
  if (suite !== 'sealed') return { body, tag: hmacSha256(keys.key, aad, body).slice(0, tagBytes(suite)) };
  const both = chacha20poly1305(keys.key, sealedNonce(keys.iv, counter), aad).encrypt(body);
  return { body: both.slice(0, body.length), tag: both.slice(body.length) };
}

/** The clear body, or undefined where the tag does not hold. */
export function unprotect(
  suite: Suite,
  keys: TrafficKey,
  counter: bigint,
  aad: Uint8Array,
  body: Uint8Array,
  tag: Uint8Array,
): Uint8Array | undefined {
  if (suite !== 'sealed') return same(protect(suite, keys, counter, aad, body).tag, tag) ? body : undefined;
  try {
    return chacha20poly1305(keys.key, sealedNonce(keys.iv, counter), aad).decrypt(concat(body, tag));
  } catch {
    return undefined;
  }
}
