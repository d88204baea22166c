// The device: when it connects, proves itself, pings, sends again and waits. Its host moves bytes, keeps the
// bodies of messages, and calls `poll` when the time that it returned is over. docs/abi.md says each call.

import {
  A_DRIFT, A_ENTROPY, A_EVENT_COUNT, A_OUT_BYTES, A_RX_FROM, A_RX_TO, CLOSE, DOWN_EXPIRED, DOWN_HOST,
  DOWN_LINK, DOWN_OUTBOX, DOWN_TIMEOUT, EV_CONNECT, E_ARGUMENT, E_ENTROPY, E_EVENTS, E_ROOM, E_STATE, 
  H_ID_BYTES, H_LINK, H_OUTBOX, H_SUITES, MORE, OK, SEND_AHEAD, STATE_FREE, STATE_HELLO, STATE_LINKING, STATE_ONLINE,
  STATE_PROVED, STATE_WAITING, S_HELLO_BYTES, S_IN_LAST, S_LINK, S_LOW, S_NEXT, S_STATE, S_TAKES, S_TX_COUNTER, SLOT_BYTES,
} from "../abi";
import { maySend, answer as giveAnswer, post, queue as raise, retry } from "../protocol/delivery";
import { end } from "../protocol/end";
import { emit, hasRoom, outBytes, sendControl } from "../protocol/output";
import { sendPing } from "../protocol/ping";
import { STREAM_WANTS_MORE } from "../protocol/frame";
import { broken, receive } from "../protocol/receive";
import {
  ARENA, DEVICE_SLOT, EVENT_CAP, JOB, OUT, OUT_RESERVE, RETRY_NONE, RETRY_STOPPED, RX, RX_CAP, S_CLOCK_LOST,
  S_CLOCK_SET, S_CONFIRMED, S_ENDED_AT, S_HEARD, S_IDLE, S_LIFE, S_PING, S_PINGS, S_RETRY, S_RETRY_AT, S_ROLE, S_SPOKE,
  S_STARTED, S_TAKEN, S_WINDOW, seed, SUBJECT, clock, isDatagram, locate, now, setNow,
} from "../protocol/slot";
import { HANDSHAKE_MS, H_FIXED, helloOf } from "../protocol/transcript";
import { challenge, hello, proof } from "./handshake";

const S: usize = DEVICE_SLOT;
/** Left of the event list before a frame is handled: for what it tells, and for the calls a host makes meanwhile. */
const EVENT_RESERVE: u32 = GATEWAY ? 256 : 6;
const PING_MS: u32 = 10000;
const PINGS: u32 = 3;
/** Between repeats of PROOF on datagrams. */
const PROOF_MS: u32 = 1000;
/** Half of what the truncated counter allows beyond the last confirmed frame: then a PING asks. */
const UNCONFIRMED: u32 = 8192;
/** Forgets everything and returns the arena's address; then the host writes the settings and calls init. */
export function arena(): usize {
  locate();
  memory.fill(S, 0, SLOT_BYTES);
  return ARENA;
}

/** Every call begins here. False: events of earlier calls are unread (a host in Node may call while it reads them). */
function enter(at: u32): bool {
  setNow(at);
  if (!GATEWAY) return true;
  store<u32>(SUBJECT, <u32>S);
  return load<u32>(ARENA, A_EVENT_COUNT) + 4 <= EVENT_CAP;
}

/** Checks the settings: A_KEY, A_ROUND_TRIP, A_DRIFT, and what is marked * in the slot. */
export function init(at: u32): i32 {
  enter(at);
  if (GATEWAY) store<u8>(S, 1, S_ROLE);
  seed(load<u32>(ARENA, A_ENTROPY)); // a device that finds no gateway at all backs off by it
  let bytes = <u32>load<u8>(S, S_HELLO_BYTES);
  store<u32>(S, load<u32>(S, S_IN_LAST), S_TAKEN);
  store<u8>(helloOf(S), bytes - H_FIXED, H_ID_BYTES);
  let link = load<u8>(helloOf(S), H_LINK);
  store<u8>(S, link, S_LINK);
  return load<u32>(S, S_TAKES) > <u32>BUFFER || !load<u8>(helloOf(S), H_SUITES) || (STREAM_ONLY && link & 1) || bytes - H_FIXED - 1 > 63
    ? E_ARGUMENT : OK;
}

/** Nothing in either buffer. */
function empty(): i32 {
  store<u32>(ARENA, 0, A_OUT_BYTES);
  store<u32>(ARENA, <u32>RX, A_RX_FROM);
  store<u32>(ARENA, <u32>RX, A_RX_TO);
  return OK;
}

function open(): void {
  store<u8>(S, STATE_LINKING, S_STATE);
  emit(EV_CONNECT, 0, 0);
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
  if (!load<u64>(ARENA, A_ENTROPY)) return E_ENTROPY; // 64 random bits are all zero once in 10^19 tries
  empty();
  hello(S);
  return OK;
}

/** The link is gone, or could not be opened. */
export function lost(at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  let state = load<u8>(S, S_STATE);
  if (state == STATE_FREE || state == STATE_WAITING) return E_STATE;
  end(S, DOWN_LINK, 0, 0);
  return empty();
}

