// Frames on their way out: when the next one may go, and what it looks like. Each is written at once and leaves in one
// write: the older programs take one read of a socket for whole frames.

import { E_DELIMITER, E_ROOM, E_STATE, E_TEXT, E_TOO_LONG, E_TOO_SHORT, IOT_TLS, I_BODY_BYTES, I_OUT_BYTES, I_OUT_FROM, OK } from "../../abi";
import { zeros } from "./frame";
import { ARENA, BODY, FRAME_BYTES, ID_BYTES, OPEN, S_COUNT, S_FLAGS, S_ID, S_KEY, S_KEY_BYTES, S_SENT, S_SPOKE, S_STATE, isDevice, now } from "./slot";
import { DELIMITER_BYTES, findDelimiter, points, trimEnd, trimStart } from "./text";
import { WINDOW } from "./window";

/** Characters that the older client sends itself; it takes a few more and fewer. */
const LEAST: u32 = 6;
const MOST: u32 = 59999;
/** One TLS record (RFC 8446, section 5.1): the older programs read one at a time and take it for whole frames. */
const RECORD_BYTES: u32 = 16384;
/** The older client loses the second of two frames in one read. */
const SPACING: i64 = 1000;
/** It raises at the 101st without a pause, the older server at the 334th, and both look before they empty their lists. */
const GATEWAY_BURST: u32 = 99;
const DEVICE_BURST: u32 = 332;
/** The older server measures the pause from our last stamp to its own clock, which may be 3 s behind ours. */
const DEVICE_PAUSE: i64 = 2 * WINDOW;
const GATEWAY_PAUSE: i64 = WINDOW;
const WINDOW_AHEAD: i64 = WINDOW;
/** The older server ends a connection after 90 s of silence. A lone delimiter is traffic to it, and no message. */
const KEEP_ALIVE: u64 = 600000;
const DELIMITER: u32 = 0x7c237c;
/** Bytes of a frame without payload: head, stamp of 15, DEVICE, what follows, delimiter. The device's without its key. */
const GATEWAY_FRAME: u32 = 32 + 15 + 9 + 10 + 22 + 3;
const DEVICE_FRAME: u32 = 31 + 15 + 9 + 10 + 6 + 6 + 3;

// \r\nIOT:1.1\r\nDATE:24/7/2019\r\nTIME:
const GATEWAY_HEAD: usize = memory.data<u8>([
  13, 10, 73, 79, 84, 58, 49, 46, 49, 13, 10, 68, 65, 84, 69, 58, 50, 52, 47, 55, 47, 50, 48, 49, 57, 13, 10, 84, 73, 77, 69, 58,
]);
// \r\nKEY:AJ\r\n, eight blanks, \r\n\r\n
const GATEWAY_FOOT: usize = memory.data<u8>([
  13, 10, 75, 69, 89, 58, 65, 74, 13, 10, 32, 32, 32, 32, 32, 32, 32, 32, 13, 10, 13, 10,
]);
// IOT:1.1\r\nDATE:12/12/2019\r\nTIME:
const DEVICE_HEAD: usize = memory.data<u8>([
  73, 79, 84, 58, 49, 46, 49, 13, 10, 68, 65, 84, 69, 58, 49, 50, 47, 49, 50, 47, 50, 48, 49, 57, 13, 10, 84, 73, 77, 69, 58,
]);
// \r\nKEY: and \r\n\r\n\r\n and \r\nDEVICE:
const KEY_LINE: usize = memory.data<u8>([13, 10, 75, 69, 89, 58]);
const BLANKS: usize = memory.data<u8>([13, 10, 13, 10, 13, 10]);
const DEVICE_LINE: usize = memory.data<u8>([13, 10, 68, 69, 86, 73, 67, 69, 58]);

/** Where the body that was judged begins and ends, trimmed; its delimiter stands behind it already. */
const JUDGED: usize = memory.data(8, 4);

function before(p: usize, text: usize, bytes: u32): usize {
  p -= bytes;
  memory.copy(p, text, bytes);
  return p;
}

/** Writes seconds with four decimals so that they end at `p`; returns where they begin. */
function stampBefore(p: usize, stamp: u64): usize {
  for (let digit = 0; stamp || digit < 6; digit++) {
    if (digit == 4) {
      store<u8>(--p, 0x2e);
    } else {
      store<u8>(--p, 0x30 + <u32>(stamp % 10));
      stamp /= 10;
    }
  }
  return p;
}

