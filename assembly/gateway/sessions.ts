// The gateway's calls on a session that stands: chunks in, batches out, verdicts, and what is due.

import {
  A_EVENT_COUNT, CLOSE, CLOSE_EXPIRED, CLOSE_IDLE, DOWN_EXPIRED, DOWN_HOST, DOWN_TIMEOUT, EV_DUE, EV_PATH, E_ARGUMENT, E_EVENTS,
  E_ROOM, E_STATE, G_IN_BYTES, G_PATH, OK, REFUSED_BAD_TAG, R_AGE, R_BYTES, R_FLAGS, R_ID, R_TYPE, RECORD_BYTES, STATE_CHALLENGED,
  STATE_ENDED, STATE_FRESH, STATE_KEY, STATE_ONLINE, STATE_PROVED, SUITE_SEALED, TOPIC_BYTES, S_PART_FORM, S_PINGS, S_STATE, S_SUITE, S_TAG_BYTES, S_TX_COUNTER,
} from "../abi";
import { equal } from "../crypto/bytes";
import { macSignedBatch } from "../kernels/hmac-batch";
import { openBatch, sealBatch } from "../kernels/aead-batch";
import { UNCONFIRMED, answer, post, queue, retry, unconfirmed } from "../protocol/delivery";
import { forgetParts, partsEnd } from "../protocol/fragment";
import { sendPing, sendProbe } from "../protocol/ping";
import { end } from "../protocol/end";
import { STREAM_WANTS_MORE, parse } from "../protocol/frame";
import { isTopic } from "../protocol/topic";
import { emit, hasRoom, outBytes, sendControl } from "../protocol/output";
import { broken, handle, receive } from "../protocol/receive";
import {
  ARENA, DELTA, DEVICE_SLOT, EVENT_CAP, JOB_BYTES, J_RESULT, J_TAG, J_TYPE, OUT_CAP, OUT_RESERVE, PATH, RETRY_ACK, RETRY_WAIT,
  S_HEARD, S_IDLE, S_LIFE, S_PING, S_PROBE, S_PROBE_AT, S_RETRY, S_RETRY_AT, S_RX_KEYS, S_STARTED, S_TX_KEYS, clock, isDatagram, now, setNow,
} from "../protocol/slot";
import { HANDSHAKE_MS } from "../protocol/transcript";
import { hello, proof } from "./handshake";
import { isIdentity } from "./identity";
import { BATCH, G, IN, JOBS, MACS, enter, live, slotAt, used } from "./table";

/** Events that one frame can cause at most. */
const EVENTS_A_FRAME: u32 = 4;
/** Left for the calls that a host makes while it reads the events of a chunk. */
const EVENTS_SPARE: u32 = 256;
const IV: usize = 32;
const MAC_BYTES: u32 = 32;
const PING_MS: u32 = 10000;
/** Between PINGs to one address that has not answered. */
const PROBE_MS: u32 = 1000;

// @ts-ignore: decorator
@inline
function eventRoom(): u32 {
  return <u32>max(<i32>(EVENT_CAP - EVENTS_SPARE - load<u32>(ARENA, A_EVENT_COUNT)), 0) / EVENTS_A_FRAME;
}

/** True where a call has no room for what it may tell. */
// @ts-ignore: decorator
@inline
function full(): bool {
  return load<u32>(ARENA, A_EVENT_COUNT) + EVENTS_A_FRAME > EVENT_CAP;
}

// @ts-ignore: decorator
@inline
function outRoom(): u32 {
  return (OUT_CAP - outBytes()) / OUT_RESERVE;
}

/**
 * Bytes from..to of the input window came for this session (one datagram, or any part of a stream).
 * Returns where it stopped: at `to`, before a partial frame, or early because the host must read events, take output,
 * give a key or accept; then it is called again from there.
 */
export function gw_rx(index: u32, from: u32, to: u32, at: u32): i32 {
  enter(at);
  store<u32>(PATH, load<u32>(G, G_PATH));
  store<u32>(G, 0, G_PATH);
  let s = live(index);
  if (!s || from > to || to > load<u32>(G, G_IN_BYTES)) return E_ARGUMENT;
  while (from < to) {
    let p = IN + from, available = to - from, took: u32 = 0;
    if (eventRoom() < 2 || outRoom() < 8) break;
    switch (<i32>load<u8>(s, S_STATE)) {
      case STATE_ONLINE: {
        took = isDatagram(s) ? datagram(s, p, available) : chunk(s, p, available);
        break;
      }
      case STATE_FRESH: {
        took = hello(s, p, available);
        break;
      }
      case STATE_CHALLENGED: {
        took = proof(s, p, available);
        break;
      }
    }
    if (load<u8>(s, S_STATE) == STATE_ENDED) return to; // nothing counts any more
    if (!took) break;
    from += took;
  }
  return from;
}

