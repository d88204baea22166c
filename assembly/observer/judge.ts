// What a receiver makes of a frame whose tag holds, without its memory: the same rules as protocol/receive.ts, told instead
// of acted on. A test compares the two.

import {
  ACK, CLOSE, DATA, DELIVER, FLAG_WANTED, FRAGMENT, OK, O_AGE, O_BODY, O_BYTES, O_COUNTER, O_ID, O_OFF, O_TYPE, PING, PONG, READY, REFUSED_FUTURE,
  REFUSED_MALFORMED, REFUSED_STALE, REFUSED_STATE, REFUSED_TOO_LONG, REFUSED_UNKNOWN_TYPE, SKIP, SLOT_BYTES, S_TAKES, TYPE_MASK,
} from "../abi";
import { checkPart } from "../protocol/fragment";
import { LIFE_MAX_S } from "../protocol/ready";
import { isTopicType, topicHead } from "../protocol/topic";
import { JOB, J_BODY, LARGEST_BODY, S_LIFE, isDatagram } from "../protocol/slot";

/** Types that never want an ACK. */
const NEVER_WANTED: u32 = (1 << READY) | (1 << ACK) | (1 << PING) | (1 << PONG) | (1 << CLOSE);

/** Types that no FRAGMENT is a part of. */
const NEVER_PART: u32 = NEVER_WANTED | (1 << SKIP) | (1 << FRAGMENT);

/** Reads id and age off the body where bit 5 says that they lead it; false: they do not parse. */
export function readLead(o: usize): bool {
  let type = <u32>load<u8>(o, O_TYPE), kind = type & TYPE_MASK;
  if (!(type & FLAG_WANTED)) return true;
  let p = <usize>load<u32>(o, O_BODY), bytes = load<u32>(o, O_BYTES), n: u32 = 4, age: u32 = 0, byte: u32;
  do {
    if (n >= bytes) return false;
    byte = load<u8>(p + n);
    age |= (byte & 127) << (n * 7 - 28);
    ++n;
  } while (byte > 127 && n < 8);
  let id = bswap<u32>(load<u32>(p));
  if (byte > 127 || (!byte && n > 5) || !id || (NEVER_WANTED >> kind) & 1 || (kind == SKIP && n != bytes)) return false;
  store<u32>(o, id, O_ID);
  store<u32>(o, age, O_AGE);
  store<u32>(o, <u32>p + n, O_BODY);
  store<u32>(o, bytes - n, O_BYTES);
  return true;
}

/** The time rule, then the type's own form. `first` is the session's first slot: READY's terms are taken from it. */
export function judge(o: usize, first: usize, toDevice: bool, window: u32, timeless: bool): u32 {
  let kind = <u32>load<u8>(o, O_TYPE) & TYPE_MASK, bytes = load<u32>(o, O_BYTES), off = load<i32>(o, O_OFF);
  // The gateway's first frame is READY or, in its place, CLOSE.
  if (toDevice && !load<u64>(o, O_COUNTER) && kind != READY && kind != CLOSE) return REFUSED_STATE;
  if (kind == PING) return bytes >= 8 ? OK : REFUSED_MALFORMED;
  if (kind == PONG) return bytes == 16 ? OK : REFUSED_MALFORMED;
  if (kind == CLOSE) return bytes >= 3 ? OK : REFUSED_MALFORMED;
  if (!timeless && <u32>off + window > 2 * window) return off < 0 ? REFUSED_FUTURE : REFUSED_STALE;
  if (kind == FRAGMENT && isDatagram(first)) return part(o, first + <usize>toDevice * SLOT_BYTES);
  if (load<u32>(o, O_ID) || kind == DATA) return OK; // a type with an id that nobody takes is answered, not refused
  if (kind == ACK) return bytes == 5 ? OK : REFUSED_MALFORMED;
  if (kind == SKIP) return REFUSED_MALFORMED;
  if (isTopicType(kind) && (kind == DELIVER) == toDevice) return topicHead(kind, load<u32>(o, O_BODY), bytes) ? OK : REFUSED_MALFORMED;
  if (kind != READY || !toDevice) return REFUSED_UNKNOWN_TYPE;
  if (bytes < 14) return REFUSED_MALFORMED;
  terms(first, load<u32>(o, O_BODY));
  return OK;
}

/** A part of a message, whose type may want an ACK and has a body. */
function part(o: usize, s: usize): u32 {
  let p = <usize>load<u32>(o, O_BODY), bytes = load<u32>(o, O_BYTES), inner = <u32>load<u8>(p);
  let length = checkPart(s, p, bytes, <u32>p - load<u32>(JOB, J_BODY));
  if (!load<u32>(o, O_ID) || !length || inner > <u32>TYPE_MASK || (NEVER_PART >> inner) & 1) return REFUSED_MALFORMED;
  return length < 0 ? REFUSED_TOO_LONG : OK;
}

/** How long the session lives, and the largest body that the gateway takes. */
function terms(first: usize, p: usize): void {
  if (load<u32>(first, S_LIFE) != i32.MAX_VALUE) return; // a repeat: the first one said all this
  let life = min(bswap<u32>(load<u32>(p)), LIFE_MAX_S) * 1000;
  store<u32>(first, life, S_LIFE);
  store<u32>(first + SLOT_BYTES, life, S_LIFE);
  store<u32>(first, min(<u32>bswap<u16>(load<u16>(p, 8)), LARGEST_BODY), S_TAKES);
}
