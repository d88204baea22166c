// The device: when it connects, proves itself, pings, sends again and waits. Its host moves bytes, keeps the
// bodies of messages, and calls `poll` when the time that it returned is over. docs/abi.md says each call.

import {
  A_COUNTERS, A_ENTROPY, A_EVENTS, A_EVENT_COUNT, A_OUT, A_OUT_BYTES, A_RX, A_RX_ROOM, A_SEND, A_SEND_ROOM, A_SLOT, CLOSE,
  DOWN_EXPIRED, DOWN_HOST, DOWN_LINK, DOWN_OUTBOX, DOWN_TIMEOUT, D_DRIFT, D_ID_BYTES, D_IN_LAST, D_IN_OUTBOX,
  D_LARGEST, D_LINK, D_OUTBOX, D_OUT_LOW, D_OUT_NEXT, D_OUT_SENT, D_SUITES, EV_CONNECT, E_ARGUMENT, E_ENTROPY,
  E_EVENTS, E_ROOM, E_STATE, MORE, OK, SLOT_BYTES, STATE_FREE, STATE_HELLO, STATE_LINKING, STATE_ONLINE,
  STATE_PROVED, STATE_WAITING, S_IN_LAST, S_IN_OUTBOX, S_LINK, S_OUTBOX, S_STATE,
} from "../abi";
import { maySend, answer as giveAnswer, post, queue as raise, retry } from "../protocol/delivery";
import { end } from "../protocol/end";
import { begin, emit, finish, hasRoom, outBytes } from "../protocol/output";
import { sendPing } from "../protocol/ping";
import { receive } from "../protocol/receive";
import {
  ARENA, CONFIG, COUNTERS, DEVICE_SLOT, EVENTS, EVENT_CAP, JOB, NOW, OUT, OUT_CAP, OUT_RESERVE, RETRY_ACK, RETRY_WAIT,
  RX, RX_BYTES, RX_CAP, RX_START, S_ASKED, S_CLOCK_LOST, S_CLOCK_SET, S_CURSOR, S_ENDED_AT, S_HEARD, S_IDLE, S_LIFE, S_LOW,
  S_NEXT, S_PING, S_PINGING, S_RETRY, S_RETRY_AT, S_ROLE, S_SENT, S_SPOKE, S_STARTED, S_TAKEN, S_TAKES,
  S_TIMED_OUT, S_WINDOW, clock, isDatagram, now,
} from "../protocol/slot";
import { HANDSHAKE_MS } from "../protocol/transcript";
import { challenge, hello, proof } from "./handshake";

const S: usize = DEVICE_SLOT;
/** Events that one frame or one call can cause at most. */
const EVENT_RESERVE: u32 = 6;
const PING_MS: u32 = 10000;
const PINGS: u32 = 3;
/** Between repeats of PROOF on datagrams. */
const PROOF_MS: u32 = 1000;
/** A 50 ppm crystal is off by window/4 (500 ms) after 2.7 h. */
const DRIFT_MS: u32 = 9720000;
/** Lead of a frame 12, id 4, age 4: the host writes a body this far behind the output, so that it only moves down. */
const BODY_AHEAD: u32 = 20;

export function arena(): usize {
  return ARENA;
}

/** Every call begins here: time, and room for what it may tell. */
function enter(at: u32): bool {
  store<u32>(NOW, at);
  return load<u32>(ARENA, A_EVENT_COUNT) + EVENT_RESERVE <= EVENT_CAP;
}

/** … and ends here: where the host reads and writes next. */
function leave(status: i32): i32 {
  let out = outBytes(), rx = load<u32>(RX_START) + load<u32>(RX_BYTES);
  store<u32>(ARENA, <u32>RX + rx, A_RX);
  store<u32>(ARENA, RX_CAP - rx, A_RX_ROOM);
  store<u32>(ARENA, <u32>OUT + out + BODY_AHEAD, A_SEND);
  out += BODY_AHEAD + 16;
  store<u32>(ARENA, out < OUT_CAP ? OUT_CAP - out : 0, A_SEND_ROOM);
  return status;
}

