// Taking a frame apart before its tag is checked, and the rules that need no key: form, length, the
// reconstruction of truncated time and counter, and the replay window.

import {
  REFUSED_MALFORMED, REFUSED_REPLAY, REFUSED_STATE, REFUSED_TIME_RANGE, REFUSED_TOO_LONG, S_RX_COUNTER,
  S_SESSION, S_TAKES,
} from "../abi";
import { DELTA, S_LIFE, S_RX_WINDOW, clock, isDatagram, tagBytes } from "./slot";
import { describe } from "./output";


/**
 * The replay window: bit i stands for the counter i below the highest seen (RFC 6479's idea in one word). DELTA is how far
 * the frame being opened lies from the next expected one; on streams it is 0.
 */
// @ts-ignore: decorator
@inline
function seen(s: usize, delta: i32): bool {
  return delta < 0 && (delta < -64 || ((load<u64>(s, S_RX_WINDOW) >> <u64>~delta) & 1) != 0);
}

/** Remembers the counter of a frame whose tag held. */
export function mark(s: usize): void {
  if (STREAM_ONLY) {
    store<u64>(s, load<u64>(s, S_RX_COUNTER) + 1, S_RX_COUNTER);
    return;
  }
  let delta = load<i32>(DELTA), bits = load<u64>(s, S_RX_WINDOW);
  if (delta < 0) {
    bits |= (<u64>1) << <u64>~delta;
  } else {
    store<u64>(s, load<u64>(s, S_RX_COUNTER) + <u32>(delta + 1), S_RX_COUNTER);
    bits = (delta > 62 ? 0 : bits << <u64>(delta + 1)) | 1;
  }
  store<u64>(s, bits, S_RX_WINDOW);
}

/** Header of a frame on a stream: its body's length, STREAM_WANTS_MORE, or minus a refusal. The body's address is p + 2 or p + 3. */
export function streamLength(p: usize, available: u32): i32 {
  if (available < 2) return STREAM_WANTS_MORE;
  let first = <u32>load<u8>(p, 1);
  if (first < 128) return first;
  if (available < 3) return STREAM_WANTS_MORE;
  let second = <u32>load<u8>(p, 2);
  if (second == 0) return -REFUSED_MALFORMED; // not the shortest form
  if (second > 127) return -REFUSED_TOO_LONG; // a third byte would follow
  return (first & 127) | (second << 7);
}
export const STREAM_WANTS_MORE: i32 = -64; // below every refusal

/**
 * Takes the protected frame at p apart into a job, `ahead` frames behind the next expected one.
 * Returns the bytes it occupies, STREAM_WANTS_MORE, or minus a refusal.
 */
export function parse(s: usize, p: usize, available: u32, job: usize, ahead: u32): i32 {
  let counter = load<u64>(s, S_RX_COUNTER) + ahead;
  let tag = tagBytes(s);
  let body: usize, bytes: i32, type = <u32>load<u8>(p), delta: i32 = 0;
  if (type < 128) return -REFUSED_MALFORMED; // another protocol's first byte
  if (isDatagram(s)) {
    bytes = <i32>(available - 10 - tag);
    if (bytes < 0) return -REFUSED_MALFORMED;
    if (load<u32>(p, 1) != load<u32>(s, S_SESSION)) return -REFUSED_STATE;
    // The full value nearest to the next one: own + signext(field - own).
    delta = <i16>((bswap<u32>(load<u16>(p, 5)) >> 16) - <u32>counter);
    counter += delta;
    if (<u32>(<i64>counter < 0) | <u32>seen(s, delta)) return -REFUSED_REPLAY;
    body = p + 10;
  } else {
    bytes = streamLength(p, available);
    if (bytes < 0) return bytes;
    body = p + (bytes < 128 ? 5 : 6);
  }
  if (<u32>bytes > load<u32>(s, S_TAKES)) return -REFUSED_TOO_LONG;
  if (<u32>(body - p) > available) return STREAM_WANTS_MORE;
  if (!STREAM_ONLY) store<i32>(DELTA, delta);
  let field = bswap<u32>(load<u32>(body - 3)) >> 8, own = clock(s); // a byte of the body or tag is read along
  let time = own + (<i32>((field - own) << 8) >> 8);
  if (<u32>time > load<u32>(s, S_LIFE)) return -REFUSED_TIME_RANGE; // negative ones too
  let total = <u32>(body - p) + bytes + tag;
  if (total > available) return STREAM_WANTS_MORE;
  describe(job, counter, time, type, body, bytes);
  return total;
}
