// The device: when it connects, proves itself, pings, sends again and waits. Its host moves bytes, keeps the
// bodies of messages, and calls `poll` when the time that it returned is over. docs/abi.md says each call.

import {
  A_DRIFT, A_ENTROPY, A_EVENT_COUNT, A_OUT_BYTES, A_RX_FROM, A_RX_TO, CLOSE, CLOSE_NORMAL, DOWN_EXPIRED, DOWN_HOST,
  DOWN_TIMEOUT, EV_CONNECT, E_ARGUMENT, E_ENTROPY, E_EVENTS, E_ROOM, E_STATE, 
  H_ID_BYTES, H_LINK, H_SUITES, MORE, OK, SEND_AHEAD, STATE_FREE, STATE_HELLO, STATE_LINKING, STATE_ONLINE,
  STATE_WAITING, S_BUDGET, S_HELLO_BYTES, S_IN_LAST, S_LINK, S_PART_FORM, S_STATE, S_TAKES, SLOT_BYTES, S_PINGS, S_CLOCK_LOST,
} from "../abi";
import { UNCONFIRMED, maySend, answer as giveAnswer, post, pump, retry, unconfirmed } from "../protocol/delivery";
import { end } from "../protocol/end";
import { emit, hasRoom, outBytes, sendControl } from "../protocol/output";
import { forgetParts, partsEnd } from "../protocol/fragment";
import { sendPing } from "../protocol/ping";
import { STREAM_WANTS_MORE } from "../protocol/frame";
import { broken, receive } from "../protocol/receive";
import {
  ARENA, DATAGRAM_BUDGET, DEVICE_SLOT, EVENT_CAP, JOB, OUT, OUT_RESERVE, RETRY_ACK, RETRY_WAIT, RX, RX_CAP,
  S_BASE, S_CLOCK_SET, S_ENDED_AT, S_HEARD, S_IDLE, S_LIFE, S_PING, S_RETRY, S_RETRY_AT, S_ROLE, S_SPOKE,
  S_STARTED, S_TAKEN, S_WINDOW, seed, SUBJECT, isDatagram, locate, now, setNow,
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
/** Forgets everything and returns the arena's address; then the host writes the settings and calls init. */
export function arena(): usize {
  locate();
  memory.fill(S, 0, SLOT_BYTES);
  if (FRAGMENTS) store<u16>(S, DATAGRAM_BUDGET, S_BUDGET);
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
  if (!STREAM_ONLY) store<u8>(S, link, S_LINK);
  return load<u32>(S, S_TAKES) > <u32>BUFFER || !load<u8>(helloOf(S), H_SUITES) || (STREAM_ONLY && link & 1) || bytes - H_FIXED - 1 > 63
    ? E_ARGUMENT : OK;
}

function open(): void {
  store<u8>(S, STATE_LINKING, S_STATE);
  emit(EV_CONNECT, 0, 0);
}

/** The link is up: HELLO. The entropy area must hold 32 fresh random bytes. */
export function connected(at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  if (<u32>load<u8>(S, S_STATE) >= <u32>STATE_HELLO) return E_STATE;
  if (!load<u64>(ARENA, A_ENTROPY)) return E_ENTROPY; // 64 random bits are all zero once in 10^19 tries
  // Nothing of an earlier link counts.
  store<u32>(ARENA, 0, A_OUT_BYTES);
  store<u32>(ARENA, <u32>RX, A_RX_FROM);
  store<u32>(ARENA, <u32>RX, A_RX_TO);
  hello(S);
  return OK;
}

/**
 * The end of link or session, for a reason of the host's. DOWN_LINK: the link is gone, or could not be opened. DOWN_OUTBOX: the
 * host has begun a new outbox in the slot, which a new handshake tells. DOWN_HOST: CLOSE, and no new try until `connected`.
 */
export function down(why: u32, at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  if (why == DOWN_HOST && maySend(S)) {
    if (!hasRoom(OUT_RESERVE)) return E_ROOM;
    sendControl(S, CLOSE, 3, CLOSE_NORMAL, 0);
  }
  // One that waits already loses nothing, one that was stopped needs no stop.
  if (load<u8>(S, S_STATE) == <u8>(why == DOWN_HOST ? STATE_FREE : STATE_WAITING)) return E_STATE;
  end(S, why, 0, 0);
  return OK;
}

/** `bytes` were put at A_RX_TO. MORE: take output and events, then call again with 0. */
export function rx(bytes: u32, at: u32): i32 {
  if (!enter(at)) return E_EVENTS;
  let from = load<u32>(ARENA, A_RX_FROM), have = load<u32>(ARENA, A_RX_TO) - from + bytes, status: i32 = OK;
  if (<u32>(bytes > RX_CAP) | <u32>(have > RX_CAP)) return E_ARGUMENT;
  memory.copy(RX, from, have); // what events pointed to has been read
  from = <u32>RX;
  while (have) {
    if (<u32>(load<u32>(ARENA, A_EVENT_COUNT) > EVENT_CAP - EVENT_RESERVE) | <u32>!hasRoom(OUT_RESERVE + 160)) {
      status = MORE;
      break;
    }
    let state = load<u8>(S, S_STATE);
    // Where the link is over nothing counts any more.
    let took = <i32>have;
    if (state >= <u8>STATE_HELLO) took = state == STATE_HELLO ? challenge(S, from, have) : receive(S, from, have);
    if (took < 0) {
      if (took == STREAM_WANTS_MORE) break;
      broken(S, -took, load<u8>(from));
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

/** Does one thing that is due and returns 0 (call again), or returns the ms until something is. */
export function poll(at: u32): i32 {
  if (!enter(at)) return 0;
  wait = i32.MAX_VALUE;
  pump(S); // the host may have raised S_NEXT
  due();
  return wait;
}

/** The shortest time until one of the deadlines that `past` was asked about, 0 where one has come. A global like `now` (slot.ts). */
let wait: i32 = 0;

function past(then: u32): bool {
  let ms = max(<i32>(then - now()), 0);
  if (ms < wait) wait = ms;
  return !ms;
}

/** Does the first thing whose deadline is past. */
function due(): void {
  let state = <u32>load<u8>(S, S_STATE), online = state == STATE_ONLINE;
  if (state == STATE_FREE || state == STATE_LINKING) return;
  if (state == STATE_WAITING) {
    if (past(load<u32>(S, S_ENDED_AT))) open();
    return;
  }
  if (!hasRoom(OUT_RESERVE + 140)) {
    wait = 1; // the host has output to take first
    return;
  }
  // A session ends before the times of its last frames run out of its life.
  if (past(online ? load<u32>(S, S_LIFE) - 2 * load<u32>(S, S_WINDOW) + load<u32>(S, S_BASE) : load<u32>(S, S_STARTED) + HANDSHAKE_MS)) {
    return end(S, online ? DOWN_EXPIRED : DOWN_TIMEOUT, 0, 0);
  }
  if (state == STATE_HELLO) return;
  if (!online) {
    if (isDatagram(S) && past(load<u32>(S, S_PING) + PROOF_MS)) return proof(S);
  } else {
    // Heard nothing, or said nothing, for a third of the idle time; or the clock may have drifted, or is lost.
    let quiet = load<u32>(S, S_IDLE) / 3, pings = <u32>load<u8>(S, S_PINGS);
    if (pings ? <u32>past(load<u32>(S, S_PING) + PING_MS)
      : <u32>past(load<u32>(S, S_HEARD) + quiet) | <u32>past(load<u32>(S, S_SPOKE) + quiet)
        | <u32>past(load<u32>(S, S_CLOCK_SET) + load<u32>(ARENA, A_DRIFT))
        | load<u8>(S, S_CLOCK_LOST) | <u32>(unconfirmed(S) >= UNCONFIRMED)) {
      wait = 0;
      if (pings == PINGS) return end(S, DOWN_TIMEOUT, 0, 0);
      store<u8>(S, pings + 1, S_PINGS);
      return sendPing(S);
    }
  }
  if (FRAGMENTS && load<u32>(S, S_PART_FORM) && past(partsEnd(S))) return forgetParts(S);
  let mode = <u32>load<u8>(S, S_RETRY);
  if (mode - RETRY_ACK <= RETRY_WAIT - RETRY_ACK && past(load<u32>(S, S_RETRY_AT))) retry(S);
}
