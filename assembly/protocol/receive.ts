// A frame's way in, once its tag holds: the time rule, then its type.

import {
  ACK, ACK_OK, ACK_STALE, CLOSE, DATA, DELIVER, DOWN_CLOSED, DOWN_REFUSED, EV_CLOSED, EV_MESSAGE, FLAG_WANTED, FRAGMENT, PING, PONG,
  READY, REFUSED_BAD_TAG, REFUSED_CLOCK_LOST, REFUSED_FUTURE, REFUSED_MALFORMED, REFUSED_STALE, REFUSED_STATE,
  REFUSED_TOO_LONG, REFUSED_UNKNOWN_TYPE, ROUTE, SKIP, STATE_HELLO, STATE_PROVED, S_IN_LAST, S_STATE, TYPE_MASK, S_CLOCK_LOST,
} from "../abi";
import { acknowledged, isNext } from "./delivery";
import { end } from "./end";
import { PART_INDEX, PART_LEAD, checkPart } from "./fragment";
import { STREAM_WANTS_MORE, mark, parse } from "./frame";
import { emit, event, refuse, refuseMessage, sendAck } from "./output";
import { ping, pong } from "./ping";
import { ready } from "./ready";
import {
  JOB, J_BODY, J_BYTES, J_TIME, J_TYPE, S_BAD, S_HEARD, S_HEARD_ANY, S_WINDOW, clock,
  isDatagram, isDevice, now,
} from "./slot";
import { open } from "./suite";
import { hasTopic, isTopicType, takesTopic } from "./topic";

/** After so many a datagram session is begun anew: 2^20 tries at an 8-byte tag succeed with a chance of 2^-44. */
const BAD_TAGS_MAX: u32 = 1048576;
/** While CHALLENGE is awaited anybody can send one that does not hold. */
const BAD_CHALLENGES_MAX: u32 = 8;
/** What a device takes before READY. */
const BEFORE_READY: u32 = (1 << READY) | (1 << CLOSE);
/** Types that never want an ACK: READY, ACK, PING, PONG, CLOSE. */
const NEVER_WANTED: u32 = (1 << READY) | (1 << ACK) | (1 << PING) | (1 << PONG) | (1 << CLOSE);
/** Types that no FRAGMENT is a part of. */
const NEVER_PART: u32 = NEVER_WANTED | (1 << SKIP) | (1 << FRAGMENT);
/** Types whose body did not parse where the end of `act` is reached, at the device and at the gateway. */
const DEVICE_FORMS: u32 = (1 << READY) | (1 << ACK) | (1 << SKIP) | (TOPICS ? 1 << DELIVER : 0);
const GATEWAY_FORMS: u32 = (1 << ACK) | (1 << SKIP) | (TOPICS ? 1 << ROUTE : 0);
/** The oldest age whose milliseconds 31 bits hold, 24.8 days; an older one is told as the earliest time there is. */
const AGE_MAX: u32 = 34359738;

/** Refused before or by the tag: ends a stream, is dropped on datagrams. */
export function broken(s: usize, reason: u32, type: u32): void {
  refuse(reason, type);
  if (isDatagram(s)) {
    let hello = load<u8>(s, S_STATE) == STATE_HELLO;
    let bad = load<u32>(s, S_BAD) + <u32>(hello | (reason == REFUSED_BAD_TAG)), most = hello ? BAD_CHALLENGES_MAX : BAD_TAGS_MAX;
    store<u32>(s, bad, S_BAD);
    if (bad < most || !isDevice(s)) return;
  }
  end(s, DOWN_REFUSED, reason, 0);
}

/** One protected frame at p. Returns the bytes it took, STREAM_WANTS_MORE, or minus a refusal, which the caller gives to `broken`. */
export function receive(s: usize, p: usize, available: u32): i32 {
  let total = parse(s, p, available, JOB, 0);
  if (total < 0) return total;
  // Nothing else is handled before READY. A shift takes the lower five bits of its count: the type's code.
  if (isDevice(s) && load<u8>(s, S_STATE) == STATE_PROVED && !((BEFORE_READY >> load<u8>(p)) & 1)) return -REFUSED_STATE;
  if (!open(s, JOB)) return -REFUSED_BAD_TAG;
  handle(s, JOB);
  return total;
}

/** Acts on a frame whose tag held. */
export function handle(s: usize, job: usize): void {
  let reason = act(s, job);
  if (reason) refuse(reason, load<u8>(job, J_TYPE));
}

