// PING and PONG: whether the other side is there, and how a device keeps the gateway's time.

import {
  EV_CLOCK, EV_PROBED, E_ARGUMENT, E_ROOM, E_STATE, E_TOO_LONG, FLAG_NATIVE, OK, PING, PONG, REFUSED_MALFORMED, REFUSED_PONG,
  STATE_ONLINE, S_CLOCK_LOST, S_LARGEST, S_PINGS, S_STATE, S_TX_COUNTER,
} from "../abi";
import { DATAGRAMS_IN_FLIGHT, unconfirmed } from "./delivery";
import { begin, emit, finish, hasRoom, refuseMessage, sendControl } from "./output";
import { slowDown } from "./slow";
import {
  JOB, OUT_RESERVE, PATH, S_BASE, S_CLOCK_SET, S_CONFIRMED, S_PING, S_PING_COUNTER, S_PROBE, S_PROBE_AT,
  S_WINDOW, clock, isDatagram, isDevice, now, tagBytes,
} from "./slot";

const PING_BYTES: u32 = 8;

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
  if (bytes < PING_BYTES) return REFUSED_MALFORMED; // zeros behind t1 make it as long as a path's probe
  let t1 = load<u64>(p), own = bswap<u32>(clock(s));
  let out = begin(s, PONG, 16, JOB);
  store<u64>(out, t1);
  store<u32>(out, own, 8);
  store<u32>(out, own, 12);
  finish(s);
  return 0;
}

/**
 * PING with a number in t1's upper half, which no other PING has, padded so that its datagram has `bytes`: whether a path
 * carries so much, or leads to the peer at all. One waits at a time.
 */
export function sendProbe(s: usize, number: u32, bytes: u32): i32 {
  if (<u32>(load<u8>(s, S_STATE) != STATE_ONLINE) | <u32>!isDatagram(s)) return E_STATE;
  let body = max(bytes, PING_BYTES + 10 + tagBytes(s)) - 10 - tagBytes(s);
  if (!number) return E_ARGUMENT;
  if (body > load<u32>(s, S_LARGEST)) return E_TOO_LONG;
  if (!hasRoom(body + OUT_RESERVE) || unconfirmed(s) >= DATAGRAMS_IN_FLIGHT) return E_ROOM;
  store<u32>(s, number, S_PROBE);
  store<u32>(s, now(), S_PROBE_AT);
  let p = begin(s, PING, body, JOB);
  memory.fill(p, 0, body);
  store<u32>(p, bswap<u32>(number));
  store<u32>(p, bswap<u32>(now()), 4);
  finish(s);
  return OK;
}

/** A probe's PONG. That of a path counts only from where the probe went. */
function probed(s: usize, number: u32, at: u32): u32 {
  if (<u32>(number != load<u32>(s, S_PROBE)) | <u32>(at != load<u32>(s, S_PROBE_AT))) return REFUSED_PONG;
  if (number >> 31) {
    if (number != load<u32>(PATH)) return REFUSED_PONG;
    store<u32>(PATH, 0); // from here on it is the session's
  }
  store<u32>(s, 0, S_PROBE);
  emit(EV_PROBED, number, now() - at);
  return 0;
}

/** Only the device sets its clock, once a PING, and only by a round trip within the window. */
export function pong(s: usize, p: usize, bytes: u32): u32 {
  if (bytes != 16) return REFUSED_MALFORMED;
  if (GATEWAY && load<u32>(p)) return probed(s, bswap<u32>(load<u32>(p)), bswap<u32>(load<u32>(p, 4)));
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
