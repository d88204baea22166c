// PING and PONG: whether the other side is there, and how a device keeps the gateway's time.

import {
  EV_CLOCK, FLAG_NATIVE, PING, PONG, REFUSED_MALFORMED, REFUSED_PONG, S_TX_COUNTER, S_PINGS, S_CLOCK_LOST,
} from "../abi";
import { begin, emit, finish, hasRoom, refuseMessage, sendControl } from "./output";
import { slowDown } from "./slow";
import {
  JOB, OUT_RESERVE, S_BASE, S_CLOCK_SET, S_CONFIRMED, S_PING, S_PING_COUNTER,
  S_WINDOW, clock, isDevice, now,
} from "./slot";

export function sendPing(s: usize): void {
  if (!hasRoom(OUT_RESERVE)) return;
  store<u32>(s, now(), S_PING);
  store<u32>(s, load<u32>(s, S_TX_COUNTER), S_PING_COUNTER);
  let pings = load<u8>(s, S_PINGS);
  store<u8>(s, pings + <u8>!pings, S_PINGS); // due() counts those behind the first
  sendControl(s, PING, 8, 0, bswap<u32>(now()));
}

/** Both return a refusal, or 0. */
export function ping(s: usize, p: usize, bytes: u32): u32 {
  if (bytes != 8) return REFUSED_MALFORMED;
  let t1 = load<u64>(p), own = bswap<u32>(clock(s));
  let out = begin(s, PONG, 16, JOB);
  store<u64>(out, t1);
  store<u32>(out, own, 8);
  store<u32>(out, own, 12);
  finish(s);
  return 0;
}

/** Only the device sets its clock, once a PING, and only by a round trip within the window. */
export function pong(s: usize, p: usize, bytes: u32): u32 {
  if (bytes != 16) return REFUSED_MALFORMED;
  let sent = bswap<u32>(load<u32>(p, 12));
  let trip = now() - load<u32>(s, S_PING) - (sent - bswap<u32>(load<u32>(p, 8)));
  if (<u32>!load<u8>(s, S_PINGS) | load<u32>(p) | (bswap<u32>(load<u32>(p, 4)) ^ load<u32>(s, S_PING))) return REFUSED_PONG;
  store<u8>(s, 0, S_PINGS);
  store<u32>(s, load<u32>(s, S_PING_COUNTER), S_CONFIRMED);
  let window = load<u32>(s, S_WINDOW);
  if (trip > window >> 1) slowDown(s);
  if (isDevice(s)) {
    if (trip > window) {
      refuseMessage(REFUSED_PONG, PONG | FLAG_NATIVE, 0, trip);
      return 0;
    }
    let before = load<u32>(s, S_BASE), base = now() - sent - (trip >> 1);
    store<u32>(s, base, S_BASE);
    store<u32>(s, now(), S_CLOCK_SET);
    store<u8>(s, 0, S_CLOCK_LOST);
    emit(EV_CLOCK, before - base, trip);
  }
  return 0;
}
