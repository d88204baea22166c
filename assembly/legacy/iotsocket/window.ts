// Which TIME stamps a device has used. Values, not order, count: early and late are alike, each value passes once.
//
// A stamp is remembered for as long as it could be accepted, until it lies 3 s behind the receiver's clock. The older
// server empties its list at once after a pause, which lets stamps from ahead come again; and it counts without a
// window, so that a slow device is cut off at its 334th message.

import { IOT_FUTURE, IOT_RATE, IOT_REPLAY, IOT_STALE, OK } from "../../abi";
import { rate, S_ACCEPTED, S_FIRST, S_STAMPS, S_STAMP_END } from "./slot";

/** 3 s in units of 0.1 ms: a stamp that is off by just this is refused. */
export const WINDOW: u32 = 30000;

/**
 * Takes the stamp, or says why not. Stamps lie sorted, from S_FIRST to S_STAMP_END, as the lower 32 bits of their value.
 *
 * The rate counts the stamps that lie less than 3 s before the later of this stamp and the clock. Then a device that
 * is ahead has its rate by its own clock, and one that is behind is not held to stamps that no longer count: what the
 * older server accepts in order passes here. At most `rate` stamps lie up to the clock and as many ahead of it, so
 * twice the rate is room enough.
 */
export function accept(s: usize, stamp: u64, now: u64): u32 {
  let off = <i64>(stamp - now);
  if (off <= -<i64>WINDOW) return IOT_STALE;
  if (off >= <i64>WINDOW) return IOT_FUTURE;
  let list = s + S_STAMPS, first = load<u32>(s, S_FIRST), end = load<u32>(s, S_STAMP_END), value = <u32>stamp, clock = <u32>now;
  // None is that young, or the clock was set back: differences below may not be taken of what is days away.
  if (<u64>(now - load<u64>(s, S_ACCEPTED) + WINDOW) > 3 * WINDOW) first = end = 0;
  while (first < end && <i32>(load<u32>(list + (first << 2)) - clock) <= -<i32>WINDOW) first++;
  let at = above(list, first, end, value - 1);
  if (at < end && load<u32>(list + (at << 2)) == value) return IOT_REPLAY;
  if (end - first >= rate() && end - above(list, first, end, (off > 0 ? value : clock) - WINDOW) >= rate()) return IOT_RATE;
  if (end == 2 * rate()) {
    if (!first) return IOT_RATE; // only where the clock went back a little
    memory.copy(list, list + (first << 2), (end - first) << 2);
    at -= first;
    end -= first;
    first = 0;
  }
  let place = list + (at << 2);
  memory.copy(place + 4, place, (end - at) << 2);
  store<u32>(place, value);
  store<u32>(s, first, S_FIRST);
  store<u32>(s, end + 1, S_STAMP_END);
  store<u64>(s, now, S_ACCEPTED);
  return OK;
}

/** Index of the first stamp above `value`. Nearly always the end, which is looked at first. */
function above(list: usize, first: u32, end: u32, value: u32): u32 {
  let most = end;
  if (first < end && <i32>(load<u32>(list + (end << 2) - 4) - value) <= 0) return end;
  while (first < most) {
    let middle = (first + most) >> 1;
    if (<i32>(load<u32>(list + (middle << 2)) - value) > 0) most = middle;
    else first = middle + 1;
  }
  return most;
}
