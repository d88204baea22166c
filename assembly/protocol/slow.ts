// How much is handed over beyond the last confirmed message: less on a slow link, where what queues goes stale, and less where no answer came.

import { S_SLOW } from "./slot";

/** Of S_SLOW: the lower bits are the link's, those above count the time-outs since the last answer, four at most. */
const LINK: u32 = 31;
const TIME_OUT: u32 = 32;

/** Halves what may be outstanding: 64 messages, down to two after the fifth time. */
export function slowDown(s: usize): void {
  let slow = <u32>load<u8>(s, S_SLOW);
  store<u8>(s, (STREAM_ONLY ? 0 : slow & ~LINK) | (((slow << 1) | 1) & LINK), S_SLOW);
}

/** Datagrams: how often in a row no answer came. */
// @ts-ignore: decorator
@inline
export function timeOuts(s: usize): u32 {
  return <u32>load<u8>(s, S_SLOW) >> 5;
}

/** A quarter, until the next answer: a burst that was cut would be cut again where it was before (after RFC 5681 3.1). */
// @ts-ignore: decorator
@inline
export function timedOut(s: usize): void {
  store<u8>(s, load<u8>(s, S_SLOW) + <u8>TIME_OUT, S_SLOW);
}

export function answered(s: usize): void {
  store<u8>(s, load<u8>(s, S_SLOW) & <u8>LINK, S_SLOW);
}

/** Ids that may wait for their ACK at a time. */
// @ts-ignore: decorator
@inline
export function outstanding(s: usize): u32 {
  let slow = <u32>load<u8>(s, S_SLOW);
  if (STREAM_ONLY) return 64 / (slow + 1);
  return max((64 / ((slow & LINK) + 1)) >> ((slow >> 5) << 1), 1);
}
