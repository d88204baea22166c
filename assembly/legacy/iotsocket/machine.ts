// IoTSocket 1.1, both roles: bytes and time in, frames and events out. docs/iotsocket.md has the rules, docs/abi.md the calls.

import {
  EV_IOT_LOGIN, EV_IOT_MESSAGE, EV_IOT_REFUSED, E_ARGUMENT, E_SLOTS, E_STATE, IOT_DEVICE, IOT_FUTURE, IOT_ID, IOT_IDLE,
  IOT_KEY_BYTES, IOT_LATE, IOT_STALE, IOT_TLS, IOT_TOO_LONG, I_ID, I_IN_BYTES, I_KEY, I_RATE, I_SLOT_BYTES, I_SLOT_COUNT, OK,
} from "../../abi";
import { wipe } from "../../crypto/bytes";
import { DIGEST_BYTES, belongs, digest, idAt, isId, namesDevice, parse, payload, payloadBytes, stamp } from "./frame";
import { judge, keepAlive, send, wait } from "./send";
import {
  ARENA, ENDED, FRAME_BYTES, FREE, FRESH, ID_BYTES, IN, KEYED, OPEN, SLOT_FIXED, S_ACCEPTED, S_FIRST, S_FLAGS, S_HEARD, S_ID, S_KEY,
  S_KEY_BYTES, S_MATCH, S_OPENED, S_SPOKE, S_STAMPS, S_STAMP_END, S_STATE, S_UNFINISHED, WAITING, event, eventRoom, indexOf, isDevice, live,
  locate, now, slotAt,
} from "./slot";
import { DELIMITER_BYTES, findDelimiter, points, trimEnd, trimStart } from "./text";
import { accept } from "./window";

/** A first frame that takes longer is no device's: it comes in one write. As the handshake of Tidelock/1. */
const FIRST_FRAME: u64 = 100000;
const IDLE: u64 = 900000;
const DIGEST: usize = memory.data(GATEWAY ? 32 : 8, 8);
/** Units of 0.1 ms in a millisecond. */
const UNITS: u64 = 10;

/** Address of the arena, I_* offsets. */
export function iot_arena(): usize {
  return ARENA;
}

/** Reads I_RATE and forgets every slot. */
export function iot_init(): i32 {
  return locate() ? OK : E_ARGUMENT;
}

/** The host has grown the memory: so many slots are there now (gateway builds). */
export function iot_slots(count: u32): i32 {
  if (count < load<u32>(ARENA, I_SLOT_COUNT)) return E_ARGUMENT;
  if (GATEWAY) {
    if (<u64>memory.size() << 16 < <u64>slotAt(0) + <u64>count * load<u32>(ARENA, I_SLOT_BYTES)) return E_ARGUMENT;
    store<u32>(ARENA, count, I_SLOT_COUNT);
  }
  return OK;
}

/** Begins a connection in slot `index`. A device's slot then needs iot_device. */
export function iot_open(index: u32, flags: u32): i32 {
  if (index >= load<u32>(ARENA, I_SLOT_COUNT)) return E_SLOTS;
  if (live(index)) return E_STATE;
  let s = slotAt(index);
  memory.fill(s, 0, SLOT_FIXED);
  store<u8>(s, FRESH, S_STATE);
  store<u8>(s, flags & (IOT_DEVICE | IOT_TLS), S_FLAGS);
  store<u64>(s, now(), S_OPENED);
  store<u64>(s, now(), S_HEARD);
  store<u64>(s, now(), S_SPOKE);
  return OK;
}

/** Wipes the slot. */
export function iot_free(index: u32): i32 {
  let s = live(index);
  if (!s) return E_ARGUMENT;
  wipe(s, load<u32>(ARENA, I_SLOT_BYTES));
  return OK;
}

/** Writes what a gateway stores of a key: of that at I_KEY, for the device at I_ID, 32 bytes in its place. */
export function iot_digest(bytes: u32): i32 {
  let key = ARENA + I_KEY;
  if (!isId(ARENA + I_ID, ID_BYTES) || !isKey(bytes)) return E_ARGUMENT;
  digest(ARENA + I_ID, key, bytes, DIGEST);
  wipe(key, IOT_KEY_BYTES);
  memory.copy(key, DIGEST, DIGEST_BYTES);
  wipe(DIGEST, DIGEST_BYTES);
  return OK;
}

/**
 * The answer to EV_IOT_LOGIN. `known` 1: the key's digest stands at I_KEY; 0: none is known. `former`: 1 + the slot of the
 * device's last connection, which gives its stamps and is freed; 0: there is none.
 */
