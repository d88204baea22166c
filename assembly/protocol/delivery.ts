// Delivery in order and once: message ids, ACKs, what is sent again and when, and what is in doubt.
// The core keeps ids, order, tries and deadlines; the bodies stay with the host.

import {
  ACK_NO_TARGET, ACK_OK, ACK_STALE, ACK_UNKNOWN_OUTBOX, DOWN_TIMEOUT, EV_OUTBOX, EV_RESULT,
  EV_SEND, E_ARGUMENT, E_ORDER, E_ROOM, E_STATE, E_TARGET, E_TOO_LONG, FLAG_REPEAT, FLAG_WANTED, FRAGMENT, OK, REFUSED_ORDER, SKIP, STATE_ONLINE,
  STATE_PROVED, S_IN_LAST, S_LARGEST, S_LOW, S_NEXT, S_PART_FORM, S_SENT, S_STATE, S_TX_COUNTER, TYPE_MASK,
} from "../abi";
import { end } from "./end";
import { PART_INDEX, PART_LEAD, assemble, partBytes, partsOf, writePart } from "./fragment";
import { LEAD_MAX, advance, begin, emit, finish, hasRoom, refuseMessage, sendAck } from "./output";
import {
  JOB, OUT, OUT_CAP, OUT_RESERVE, RETRY_ACK, RETRY_NONE, RETRY_STOPPED, RETRY_WAIT, S_ABOVE, S_ASKED, S_CONFIRMED, S_CURSOR,
  S_DOUBT, S_GAP, S_REFUSAL, S_RETRY, S_RETRY_AT,
  S_TAKEN, S_TRIES, S_TWICE, isDatagram, isDevice, now, random,
} from "./slot";
import { sendPing } from "./ping";
import { answered, outstanding, slowDown, timedOut, timeOuts } from "./slow";
import { hasTopic, isTopicType } from "./topic";

/** On datagrams the truncated counter allows this many frames beyond the last confirmed. */
export const DATAGRAMS_IN_FLIGHT: u32 = 16384;
/** Half of them: then a PING asks. */
export const UNCONFIRMED: u32 = DATAGRAMS_IN_FLIGHT >> 1;
const FLAGS: u32 = FLAG_WANTED | FLAG_REPEAT;
const STREAM_TIMEOUT_MS: u32 = 30000;
/** RFC 7252 section 4.8: ACK_TIMEOUT 2 s, ACK_RANDOM_FACTOR 1.5, MAX_RETRANSMIT 4. */
const DATAGRAM_TIMEOUT_MS: u32 = 2000;
const DATAGRAM_TRIES: u32 = 4;
const BACKOFF_MS: u32 = 1000;
const BACKOFF_MAX_MS: u32 = 60000;

/** Sets a session's delivery to its beginning; FRESH_BYTES of the slot are zeros already. */
export function beginDelivery(s: usize): void {
  store<u32>(s, load<u32>(s, S_SENT), S_DOUBT);
  store<u8>(s, <u8>(load<u32>(s, S_LOW) > 1), S_ABOVE);
  store<u32>(s, 0, S_GAP);
  if (FRAGMENTS) store<u32>(s, 0, S_PART_FORM);
  goBack(s);
}

/** The next body to be framed is that of the lowest id. */
export function goBack(s: usize): void {
  let low = load<u32>(s, S_LOW), cursor = load<u32>(s, S_CURSOR);
  if (cursor > load<u32>(s, S_TWICE)) store<u32>(s, cursor - 1, S_TWICE);
  store<u32>(s, low, S_CURSOR);
  store<u32>(s, low, S_ASKED);
}

// @ts-ignore: decorator
@inline
export function maySend(s: usize): bool {
  let state = load<u8>(s, S_STATE);
  return isDevice(s) ? state >= <u8>STATE_PROVED : state == STATE_ONLINE;
}

/** Frames sent on datagrams that no PONG has confirmed. */
export function unconfirmed(s: usize): u32 {
  return isDatagram(s) ? load<u32>(s, S_TX_COUNTER) - load<u32>(s, S_CONFIRMED) : 0;
}

/** Asks the host for the bodies that may go now. */
export function pump(s: usize): void {
  let asked = load<u32>(s, S_ASKED);
  let count = <i32>(min(load<u32>(s, S_NEXT), load<u32>(s, S_LOW) + outstanding(s)) - asked);
  if (count <= 0 || !maySend(s) || load<u8>(s, S_RETRY) >= RETRY_WAIT) return;
  store<u32>(s, asked + count, S_ASKED);
  emit(EV_SEND | (count << 8), asked, 0);
}

export function queue(s: usize, next: u32): void {
  store<u32>(s, next, S_NEXT);
  pump(s);
}

function armRetry(s: usize): void {
  store<u8>(s, RETRY_ACK, S_RETRY);
  store<u32>(
    s,
    now() + (isDatagram(s) ? (DATAGRAM_TIMEOUT_MS + random(DATAGRAM_TIMEOUT_MS >> 1)) << timeOuts(s) : STREAM_TIMEOUT_MS),
    S_RETRY_AT,
  );
}