/** `bytes` were put at A_RX_TO. MORE: take output and events, then call again with 0. */
export function rx(bytes: u32, at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  let from = load<u32>(ARENA, A_RX_FROM), have = load<u32>(ARENA, A_RX_TO) - from + bytes, status: i32 = OK;
  if (bytes > RX_CAP || have > RX_CAP) return E_ARGUMENT;
  memory.copy(RX, from, have); // what events pointed to has been read
  from = <u32>RX;
  while (have) {
    if (load<u32>(ARENA, A_EVENT_COUNT) + EVENT_RESERVE > EVENT_CAP || !hasRoom(OUT_RESERVE + 160)) {
      status = MORE;
      break;
    }
    let state = load<u8>(S, S_STATE), type = <u32>load<u8>(from);
    // Where the link is over nothing counts any more.
    let took = <i32>have;
    if (state >= <u8>STATE_HELLO) took = state == STATE_HELLO ? challenge(S, from, have) : receive(S, from, have);
    if (took < 0) {
      if (took == STREAM_WANTS_MORE) break;
      broken(S, -took, type);
      took = have;
    }
    from += took;
    have -= took;
  }
  if (!have) from = <u32>RX;
  store<u32>(ARENA, from, A_RX_FROM);
  store<u32>(ARENA, from + have, A_RX_TO);
  return status;
}

/** The host took the first `bytes` of the output. */
export function sent(bytes: u32): i32 {
  let rest = outBytes() - bytes;
  if (bytes > outBytes()) return E_ARGUMENT;
  memory.copy(OUT, OUT + bytes, rest);
  store<u32>(ARENA, rest, A_OUT_BYTES);
  return OK;
}

/** Ids below `next` are queued at the host. */
export function queue(next: u32, at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  raise(S, next);
  return OK;
}

/** Frames the body that the host put SEND_AHEAD behind the output. */
export function send(type: u32, bytes: u32, id: u32, age: u32, at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  return post(S, type, id, age, OUT + outBytes() + SEND_AHEAD, bytes, JOB);
}

/** The verdict on a message that was reported. */
export function answer(id: u32, status: u32, at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  return giveAnswer(S, id, status);
}

/** A new outbox, after EV_OUTBOX: its ids begin at 1 and end before `next`. A new handshake tells it. */
export function renumber(outbox: u32, next: u32, at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  store<u32>(helloOf(S), bswap<u32>(outbox), H_OUTBOX);
  store<u64>(S, 1, S_LOW); // and S_SENT behind it: 0
  store<u32>(S, next, S_NEXT);
  if (maySend(S)) end(S, DOWN_OUTBOX, 0, 0);
  return OK;
}

/** CLOSE, and no new try until `start`. */
export function stop(reason: u32, at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  if (maySend(S)) {
    if (!hasRoom(OUT_RESERVE)) return E_ROOM;
    sendControl(S, CLOSE, 3, reason & 0xff, 0);
  }
  if (load<u8>(S, S_STATE) != STATE_FREE) end(S, DOWN_HOST, 0, 0);
  return OK;
}

/** The host's clock did not run through a sleep. */
export function clock_lost(at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  if (load<u8>(S, S_STATE) == STATE_ONLINE) {
    store<u8>(S, 1, S_CLOCK_LOST);
    sendPing(S);
  }
  return OK;
}

/** Does one thing that is due and returns 0 (call again), or returns the ms until something is. */
export function poll(at: u32): i32 {
  if (!enter(at)) return 0;
  wait = i32.MAX_VALUE;
  return due() ? 0 : wait;
}

/** The shortest time until one of the deadlines that `past` was asked about. Starts at 0: see docs/abi.md on globals. */
let wait: i32 = 0;

function past(then: u32): bool {
  let ms = <i32>(then - now());
  if (ms <= 0) return true;
  if (ms < wait) wait = ms;
  return false;
}

function due(): bool {
  let state = load<u8>(S, S_STATE);
  if (state == STATE_FREE || state == STATE_LINKING) return false;
  if (state == STATE_WAITING) {
    if (!past(load<u32>(S, S_ENDED_AT))) return false;
    open();
    return true;
  }
  if (!hasRoom(OUT_RESERVE + 140)) {
    wait = 1; // the host has output to take first
    return false;
  }
  if (state != STATE_ONLINE) {
    if (past(load<u32>(S, S_STARTED) + HANDSHAKE_MS)) {
      end(S, DOWN_TIMEOUT, 0, 0);
      return true;
    }
    if (state == STATE_HELLO) return false;
    if (isDatagram(S) && past(load<u32>(S, S_PING) + PROOF_MS)) {
      proof(S);
      return true;
    }
  } else {
    // Before the last frames' times run out of the session's life.
    if (past(load<u32>(S, S_LIFE) - 2 * load<u32>(S, S_WINDOW) - clock(S) + now())) {
      end(S, DOWN_EXPIRED, 0, 0);
      return true;
    }
    // Heard nothing, or said nothing, for a third of the idle time; or the clock may have drifted.
    let quiet = load<u32>(S, S_IDLE) / 3, pings = <u32>load<u8>(S, S_PINGS);
    if (pings ? past(load<u32>(S, S_PING) + PING_MS)
      : past(load<u32>(S, S_HEARD) + quiet) || past(load<u32>(S, S_SPOKE) + quiet) || past(load<u32>(S, S_CLOCK_SET) + load<u32>(ARENA, A_DRIFT))
        || (isDatagram(S) && load<u32>(S, S_TX_COUNTER) - load<u32>(S, S_CONFIRMED) >= UNCONFIRMED)) {
      if (pings == PINGS) {
        end(S, DOWN_TIMEOUT, 0, 0);
      } else {
        store<u8>(S, pings + 1, S_PINGS);
        sendPing(S);
      }
      return true;
    }
  }
  let mode = <u32>load<u8>(S, S_RETRY);
  if (mode == RETRY_NONE || mode == RETRY_STOPPED || !past(load<u32>(S, S_RETRY_AT))) return false;
  retry(S);
  return true;
}