function datagram(s: usize, p: usize, available: u32): u32 {
  let type = <u32>load<u8>(p), took = receive(s, p, available);
  if (took < 0) broken(s, -took, type);
  else asksPath(s);
  return available;
}

/**
 * The newest frame came from another address: the session moves there only when a PONG comes from it, since whoever sees a
 * frame can send it on from where he is. No answer but one PING a second goes to an address that has not answered.
 */
function asksPath(s: usize): void {
  let path = load<u32>(PATH);
  if (!path || load<i32>(DELTA) < 0 || load<u8>(s, S_STATE) != STATE_ONLINE) return;
  if (load<u32>(s, S_PROBE) != path || now() - load<u32>(s, S_PROBE_AT) >= PROBE_MS) emit(EV_PATH, path, 0);
}

/** Frames of a stream, up to 64 at a time: taken apart, their tags computed together, then handled in order. */
function chunk(s: usize, p: usize, available: u32): u32 {
  let most = min(min(BATCH, eventRoom()), outRoom() - 2), n: u32 = 0, at: u32 = 0, total: i32 = 0;
  while (n < most && at < available) {
    total = parse(s, p + at, available - at, JOBS + n * JOB_BYTES, n);
    if (total <= 0) break;
    at += total;
    n++;
  }
  if (!n) {
    if (total != STREAM_WANTS_MORE) broken(s, -total, load<u8>(p));
    return 0;
  }
  let sealed = load<u8>(s, S_SUITE) == SUITE_SEALED, tagBytes = <u32>load<u8>(s, S_TAG_BYTES), keys = s + S_RX_KEYS;
  if (sealed) openBatch(keys, keys + IV, JOBS, n);
  else macSignedBatch(keys, JOBS, n, MACS);
  for (let i: u32 = 0; i < n; i++) {
    let job = JOBS + i * JOB_BYTES, tag = <usize>load<u32>(job, J_TAG);
    if (!(sealed ? load<u32>(job, J_RESULT) != 0 : equal(MACS + i * MAC_BYTES, tag, tagBytes))) {
      broken(s, REFUSED_BAD_TAG, load<u8>(job, J_TYPE));
      return 0;
    }
    handle(s, job);
    if (load<u8>(s, S_STATE) != STATE_ONLINE) return 0;
  }
  return at;
}

/** Frames `count` records of the input window; returns how many it took, or why not even the first. */
export function gw_send(index: u32, count: u32, at: u32): i32 {
  enter(at);
  let s = live(index);
  if (!s) return E_ARGUMENT;
  let p = IN, limit = IN + load<u32>(G, G_IN_BYTES), taken: u32 = 0, n: u32 = 0;
  while (taken < count) {
    let bytes = <u32>load<u16>(p, R_BYTES), next = p + RECORD_BYTES + ((bytes + 3) & ~3), before = outBytes(), counter = load<u32>(s, S_TX_COUNTER);
    if (next > limit) return E_ARGUMENT;
    let status = full() ? E_EVENTS
      : post(s, load<u8>(p, R_TYPE) | load<u8>(p, R_FLAGS), load<u32>(p, R_ID), load<u32>(p, R_AGE), p + RECORD_BYTES, bytes, JOBS + n * JOB_BYTES);
    if (status != OK) {
      sealFrames(s, n);
      return taken ? taken : status;
    }
    // Fragments are sealed already.
    if (outBytes() != before && load<u32>(s, S_TX_COUNTER) - counter == 1 && ++n == BATCH) {
      sealFrames(s, n);
      n = 0;
    }
    taken++;
    p = next;
  }
  sealFrames(s, n);
  return taken;
}

function sealFrames(s: usize, n: u32): void {
  let keys = s + S_TX_KEYS;
  if (load<u8>(s, S_SUITE) == SUITE_SEALED) {
    sealBatch(keys, keys + IV, JOBS, n);
    return;
  }
  macSignedBatch(keys, JOBS, n, MACS);
  let tagBytes = <u32>load<u8>(s, S_TAG_BYTES);
  for (let i: u32 = 0; i < n; i++) {
    memory.copy(load<u32>(JOBS + i * JOB_BYTES, J_TAG), MACS + i * MAC_BYTES, tagBytes);
  }
}

/** Ids below `next` are queued for the device. */
export function gw_queue(index: u32, next: u32, at: u32): i32 {
  enter(at);
  let s = live(index);
  if (!s) return E_ARGUMENT;
  if (full()) return E_EVENTS;
  queue(s, next);
  return OK;
}

/** The verdict on a message that was reported. */
export function gw_answer(index: u32, id: u32, status: u32, at: u32): i32 {
  enter(at);
  let s = live(index);
  return s ? answer(s, id, status) : E_ARGUMENT;
}