/** Takes the settings; forgets any session. */
export function init(at: u32): i32 {
  store<u32>(NOW, at);
  let largest = <u32>load<u16>(CONFIG, D_LARGEST);
  if (<u32>load<u8>(CONFIG, D_ID_BYTES) - 1 > 63 || !load<u8>(CONFIG, D_SUITES) || largest > <u32>BUFFER) return E_ARGUMENT;
  if (STREAM_ONLY && load<u8>(CONFIG, D_LINK) & 1) return E_ARGUMENT;
  memory.fill(S, 0, SLOT_BYTES);
  if (GATEWAY) store<u8>(S, 1, S_ROLE);
  store<u8>(S, load<u8>(CONFIG, D_LINK), S_LINK);
  store<u32>(S, largest, S_TAKES);
  store<u32>(S, load<u32>(CONFIG, D_OUTBOX), S_OUTBOX);
  store<u32>(S, load<u32>(CONFIG, D_OUT_LOW), S_LOW);
  store<u32>(S, load<u32>(CONFIG, D_OUT_SENT), S_SENT);
  store<u32>(S, load<u32>(CONFIG, D_OUT_NEXT), S_NEXT);
  store<u32>(S, load<u32>(CONFIG, D_IN_OUTBOX), S_IN_OUTBOX);
  store<u32>(S, load<u32>(CONFIG, D_IN_LAST), S_IN_LAST);
  store<u32>(S, load<u32>(CONFIG, D_IN_LAST), S_TAKEN);
  store<u32>(ARENA, 0, A_EVENT_COUNT);
  store<u32>(ARENA, <u32>OUT, A_OUT);
  store<u32>(ARENA, <u32>EVENTS, A_EVENTS);
  store<u32>(ARENA, <u32>COUNTERS, A_COUNTERS);
  store<u32>(ARENA, <u32>S, A_SLOT);
  return empty();
}

/** Nothing in either buffer. */
function empty(): i32 {
  store<u32>(ARENA, 0, A_OUT_BYTES);
  store<u32>(RX_START, 0);
  store<u32>(RX_BYTES, 0);
  return leave(OK);
}

function open(): void {
  store<u8>(S, STATE_LINKING, S_STATE);
  emit(EV_CONNECT, 0, 0, S, 0, 0);
}

export function start(at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  if (load<u8>(S, S_STATE) != STATE_FREE) return E_STATE;
  open();
  return OK;
}

/** The link is up: HELLO. The entropy area must hold 32 fresh random bytes. */
export function connected(at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  if (load<u8>(S, S_STATE) != STATE_LINKING) return E_STATE;
  let any: u64 = 0;
  for (let i: usize = 0; i < 32; i += 8) any |= load<u64>(ARENA + A_ENTROPY + i);
  if (!any) return E_ENTROPY;
  empty();
  hello(S);
  return leave(OK);
}

/** The link is gone, or could not be opened. */
export function lost(at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  let state = load<u8>(S, S_STATE);
  if (state == STATE_FREE || state == STATE_WAITING) return E_STATE;
  end(S, DOWN_LINK, 0, 0);
  return empty();
}

/** `bytes` were put at A_RX. MORE: take output and events, then call again with 0. */
export function rx(bytes: u32, at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  let begin = load<u32>(RX_START), have = load<u32>(RX_BYTES) + bytes, status: i32 = OK;
  if (bytes > RX_CAP - begin - have + bytes) return E_ARGUMENT;
  memory.copy(RX, RX + begin, have); // what events pointed to has been read
  begin = 0;
  while (have) {
    if (!enter(at) || !hasRoom(OUT_RESERVE + 160)) {
      status = MORE;
      break;
    }
    let state = load<u8>(S, S_STATE), p = RX + begin, took: u32;
    if (state == STATE_HELLO) took = challenge(S, p, have);
    else if (maySend(S)) took = receive(S, p, have);
    else took = have; // the link is over: nothing counts any more
    if (!took && load<u8>(S, S_STATE) != state) took = have;
    if (!took) break;
    begin += took;
    have -= took;
  }
  store<u32>(RX_START, begin);
  store<u32>(RX_BYTES, have);
  if (!have) store<u32>(RX_START, 0);
  return leave(status);
}

/** The host took the first `bytes` of the output. */
export function sent(bytes: u32): i32 {
  let rest = outBytes() - bytes;
  if (bytes > outBytes()) return E_ARGUMENT;
  memory.copy(OUT, OUT + bytes, rest);
  store<u32>(ARENA, rest, A_OUT_BYTES);
  return leave(OK);
}

/** Ids below `next` are queued at the host. */
export function queue(next: u32, at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  raise(S, next);
  return OK;
}

/** Frames the body that the host put at A_SEND. */
export function send(type: u32, bytes: u32, id: u32, age: u32, at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  return leave(post(S, type, id, age, OUT + outBytes() + BODY_AHEAD, bytes, JOB));
}