/** busy, stale: 1 s × random(1..1.5), doubling to 60 s. */
function backOff(s: usize): void {
  let tries = <u32>load<u8>(s, S_TRIES), wait = min(BACKOFF_MS << tries, BACKOFF_MAX_MS);
  store<u8>(s, min(tries + 1, 6), S_TRIES); // 1 s << 6 is beyond every wait
  store<u8>(s, RETRY_WAIT, S_RETRY);
  store<u32>(s, now() + wait + random(wait >> 1), S_RETRY_AT);
}

/** Called when S_RETRY_AT has come. */
export function retry(s: usize): void {
  if (load<u8>(s, S_RETRY) == RETRY_ACK) {
    if (isDatagram(s)) {
      if (timeOuts(s) == DATAGRAM_TRIES) {
        end(s, DOWN_TIMEOUT, 0, 0);
        return;
      }
      timedOut(s);
    }
    goBack(s);
  }
  store<u8>(s, RETRY_NONE, S_RETRY);
  pump(s);
}

/** Message id, and the age as LEB128. */
function writeLead(p: usize, id: u32, age: u32): void {
  store<u32>(p, bswap<u32>(id));
  p += 4;
  while (age > 0x7f) {
    store<u8>(p++, age | 0x80);
    age >>= 7;
  }
  store<u8>(p, age);
}

/**
 * Frames one message of the host's, whose bytes lie at `source` (behind the place of its frame, or elsewhere).
 * With a job of its own the frame is not sealed yet: the caller does it for a batch. FRAGMENTs are sealed here.
 */
export function post(s: usize, type: u32, id: u32, age: u32, source: usize, bytes: u32, job: usize): i32 {
  if (!maySend(s)) return E_STATE;
  let lead: u32 = 0, kind = type & TYPE_MASK;
  if (id) {
    if (id < load<u32>(s, S_CURSOR)) return OK; // acknowledged while the host was fetching it
    if (<u32>(id != load<u32>(s, S_CURSOR)) | <u32>(id >= load<u32>(s, S_ASKED))) return E_ORDER;
    age = min(age, 0xfffffff);
    lead = 5 + (31 - clz(age | 1)) / 7; // 7 bits of the age a byte
    type |= FLAG_WANTED;
  }
  // Before READY a device knows no more than the 1,024 bytes that every gateway takes.
  if (bytes + lead > load<u32>(s, S_LARGEST)) return load<u8>(s, S_STATE) == STATE_ONLINE ? E_TOO_LONG : E_STATE;
  let count: u32 = FRAGMENTS ? partsOf(s, bytes, lead) : 1, room = bytes + count * (lead + LEAD_MAX + 16) + OUT_RESERVE;
  if (FRAGMENTS && count != 1) {
    room += count * PART_LEAD;
    if (<u32>!count | <u32>(room > OUT_CAP)) return E_TOO_LONG;
  }
  // Of a message in parts the first holds the whole head, so that its receiver need not wait for the others to judge it.
  if (TOPICS && isTopicType(kind) && !hasTopic(s, true, kind, source, FRAGMENTS ? partBytes(bytes, count) : bytes)) return E_TARGET;
  if (!hasRoom(room) || unconfirmed(s) + count > DATAGRAMS_IN_FLIGHT) return E_ROOM;
  if (FRAGMENTS && count > 1) {
    // The parts' frames grow from the output's end towards the body: it stands at the far end meanwhile.
    memory.copy(OUT + OUT_CAP - bytes, source, bytes);
    source = OUT + OUT_CAP - bytes;
    let each = partBytes(bytes, count);
    type = FRAGMENT | (type & FLAGS);
    for (let i: u32 = 0; i < count; i++) {
      let n = min(each, bytes - each * i), p = begin(s, type, lead + PART_LEAD + n, JOB);
      memory.copy(p + lead + PART_LEAD, source + each * i, n);
      writeLead(p, id, age);
      writePart(p + lead, kind, bytes, count, i);
      finish(s);
    }
  } else {
    let p = begin(s, type, lead + bytes, job);
    memory.copy(p + lead, source, bytes);
    if (id) writeLead(p, id, age);
    if (!GATEWAY || job == JOB) finish(s);
    else advance(s, job);
  }
  if (id) {
    store<u32>(s, id + 1, S_CURSOR);
    if (id > load<u32>(s, S_SENT)) store<u32>(s, id, S_SENT);
    if (load<u8>(s, S_RETRY) == RETRY_NONE) armRetry(s);
  }
  return OK;
}

/** Everything up to id is acknowledged. */
function progress(s: usize, id: u32): void {
  let next = id + 1;
  store<u32>(s, next, S_LOW);
  store<u16>(s, RETRY_NONE, S_RETRY); // and S_TRIES behind it
  if (!STREAM_ONLY) answered(s);
  if (load<u32>(s, S_ASKED) < next) store<u32>(s, next, S_ASKED);
  if (load<u32>(s, S_CURSOR) <= next) store<u32>(s, next, S_CURSOR);
  else armRetry(s);
  emit(EV_RESULT | (ACK_OK << 8), id, 0);
}

