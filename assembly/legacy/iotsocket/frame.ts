// One received frame, taken apart: the text between two delimiters. Where the older programs are lenient (a header twice,
// an identity that their number parser understands, TIME with an exponent) this is strict.

import {
  IOT_ID, IOT_KEY, IOT_KEY_BYTES, IOT_MALFORMED, IOT_NO_TEXT, IOT_TIME, IOT_TOO_LONG, IOT_TOO_SHORT, IOT_VERSION, OK,
} from "../../abi";
import { equal, wipe } from "../../crypto/bytes";
import { shaBegin, shaEnd, shaUpdate } from "../../crypto/sha256";
import { FRAME_BYTES, ID_BYTES, S_ID, S_KEY, S_KEY_BYTES, isDevice } from "./slot";
import { DELIMITER_BYTES, points, trimEnd, trimStart } from "./text";

/** Characters that the older programs take of a header part, of a payload before it is trimmed, and at least after it. */
const HEADER_MOST: u32 = 1023;
const PAYLOAD_MOST: u32 = 62534;
const PAYLOAD_LEAST: u32 = 5;
export const DIGEST_BYTES: u32 = 32;
/** Of four characters at most. */
const FEW_BYTES: usize = 4 * 4;

/** What the frame held: addresses and lengths of the values, TIME in units of 0.1 ms. Then a copy of KEY to compare. */
const FIELDS: usize = memory.data(40, 8);
const F_STAMP: usize = 0;
const F_PAYLOAD: usize = 8;
const F_PAYLOAD_BYTES: usize = 12;
const F_TIME: usize = 16;
const F_ID: usize = 24;
const F_KEY: usize = 32;
const COPY: usize = memory.data(GATEWAY ? IOT_KEY_BYTES : 8, 8);

// Names with their colon, as they stand in memory; and which of them a frame had.
const IOT_NAME: u32 = 0x3a544f49;
const TIME_NAME: u32 = 0x454d4954;
const DEVICE_NAME: u64 = 0x3a454349564544;
const KEY_NAME: u32 = 0x3a59454b;
const HAS_IOT: u32 = 1;
const HAS_TIME: u32 = 2;
const HAS_DEVICE: u32 = 4;
const HAS_KEY: u32 = 8;
const HAS_OTHER: u32 = 16;
const HAS_ALL: u32 = 31;
const CRLF: u32 = 0x0a0d;
const VERSION: u32 = 0x312e31; // 1.1

// @ts-ignore: decorator
@inline
export function stamp(): u64 {
  return load<u64>(FIELDS, F_STAMP);
}

// @ts-ignore: decorator
@inline
export function payload(): usize {
  return load<u32>(FIELDS, F_PAYLOAD);
}

// @ts-ignore: decorator
@inline
export function payloadBytes(): u32 {
  return load<u32>(FIELDS, F_PAYLOAD_BYTES);
}

// @ts-ignore: decorator
@inline
export function idAt(): usize {
  return load<u32>(FIELDS, F_ID);
}

/** Takes from..to apart: form, lengths and TIME. Not yet whose it is, and whether its time holds. */
export function parse(from: usize, to: usize): u32 {
  if (to - from > FRAME_BYTES - DELIMITER_BYTES) return IOT_TOO_LONG;
  let blank = from;
  while (blank + 4 <= to && load<u32>(blank) != (CRLF | (CRLF << 16))) blank++;
  if (blank + 4 > to) return IOT_MALFORMED;
  let body = blank + 4, header = points(from, blank), all = points(body, to);
  if (header < 0 || all < 0) return IOT_NO_TEXT;
  if (<u32>header > HEADER_MOST || <u32>all > PAYLOAD_MOST) return IOT_TOO_LONG;
  from = trimStart(from, blank);
  let wrong = lines(from, trimEnd(from, blank));
  if (wrong) return wrong;
  body = trimStart(body, to);
  to = trimEnd(body, to);
  if (to - body <= FEW_BYTES && <u32>points(body, to) < PAYLOAD_LEAST) return IOT_TOO_SHORT;
  store<u32>(FIELDS, <u32>body, F_PAYLOAD);
  store<u32>(FIELDS, <u32>(to - body), F_PAYLOAD_BYTES);
  return time(load<u32>(FIELDS, F_TIME), load<u32>(FIELDS, F_TIME + 4));
}

