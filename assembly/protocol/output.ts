// What the core gives its host: events, and frames in the output. On datagram links each frame is led by its
// length (u16, little-endian, not on the wire), because one frame is one datagram.

import {
  ACK, A_EVENT_COUNT, A_OUT_BYTES, EV_REFUSED, FLAG_NATIVE, S_SESSION, S_TX_COUNTER,
} from "../abi";
import {
  ARENA, COUNTERS, EVENTS, JOB, J_BODY, J_BYTES, J_COUNTER_LOW, J_HEADER, J_TAG, J_TIME, J_TYPE, OUT, OUT_CAP, S_SPOKE, SUBJECT, EVENT_CAP, clock, isDatagram, now, tagBytes,
} from "./slot";
import { seal } from "./suite";

/** Bytes that lead a frame's body at most: length prefix 2, type 1, session 4, seq 2, time 3. */
export const LEAD_MAX: u32 = 12;

// @ts-ignore: decorator
@inline
export function outBytes(): u32 {
  return load<u32>(ARENA, A_OUT_BYTES);
}

export function hasRoom(bytes: u32): bool {
  return outBytes() + bytes <= OUT_CAP;
}

/** One event. A full list is a fault of the host's, which reads it after every call: better a trap than a lost event. */
export function event(head: u32, c: usize, d: u32, e: u32): void {
  let n = load<u32>(ARENA, A_EVENT_COUNT);
  if (n == EVENT_CAP) unreachable();
  let p = EVENTS + (n << 4);
  store<u32>(p, head);
  store<u32>(p, <u32>c, 4);
  store<u32>(p, d, 8);
  store<u32>(p, e, 12);
  store<u32>(ARENA, n + 1, A_EVENT_COUNT);
}

/** An event about the session that this call is about: {kind, a, b} in the head. */
export function emit(head: u32, d: u32, e: u32): void {
  event(head, GATEWAY ? load<u32>(SUBJECT) : 0, d, e);
}

/** Counts a refusal under its reason and tells the host. */
// @ts-ignore: decorator
@inline
export function refuse(reason: u32, type: u32): void {
  refuseMessage(reason, type, 0, 0);
}

export function refuseMessage(reason: u32, type: u32, id: u32, off: u32): void {
  let p = COUNTERS + (reason << 2);
  store<u32>(p, load<u32>(p) + 1);
  emit(EV_REFUSED | (reason << 8) | (type << 16), id, off);
}

/** Fills a job: where the body lies, and in big-endian what every tag covers besides it: counter, time, type, length. */
export function describe(job: usize, counter: u64, time: u32, type: u32, body: usize, bytes: u32): void {
  store<u32>(job, bswap<u32>(<u32>(counter >> 32)), J_HEADER);
  store<u32>(job, bswap<u32>(<u32>counter), J_COUNTER_LOW);
  store<u32>(job, bswap<u32>(time), J_TIME);
  store<u32>(job, bswap<u32>((type << 24) | (bytes << 8)), J_TYPE); // and the length behind it
  store<u32>(job, <u32>body, J_BODY);
  store<u32>(job, bytes, J_BYTES);
  store<u32>(job, <u32>body + bytes, J_TAG);
}

/** Begins a protected frame: writes what leads the body, fills the job, and returns where the body goes. The caller has made sure of room. */
export function begin(s: usize, type: u32, bytes: u32, job: usize): usize {
  let p = OUT + outBytes(), counter = load<u64>(s, S_TX_COUNTER), body: usize;
  type |= FLAG_NATIVE;
  if (isDatagram(s)) {
    store<u16>(p, bytes + 10 + tagBytes(s));
    store<u8>(p, type, 2);
    store<u32>(p, load<u32>(s, S_SESSION), 3);
    store<u16>(p, bswap<u32>(<u32>counter) >> 16, 7);
    body = p + 12;
  } else {
    let second = <u32>(bytes > 127); // a second byte of the length; where there is none, time overwrites it
    store<u8>(p, type);
    store<u8>(p, bytes | (second << 7), 1);
    store<u8>(p, bytes >> 7, 2);
    body = p + 5 + second;
  }
  describe(job, counter, clock(s), type, body, bytes);
  store<u32>(body - 3, load<u32>(job, J_TIME + 1)); // the time's lower 24 bits, and a byte of the body, which is written later
  return body;
}

/** Counts the frame of a job and lets the output grow by it. */
export function advance(s: usize, job: usize): void {
  store<u64>(s, load<u64>(s, S_TX_COUNTER) + 1, S_TX_COUNTER);
  store<u32>(s, now(), S_SPOKE);
  store<u32>(ARENA, load<u32>(job, J_TAG) + tagBytes(s) - <u32>OUT, A_OUT_BYTES);
}

/** Seals and counts the frame that `begin` began in JOB. */
export function finish(s: usize): void {
  seal(s, JOB);
  advance(s, JOB);
}

/** A frame whose body is the first `bytes` of these two little-endian words; what is written too much the tag overwrites. */
export function sendControl(s: usize, type: u32, bytes: u32, first: u32, second: u32): void {
  let p = begin(s, type, bytes, JOB);
  store<u32>(p, first);
  store<u32>(p, second, 4);
  finish(s);
}

export function sendAck(s: usize, id: u32, status: u32): void {
  sendControl(s, ACK, 5, bswap<u32>(id), status);
}

/** An unprotected handshake frame of `bytes`, fewer than 128 on a stream: returns where its body goes, whose first bytes are overwritten. */
export function plain(s: usize, type: u32, bytes: u32): usize {
  let datagram = <u32>isDatagram(s), p = OUT + outBytes();
  type |= FLAG_NATIVE;
  store<u32>(p, datagram ? (bytes + 1) | (type << 16) : type | (bytes << 8));
  p += 2 + datagram;
  store<u32>(ARENA, <u32>(p - OUT) + bytes, A_OUT_BYTES);
  return p;
}
