// Lengths, ages, and the full value of a number of which only the low bits travel.

import { Reader } from './bytes.js';
import { Refusal } from './refusal.js';

/** Longest body that the length field can tell. */
export const LONGEST = 16_383;
/** Largest age, in 1/16 s: 194 days. A sender stops there. */
export const OLDEST = 2 ** 28 - 1;

/** Unsigned LEB128 in its shortest form. */
export function leb128(value: number): Uint8Array {
  const out: number[] = [];
  do {
    out.push((value % 128) + (value >= 128 ? 128 : 0));
    value = Math.floor(value / 128);
  } while (value > 0);
  return Uint8Array.from(out);
}

/** Reads what `leb128` writes; at most `bytes` of it, and only the shortest form. */
export function readLeb128(reader: Reader, bytes: number, tooLong: Refusal['reason']): number {
  let value = 0;
  for (let i = 0; i < bytes; i++) {
    const byte = reader.int(1);
    value += (byte % 128) * 128 ** i;
    if (byte >= 128) continue;
    if (byte === 0 && i > 0) throw new Refusal('malformed'); // a shorter form exists
    return value;
  }
  throw new Refusal(tooLong);
}

/**
 * The value nearest to `own` whose low `bits` are `field`: own + signext(field - own). Of two that are equally
 * near it is the lower, because the sign bit alone extends to -2^(bits-1).
 */
export function nearest(own: bigint, field: bigint, bits: number): bigint {
  return own + BigInt.asIntN(bits, field - own);
}

/** The same by search, to check `nearest` against: no arithmetic modulo a power of two. */
export function nearestBySearch(own: bigint, field: bigint, bits: number): bigint {
  const step = 1n << BigInt(bits);
  let best = field;
  while (best > own) best -= step;
  while (best + step <= own) best += step;
  const above = best + step; // best <= own < above
  return above - own < own - best ? above : best;
}