/** The verdict on a message that was reported. */
export function answer(id: u32, status: u32, at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  return leave(giveAnswer(S, id, status));
}

/** A new outbox, after EV_OUTBOX: its ids begin at 1 and end before `next`. A new handshake tells it. */
export function renumber(outbox: u32, next: u32, at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  store<u32>(CONFIG, outbox, D_OUTBOX);
  store<u32>(S, outbox, S_OUTBOX);
  store<u32>(S, 1, S_LOW);
  store<u32>(S, 0, S_SENT);
  store<u32>(S, next, S_NEXT);
  if (maySend(S)) end(S, DOWN_OUTBOX, 0, 0);
  return leave(OK);
}

/** CLOSE, and no new try until `start`. */
export function stop(reason: u32, at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  if (maySend(S)) {
    if (!hasRoom(OUT_RESERVE)) return E_ROOM;
    let p = begin(S, CLOSE, 3, JOB);
    store<u8>(p, reason);
    store<u16>(p, 0, 1);
    finish(S);
  }
  if (load<u8>(S, S_STATE) != STATE_FREE) end(S, DOWN_HOST, 0, 0);
  return leave(OK);
}

/** The host's clock did not run through a sleep. */
export function clock_lost(at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  if (load<u8>(S, S_STATE) == STATE_ONLINE) {
    store<u8>(S, 1, S_CLOCK_LOST);
    sendPing(S);
  }
  return leave(OK);
}

/** Does one thing that is due and returns 0 (call again), or returns the ms until something is. */
export function poll(at: u32): i32 {
  if (!enter(at)) return 0;
  let wait = due();
  leave(OK);
  return wait;
}

// @ts-ignore: decorator
@inline
function until(then: u32): i32 {
  return <i32>(then - now());
}

function due(): i32 {
  let state = load<u8>(S, S_STATE), wait: i32 = i32.MAX_VALUE;
  if (state == STATE_FREE || state == STATE_LINKING) return wait;
  if (state == STATE_WAITING) {
    wait = until(load<u32>(S, S_ENDED_AT));
    if (wait > 0) return wait;
    open();
    return 0;
  }
  if (!hasRoom(OUT_RESERVE + 140)) return 1; // the host has output to take first
  if (state != STATE_ONLINE) {
    wait = until(load<u32>(S, S_STARTED) + HANDSHAKE_MS);
    if (wait <= 0) {
      end(S, DOWN_TIMEOUT, 0, 0);
      return 0;
    }
    if (state == STATE_HELLO) return wait;
    if (isDatagram(S)) {
      wait = min(wait, until(load<u32>(S, S_PING) + PROOF_MS));
      if (wait <= 0) {
        proof(S);
        return 0;
      }
    }
  } else {
    // Before the last frames' times run out of the session's life.
    wait = load<u32>(S, S_LIFE) - 2 * load<u32>(S, S_WINDOW) - clock(S);
    if (wait <= 0) {
      end(S, DOWN_EXPIRED, 0, 0);
      return 0;
    }
    let next: i32;
    if (load<u8>(S, S_PINGING)) {
      next = until(load<u32>(S, S_PING) + PING_MS);
    } else {
      // Heard nothing, or said nothing, for a third of the idle time; or the clock may have drifted.
      let drift = load<u32>(CONFIG, D_DRIFT);
      let quiet = load<u32>(S, S_IDLE) / 3;
      next = min(
        min(until(load<u32>(S, S_HEARD) + quiet), until(load<u32>(S, S_SPOKE) + quiet)),
        until(load<u32>(S, S_CLOCK_SET) + (drift ? drift : DRIFT_MS)),
      );
    }
    if (next <= 0) {
      let unanswered = <u32>load<u8>(S, S_TIMED_OUT);
      if (load<u8>(S, S_PINGING)) store<u8>(S, ++unanswered, S_TIMED_OUT);
      if (unanswered == PINGS) end(S, DOWN_TIMEOUT, 0, 0);
      else sendPing(S);
      return 0;
    }
    wait = min(wait, next);
  }
  let mode = <u32>load<u8>(S, S_RETRY);
  if (mode == RETRY_ACK || mode == RETRY_WAIT) {
    let next = until(load<u32>(S, S_RETRY_AT));
    if (next <= 0) {
      retry(S);
      return 0;
    }
    wait = min(wait, next);
  }
  return wait;
}