export function iot_key(index: u32, known: u32, former: u32): i32 {
  let s = live(index), from: usize = former ? live(former - 1) : 0;
  if (!s || (former && !from) || from == s) return E_ARGUMENT;
  if (load<u8>(s, S_STATE) != WAITING) return E_STATE;
  if (known) memory.copy(s + S_KEY, ARENA + I_KEY, DIGEST_BYTES);
  wipe(ARENA + I_KEY, IOT_KEY_BYTES);
  if (from) {
    store<u64>(s, load<u64>(from, S_ACCEPTED), S_ACCEPTED);
    store<u32>(s, load<u32>(from, S_FIRST), S_FIRST);
    store<u32>(s, load<u32>(from, S_STAMP_END), S_STAMP_END);
    memory.copy(s + S_STAMPS, from + S_STAMPS, load<u32>(from, S_STAMP_END) << 2);
    iot_free(former - 1);
  }
  store<u8>(s, KEYED, S_STATE);
  return OK;
}

/** Makes the slot a device's: its ten digits at I_ID, its key at I_KEY. */
export function iot_device(index: u32, bytes: u32): i32 {
  let s = live(index);
  if (!s || !isDevice(s) || !isId(ARENA + I_ID, ID_BYTES) || !isKey(bytes)) return E_ARGUMENT;
  memory.copy(s + S_ID, ARENA + I_ID, ID_BYTES);
  store<u8>(s, bytes, S_KEY_BYTES);
  memory.copy(s + S_KEY, ARENA + I_KEY, bytes);
  wipe(ARENA + I_KEY, IOT_KEY_BYTES);
  store<u8>(s, OPEN, S_STATE);
  return OK;
}

/** May the text at I_KEY be a key? A header must hold it, and trimming must leave it alone. */
function isKey(bytes: u32): bool {
  let key = ARENA + I_KEY, to = key + bytes;
  if (bytes - 1 >= <u32>IOT_KEY_BYTES || points(key, to) < 0 || trimStart(key, to) != key || trimEnd(key, to) != to) return false;
  for (let p = key; p < to; p++) {
    let c = load<u8>(p);
    if (c == 0x3a || c == 0x0d || c == 0x0a) return false;
  }
  return findDelimiter(key, to) == to;
}

/** Ends the connection: nothing that comes counts any more. */
function refuse(s: usize, reason: u32, off: i64): void {
  store<u8>(s, ENDED, S_STATE);
  event(EV_IOT_REFUSED | (reason << 8), 0, indexOf(s), reason == IOT_STALE || reason == IOT_FUTURE ? milliseconds(off) : 0);
}

/** At most 24 days, which is enough to see that a clock is wrong. */
function milliseconds(off: i64): u32 {
  let ms = off / <i64>UNITS;
  return <u32><i32>(ms > i32.MAX_VALUE ? i32.MAX_VALUE : ms < i32.MIN_VALUE ? i32.MIN_VALUE : ms);
}

/**
 * Bytes from..to of the input window came. Returns where it stopped: before an unfinished frame, or early, because the
 * host must read events or give the key; then it is called again from there. An unfinished frame waits in the host's memory.
 */
export function iot_rx(index: u32, from: u32, to: u32): i32 {
  let s = live(index);
  if (!s || from > to || to > load<u32>(ARENA, I_IN_BYTES)) return E_ARGUMENT;
  let p = IN + from, end = IN + to;
  store<u64>(s, now(), S_HEARD);
  for (;;) {
    let state = load<u8>(s, S_STATE);
    if (state == ENDED) return to;
    if (state == WAITING || !eventRoom()) break;
    let stop = findDelimiter(p, end);
    if (stop == end) {
      unfinished(s, p, end);
      break;
    }
    if (stop != p && !frame(s, p, stop)) {
      if (load<u8>(s, S_STATE) == ENDED) return to;
      break;
    }
    p = stop + DELIMITER_BYTES;
  }
  return <i32>(p - IN);
}