/** Units of 0.1 ms until the next frame may go; 0: now. Forgets the count where the peer has emptied its list. */
export function wait(s: usize): i64 {
  // Where many leave at once their stamps run ahead of the clock, by less than 0.1 s.
  let since = <i64>(now() - load<u64>(s, S_SENT)), count = load<u32>(s, S_COUNT);
  if (!count || since < -WINDOW_AHEAD) return 0; // the clock was set back: stamps of then are of no use
  let pause = isDevice(s) ? DEVICE_PAUSE : GATEWAY_PAUSE;
  if (count > 1 && since > pause) {
    store<u32>(s, 0, S_COUNT);
    return 0;
  }
  if (count >= (isDevice(s) ? DEVICE_BURST : GATEWAY_BURST)) return pause + 1 - since;
  return isDevice(s) || since >= SPACING ? 0 : SPACING - since;
}

/** What is wrong with the `bytes` bytes at BODY, trimmed, or OK. */
export function judge(s: usize, bytes: u32): i32 {
  if (load<u8>(s, S_STATE) != OPEN) return E_STATE;
  if (bytes > load<u32>(ARENA, I_BODY_BYTES)) return E_TOO_LONG;
  if (points(BODY, BODY + bytes) < 0) return E_TEXT;
  let from = trimStart(BODY, BODY + bytes), to = trimEnd(from, BODY + bytes), characters = <u32>points(from, to);
  if (characters < LEAST) return E_TOO_SHORT;
  if (characters > MOST) return E_TOO_LONG;
  store<u32>(JUDGED, <u32>from);
  store<u32>(JUDGED, <u32>to, 4);
  store<u32>(to, DELIMITER);
  // Behind |# the first character of the delimiter would complete another one.
  if (findDelimiter(from, to + DELIMITER_BYTES) != to) return E_DELIMITER;
  let frame = <u32>(to - from) + (isDevice(s) ? DEVICE_FRAME + load<u8>(s, S_KEY_BYTES) : GATEWAY_FRAME - zeros(s + S_ID));
  return frame > FRAME_BYTES || (frame > RECORD_BYTES && (load<u8>(s, S_FLAGS) & IOT_TLS) != 0) ? E_TOO_LONG : OK;
}

/** Frames the `bytes` bytes at BODY, trimmed. A status says why not: nothing is done then. */
export function send(s: usize, bytes: u32): i32 {
  let status = judge(s, bytes);
  if (status) return status;
  if (wait(s)) return E_ROOM;
  let at = now(), last = load<u64>(s, S_SENT), p: usize = load<u32>(JUDGED), to: usize = load<u32>(JUDGED, 4), id = s + S_ID;
  if (at <= last && last - at <= WINDOW) at = last + 1; // each stamp is another
  if (isDevice(s)) {
    p = before(p, BLANKS, 6);
    p = before(p, s + S_KEY, load<u8>(s, S_KEY_BYTES));
    p = before(p, KEY_LINE, 6);
    p = before(p, id, ID_BYTES);
  } else {
    let skipped = zeros(id);
    p = before(p, GATEWAY_FOOT, 22);
    p = before(p, id + skipped, ID_BYTES - skipped);
  }
  p = before(p, DEVICE_LINE, 9);
  p = stampBefore(p, at);
  p = isDevice(s) ? before(p, DEVICE_HEAD, 31) : before(p, GATEWAY_HEAD, 32);
  output(p, <u32>(to - p) + DELIMITER_BYTES);
  store<u64>(s, at, S_SENT);
  store<u64>(s, now(), S_SPOKE);
  store<u32>(s, load<u32>(s, S_COUNT) + 1, S_COUNT);
  return OK;
}

/** Writes a lone delimiter where it is due; returns the units of 0.1 ms until the next one. */
export function keepAlive(s: usize): u64 {
  let since = now() - load<u64>(s, S_SPOKE);
  if (<i64>since < 0) since = 0; // the clock was set back
  if (since < KEEP_ALIVE) return KEEP_ALIVE - since;
  store<u32>(BODY, DELIMITER);
  output(BODY, DELIMITER_BYTES);
  store<u64>(s, now(), S_SPOKE);
  return KEEP_ALIVE;
}

function output(from: usize, bytes: u32): void {
  store<u32>(ARENA, <u32>from, I_OUT_FROM);
  store<u32>(ARENA, bytes, I_OUT_BYTES);
}