/** An ACK of the peer's. */
export function acknowledged(s: usize, id: u32, status: u32): void {
  let low = load<u32>(s, S_LOW), mode = <u32>load<u8>(s, S_RETRY);
  if (mode == RETRY_STOPPED) return;
  if (id - low < load<u32>(s, S_SENT) + 1 - low) {
    // The receiver decides in order, so a verdict on id says that those before it were taken. Stale is no verdict.
    if (status == ACK_OK) {
      progress(s, id);
    } else if (status == ACK_UNKNOWN_OUTBOX) {
      if (load<u8>(s, S_ABOVE)) {
        store<u8>(s, RETRY_STOPPED, S_RETRY);
        emit(EV_OUTBOX, load<u32>(s, S_DOUBT), 0);
      } else {
        gap(s, low, mode); // it takes only id 1, and one behind it came first
      }
    } else {
      if (status != ACK_STALE && id != low) progress(s, id - 1);
      if (!STREAM_ONLY) answered(s);
      emit(EV_RESULT | (status << 8), id, 0);
      if (status < <u32>ACK_STALE) {
        goBack(s);
        store<u8>(s, RETRY_NONE, S_RETRY); // SKIP must take its place, at once
      } else if (load<u8>(s, S_RETRY) != RETRY_WAIT) {
        // The first of a burst; the others say the same.
        goBack(s);
        if (status == ACK_STALE) {
          slowDown(s);
          if (isDevice(s)) sendPing(s);
        }
        backOff(s);
      }
    }
  } else if (<u32>(status == ACK_OK) & <u32>(id + 1 == low) & (<u32>!id | <u32>(id > load<u32>(s, S_TWICE)))) {
    gap(s, low, mode); // the ok for the one below the lowest, which was sent only once
  }
  pump(s);
}

/** The receiver waits for the lowest: go back to it, once, unless a retry is due anyway. */
function gap(s: usize, low: u32, mode: u32): void {
  if (mode <= RETRY_ACK && low > load<u32>(s, S_TWICE)) goBack(s);
}

/** A message that wants an ACK and whose frame holds. True: it is the next, to be reported to the host; if not, the record answers. `takes`: its type has a place here, or it is SKIP. `part`: where it is a FRAGMENT, 0 else. */
export function isNext(s: usize, type: u32, kind: u32, takes: bool, id: u32, part: usize, bytes: u32): bool {
  let taken = load<u32>(s, S_TAKEN), last = load<u32>(s, S_IN_LAST);
  if (id <= last) {
    sendAck(s, id, ACK_OK);
  } else if (id == taken + 1) {
    store<u32>(s, 0, S_GAP);
    if (!takes) {
      if (taken != last) return false; // its refusal has its turn when those before it are decided; it comes again
      store<u8>(s, ACK_NO_TARGET, S_REFUSAL);
    }
    let refusal = load<u8>(s, S_REFUSAL);
    if (!refusal || kind == SKIP) {
      if (FRAGMENTS && part && !assemble(s, type, id, part, bytes)) return false;
      store<u8>(s, 0, S_REFUSAL);
      store<u32>(s, id, S_TAKEN);
      return true;
    }
    sendAck(s, id, refusal);
  } else if (id > taken) {
    refuseMessage(REFUSED_ORDER, type, id, 0);
    // An id at or below the one answered last says that the sender went back: its answer may have been lost.
    let before = ~load<u32>(s, S_GAP);
    store<u32>(s, ~id, S_GAP);
    // The parts of one message say it once.
    if (id + <u32>(FRAGMENTS && part && load<u8>(part, PART_INDEX)) <= before) {
      if (taken) sendAck(s, last, ACK_OK);
      else sendAck(s, id, ACK_UNKNOWN_OUTBOX);
    }
  } // else: reported and not yet decided; its ACK will come
  return false;
}

/** The host's verdict. ok: all reported up to id; else id is the first undecided one, and those behind it come again. */
export function answer(s: usize, id: u32, status: u32): i32 {
  let last = load<u32>(s, S_IN_LAST);
  if (<u32>(id <= last) | <u32>(id > load<u32>(s, S_TAKEN))) return E_ORDER;
  if (!hasRoom(OUT_RESERVE)) return E_ROOM;
  if (status == ACK_OK) {
    store<u32>(s, id, S_IN_LAST);
  } else {
    if (id != last + 1) return E_ARGUMENT;
    store<u32>(s, last, S_TAKEN);
    store<u32>(s, ~id, S_GAP); // what is in flight behind it needs no answer
    if (status < <u32>ACK_STALE) store<u8>(s, status, S_REFUSAL);
  }
  // A verdict that comes between two sessions is kept: the next session's repeat is answered by it.
  if (load<u8>(s, S_STATE) == STATE_ONLINE) sendAck(s, id, status);
  return OK;
}