/** Handles one frame; false: it waits for its key, or it ended the connection. */
function frame(s: usize, from: usize, to: usize): bool {
  let at = now(), reason = parse(from, to), state = load<u8>(s, S_STATE);
  // The answer took its time: the frame's age is what it was when it came.
  if (state == KEYED) at = load<u64>(s, S_SPOKE);
  if (!reason) {
    if (GATEWAY && state == FRESH) {
      if (namesDevice()) {
        memory.copy(s + S_ID, idAt(), ID_BYTES);
        store<u64>(s, at, S_SPOKE);
        store<u8>(s, WAITING, S_STATE);
        event(EV_IOT_LOGIN | (ID_BYTES << 16), s + S_ID, indexOf(s), 0);
        return false;
      }
      reason = IOT_ID;
    } else {
      reason = belongs(s);
      if (!reason) reason = accept(s, stamp(), at);
    }
  }
  if (reason) {
    refuse(s, reason, <i64>(stamp() - at));
    return false;
  }
  store<u8>(s, OPEN, S_STATE);
  event(EV_IOT_MESSAGE | (payloadBytes() << 16), payload(), <u32>stamp(), <u32>(stamp() >> 32));
  return true;
}

/** Remembers how much of a frame waits at the host, and how much of a delimiter it ends with. */
function unfinished(s: usize, from: usize, to: usize): void {
  let bytes = <u32>(to - from), match = 0;
  if (bytes && load<u8>(to - 1) == 0x7c) match = 1;
  else if (bytes > 1 && load<u16>(to - 2) == 0x237c) match = 2;
  store<u8>(s, match, S_MATCH);
  store<u32>(s, bytes, S_UNFINISHED);
  if (bytes >= FRAME_BYTES) refuse(s, IOT_TOO_LONG, 0);
}

/**
 * Bytes from..to came behind an unfinished frame, and only they stand in the window: so a frame that comes in many
 * pieces is looked at once. Returns where its delimiter ends, and the host gives the whole frame to iot_rx; 0: it is
 * still unfinished, or too long, which EV_IOT_REFUSED tells.
 */
export function iot_find(index: u32, from: u32, to: u32): i32 {
  let s = live(index);
  if (!s || from > to || to > load<u32>(ARENA, I_IN_BYTES)) return E_ARGUMENT;
  store<u64>(s, now(), S_HEARD);
  if (load<u8>(s, S_STATE) == ENDED) return 0;
  let match = <u32>load<u8>(s, S_MATCH), p = IN + from, end = IN + to, bytes = load<u32>(s, S_UNFINISHED);
  for (; p < end && match < DELIMITER_BYTES; p++) {
    let c = <u32>load<u8>(p);
    match = c == 0x7c ? (match == 2 ? 3 : 1) : c == 0x23 && match == 1 ? 2 : 0;
  }
  bytes += <u32>(p - IN) - from;
  store<u8>(s, match, S_MATCH);
  store<u32>(s, bytes, S_UNFINISHED);
  if (bytes + <u32>(match < DELIMITER_BYTES) > FRAME_BYTES) {
    refuse(s, IOT_TOO_LONG, 0);
    return 0;
  }
  return match == DELIMITER_BYTES ? <i32>(p - IN) : 0;
}

/** ms until the next frame may be sent: 0, now. */
export function iot_wait(index: u32): i32 {
  let s = live(index);
  return s ? <i32>((wait(s) + <i64>UNITS - 1) / <i64>UNITS) : E_ARGUMENT;
}

/** What iot_send would say of the body at I_BODY if it could go now. */
export function iot_check(index: u32, bytes: u32): i32 {
  let s = live(index);
  return s ? judge(s, bytes) : E_ARGUMENT;
}

/** Frames the body of `bytes` bytes at I_BODY: the frame stands at I_OUT_FROM, and goes in one write of its own. */
export function iot_send(index: u32, bytes: u32): i32 {
  let s = live(index);
  return s ? send(s, bytes) : E_ARGUMENT;
}

/**
 * What time asks for: a gateway's connection that is silent is ended, a device writes a lone delimiter to I_OUT_FROM.
 * Returns the ms until it is to be called again.
 */
export function iot_tick(index: u32): i32 {
  let s = live(index);
  if (!s) return E_ARGUMENT;
  let rest: u64 = IDLE, state = load<u8>(s, S_STATE);
  if (isDevice(s)) {
    if (state == OPEN) rest = keepAlive(s);
  } else if (state != ENDED) {
    let fresh = state < OPEN, since = now() - (fresh ? load<u64>(s, S_OPENED) : load<u64>(s, S_HEARD)), most = fresh ? FIRST_FRAME : IDLE;
    if (<i64>since < 0) since = 0; // the clock was set back
    if (since > most) refuse(s, fresh ? IOT_LATE : IOT_IDLE, 0);
    else rest = most + 1 - since;
  }
  return <i32>((rest + UNITS - 1) / UNITS);
}