/** The header lines: exactly five, IOT, TIME, DEVICE and KEY once each and one more, whose name and value nobody looks at. */
function lines(p: usize, to: usize): u32 {
  let has: u32 = 0;
  for (;;) {
    let end = p, colon: usize = 0;
    for (; end < to && !(end + 2 <= to && load<u16>(end) == CRLF); end++) {
      if (load<u8>(end) != 0x3a) continue;
      if (colon) return IOT_MALFORMED;
      colon = end + 1;
    }
    if (!colon) return IOT_MALFORMED;
    let name = HAS_OTHER, bytes = colon - p;
    if (bytes == 4) {
      if (load<u32>(p) == IOT_NAME) {
        name = HAS_IOT;
        if (end - colon != 3 || (<u32>load<u16>(colon) | (<u32>load<u8>(colon, 2) << 16)) != VERSION) return IOT_VERSION;
      } else if (load<u32>(p) == KEY_NAME) {
        name = HAS_KEY;
        field(F_KEY, colon, end);
      }
    } else if (bytes == 5 && load<u32>(p) == TIME_NAME) {
      name = HAS_TIME;
      field(F_TIME, colon, end);
    } else if (bytes == 7 && (load<u64>(p) & 0xffffffffffffff) == DEVICE_NAME) {
      name = HAS_DEVICE;
      field(F_ID, colon, end);
    }
    if (has & name) return IOT_MALFORMED;
    has |= name;
    if (end == to) break;
    p = end + 2;
  }
  return has == HAS_ALL ? OK : IOT_MALFORMED;
}

function field(at: usize, from: usize, to: usize): void {
  store<u32>(FIELDS + at, <u32>from);
  store<u32>(FIELDS + at, <u32>to, 4);
}

/** Digits, a point, digits, of which the first four count: by value, so 1.5 and 1.50000 are one stamp. */
function time(p: usize, to: usize): u32 {
  let value: u64 = 0, decimals = -1, digits = 0;
  for (; p < to; p++) {
    let digit = <u32>load<u8>(p) - 0x30;
    if (digit > 9) {
      if (digit != 0x2e - 0x30 || decimals >= 0 || !digits) return IOT_TIME;
      decimals = 0;
      continue;
    }
    if (decimals < 4) {
      if (decimals >= 0) decimals++;
      else if (++digits > 11) return IOT_TIME; // the year 5138; and no overflow
      value = value * 10 + digit;
    } else if (decimals < 5) {
      decimals++; // cut off, but a digit it must be
    }
  }
  if (decimals < 1) return IOT_TIME;
  for (; decimals < 4; decimals++) value *= 10;
  store<u64>(FIELDS, value, F_STAMP);
  return OK;
}

/** Are these ten ASCII digits? */
export function isId(p: usize, bytes: u32): bool {
  if (bytes != ID_BYTES) return false;
  for (let i: usize = 0; i < ID_BYTES; i++) if (<u32>load<u8>(p + i) - 0x30 > 9) return false;
  return true;
}

/** Does the parsed frame's DEVICE have the form of an identity? */
export function namesDevice(): bool {
  let id = idAt();
  return isId(id, load<u32>(FIELDS, F_ID + 4) - <u32>id);
}

/** The digits of an identity that its number has: the older server prints numbers. */
export function zeros(id: usize): u32 {
  let n: u32 = 0;
  while (n < ID_BYTES - 1 && load<u8>(id + n) == 0x30) n++;
  return n;
}

/**
 * Is the parsed frame of this device and its key? A device hears the number only, and KEY is the same for all;
 * a gateway wants ten digits and the key in every frame. How long it takes tells nothing of the key but its length.
 */
export function belongs(s: usize): u32 {
  let id = idAt(), bytes = load<u32>(FIELDS, F_ID + 4) - <u32>id, own = s + S_ID, skipped: u32 = 0;
  if (isDevice(s)) {
    skipped = zeros(own);
    // Zeros may lead here too.
    while (bytes > ID_BYTES - skipped && load<u8>(id) == 0x30) {
      id++;
      bytes--;
    }
  }
  if (bytes != ID_BYTES - skipped || !equal(id, own + skipped, bytes)) return IOT_ID;
  if (isDevice(s)) return OK;
  return GATEWAY ? opens(s, <usize>load<u32>(FIELDS, F_KEY), <usize>load<u32>(FIELDS, F_KEY + 4)) : OK;
}

/** The first frame's key is held against what the host knows of it, its digest; those of later ones against the first. */
function opens(s: usize, key: usize, to: usize): u32 {
  let bytes = <u32>(to - key), held = <u32>load<u8>(s, S_KEY_BYTES), same: bool;
  if (bytes > <u32>IOT_KEY_BYTES) return IOT_KEY;
  if (!held) {
    digest(s + S_ID, key, bytes, COPY);
    same = equal(COPY, s + S_KEY, DIGEST_BYTES);
    if (same) {
      store<u8>(s, bytes, S_KEY_BYTES);
      wipe(s + S_KEY, IOT_KEY_BYTES);
      memory.copy(s + S_KEY, key, bytes);
    }
  } else {
    wipe(COPY, IOT_KEY_BYTES);
    memory.copy(COPY, key, bytes);
    same = equal(COPY, s + S_KEY, IOT_KEY_BYTES) && bytes == held;
  }
  wipe(COPY, IOT_KEY_BYTES);
  return same ? OK : IOT_KEY;
}

/** What a gateway stores of a key: it must know it again, not say it. With the identity, so that one key at two devices does not show. */
export function digest(id: usize, key: usize, bytes: u32, out: usize): void {
  shaBegin();
  shaUpdate(id, ID_BYTES);
  shaUpdate(key, bytes);
  shaEnd(out);
}