/** Returns why the frame is refused, or 0. */
function act(s: usize, job: usize): u32 {
  let type = <u32>load<u8>(job, J_TYPE), kind = type & TYPE_MASK;
  let p = <usize>load<u32>(job, J_BODY), bytes = load<u32>(job, J_BYTES);
  let time = <i32>bswap<u32>(load<u32>(job, J_TIME));
  let id: u32 = 0;
  mark(s);
  store<u32>(s, now(), S_HEARD);
  if (GATEWAY) store<u8>(s, 1, S_HEARD_ANY);

  let off = clock(s) - time;
  if (type & FLAG_WANTED) {
    // id u32, age in 1/16 s as LEB128 of 1 to 4 bytes in its shortest form
    let n: u32 = 4, age: u32 = 0, byte: u32;
    do {
      byte = load<u8>(p + n); // what lies behind a body that is too short is refused below
      age |= (byte & 127) << (n * 7 - 28);
      ++n;
    } while (byte > 127 && n < 8);
    id = bswap<u32>(load<u32>(p));
    if (<u32>(n > bytes) | <u32>(byte > 127) | (<u32>!byte & <u32>(n > 5)) | <u32>!id | ((NEVER_WANTED >> kind) & 1)
      | (<u32>(kind == SKIP) & <u32>(n != bytes))) return REFUSED_MALFORMED;
    p += n;
    bytes -= n;
    time = age > AGE_MAX ? i32.MIN_VALUE : time - ((age * 125) >> 1); // 62.5 ms
  }

  if (kind == PING) return ping(s, p, bytes);
  if (kind == PONG) return pong(s, p, bytes);
  if (kind == CLOSE) {
    if (bytes < 3) return REFUSED_MALFORMED;
    let reason = <u32>load<u8>(p), after = bswap<u32>(load<u16>(p, 1)) >> 16;
    emit(EV_CLOSED | (reason << 8) | (after << 16), 0, 0);
    end(s, DOWN_CLOSED, reason, after);
    return 0;
  }

  // The time rule: outside the window nothing is acted on; what was taken before is still said to be taken.
  let window = load<u32>(s, S_WINDOW), reason: u32 = off < 0 ? REFUSED_FUTURE : REFUSED_STALE;
  if (<u32>off + window <= 2 * window) reason = 0; // -window … window
  if (load<u8>(s, S_CLOCK_LOST)) reason = REFUSED_CLOCK_LOST;
  if (reason) {
    refuseMessage(reason, type, id, off);
    if (id) sendAck(s, id, id <= load<u32>(s, S_IN_LAST) ? ACK_OK : ACK_STALE);
    return 0;
  }

  let part: usize = 0, length = bytes;
  if (FRAGMENTS && kind == FRAGMENT && isDatagram(s)) {
    // What it is a part of is of a type that may want an ACK and has a body.
    kind = load<u8>(p);
    length = checkPart(s, p, bytes, <u32>p - load<u32>(job, J_BODY));
    if (<u32>!id | <u32>!length | <u32>(kind > <u32>TYPE_MASK) | ((NEVER_PART >> kind) & 1)) return REFUSED_MALFORMED;
    if (<i32>length < 0) return REFUSED_TOO_LONG;
    type ^= FRAGMENT ^ kind;
    part = p;
  }

  let takes = kind == DATA;
  if (TOPICS && isTopicType(kind)) {
    // Of a message in parts the first one is judged: it holds the whole head.
    if (!FRAGMENTS || !part) takes = hasTopic(s, false, kind, p, bytes);
    else takes = load<u8>(p, PART_INDEX) ? takesTopic(s, kind) : hasTopic(s, false, kind, p + PART_LEAD, bytes - PART_LEAD);
  }
  if (id ? isNext(s, type, kind, takes || kind == SKIP, id, part, bytes) : takes) {
    event(EV_MESSAGE | (type << 8) | (length << 16), part ? 0 : p, id, time);
  } else if (!id) {
    if (kind == ACK && bytes == 5) acknowledged(s, bswap<u32>(load<u32>(p)), load<u8>(p, 4));
    else if (DEVICE && kind == READY && bytes >= 14 && isDevice(s)) ready(s, p);
    else return ((isDevice(s) ? DEVICE_FORMS : GATEWAY_FORMS) >> kind) & 1 ? REFUSED_MALFORMED : REFUSED_UNKNOWN_TYPE;
  }
  return 0;
}