function farewell(s: usize, reason: u32, after: u32): void {
  sendControl(s, CLOSE, 3, reason | (<u32>bswap<u16>(<u16>after) << 8), 0);
}

/** CLOSE where keys exist, and the end of the session. */
export function gw_close(index: u32, reason: u32, after: u32, at: u32): i32 {
  enter(at);
  let s = live(index);
  if (!s) return E_ARGUMENT;
  if (full()) return E_EVENTS;
  if (!hasRoom(OUT_RESERVE)) return E_ROOM;
  let state = load<u8>(s, S_STATE);
  if (state == STATE_ENDED) return E_STATE;
  if (state == STATE_ONLINE || state == STATE_PROVED) farewell(s, reason, after);
  end(s, DOWN_HOST, reason, 0);
  return OK;
}

/** Looks for sessions with something due, from slot `from` on: EV_DUE each. Returns where to go on, or -1 at the end. */
export function gw_tick(from: u32, at: u32): i32 {
  enter(at);
  for (let n = used(); from < n; from++) {
    if (eventRoom() < 2) return from;
    if (isDue(slotAt(from))) emit(EV_DUE, from, 0);
  }
  return -1;
}

// @ts-ignore: decorator
@inline
function past(then: u32): bool {
  return <i32>(now() - then) >= 0;
}

/** On datagrams: half of what the truncated counter allows is unconfirmed, and no PING of the last 10 s asks. */
function asksPing(s: usize): bool {
  return unconfirmed(s) >= UNCONFIRMED && (!load<u8>(s, S_PINGS) || past(load<u32>(s, S_PING) + PING_MS));
}

function partsOver(s: usize): bool {
  return load<u32>(s, S_PART_FORM) != 0 && past(partsEnd(s));
}

function isDue(s: usize): bool {
  switch (<i32>load<u8>(s, S_STATE)) {
    case STATE_ONLINE: {
      let mode = <u32>load<u8>(s, S_RETRY);
      return past(load<u32>(s, S_HEARD) + load<u32>(s, S_IDLE)) || <u32>max(clock(s), 0) >= load<u32>(s, S_LIFE)
        || ((mode == RETRY_ACK || mode == RETRY_WAIT) && past(load<u32>(s, S_RETRY_AT))) || asksPing(s) || partsOver(s);
    }
    case STATE_FRESH: // on datagrams the listener's own slot, which waits for ever
      return !isDatagram(s) && past(load<u32>(s, S_STARTED) + HANDSHAKE_MS);
    case STATE_KEY:
    case STATE_CHALLENGED:
      return past(load<u32>(s, S_STARTED) + HANDSHAKE_MS);
  }
  return false;
}

/** Does what is due for this session. */
export function gw_due(index: u32, at: u32): i32 {
  enter(at);
  let s = live(index);
  if (!s) return E_ARGUMENT;
  if (full()) return E_EVENTS;
  if (!hasRoom(OUT_RESERVE)) return E_ROOM;
  if (!isDue(s)) return OK;
  if (load<u8>(s, S_STATE) != STATE_ONLINE) {
    end(s, DOWN_TIMEOUT, 0, 0);
  } else if (past(load<u32>(s, S_HEARD) + load<u32>(s, S_IDLE))) {
    farewell(s, CLOSE_IDLE, 0);
    end(s, DOWN_TIMEOUT, CLOSE_IDLE, 0);
  } else if (<u32>max(clock(s), 0) >= load<u32>(s, S_LIFE)) {
    farewell(s, CLOSE_EXPIRED, 0);
    end(s, DOWN_EXPIRED, CLOSE_EXPIRED, 0);
  } else if (partsOver(s)) {
    forgetParts(s);
  } else if (asksPing(s)) {
    sendPing(s);
  } else {
    retry(s);
  }
  return OK;
}

/** PING that asks whether a datagram of `bytes` comes through, or, where `number` is G_PATH's, whether the device is at that address. */
export function gw_probe(index: u32, number: u32, bytes: u32, at: u32): i32 {
  enter(at);
  let s = live(index);
  return s ? sendProbe(s, number, bytes) : E_ARGUMENT;
}

/** The same for the device's role. */
export function probe(bytes: u32, at: u32): i32 {
  setNow(at);
  return sendProbe(DEVICE_SLOT, bytes, bytes);
}

/** 1 if the first `bytes` of the input window are a well-formed identity. */
export function is_identity(bytes: u32): i32 {
  return isIdentity(IN, bytes) ? 1 : 0;
}

/** 1 if the first `bytes` of the input window may name a topic. */
export function is_topic(bytes: u32): i32 {
  return bytes <= <u32>TOPIC_BYTES && isTopic(IN, bytes) ? 1 : 0;
}
