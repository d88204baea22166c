// A third party that reads along, with the device's key: who opened the session, whether both proofs hold, and of every
// frame whether its receiver would have taken it. It sends nothing and has no part in delivery.
// One session is two slots: what comes to the gateway (2n), and what comes to the device (2n + 1).

import {
  E_ARGUMENT, E_PARTIAL, E_SLOTS, E_STATE, FLAG_NATIVE, G_CONFIG, G_IN_BYTES, G_KEY, HELLO, H_ID_BYTES, H_LARGEST, H_SUITES, LINK_DATAGRAM,
  LINK_TLS, OBSERVER_ARENA, OB_UNTIMED, OK, O_AGE, O_BODY, O_BYTES, O_COUNTER, O_ID, O_OFF, O_TIME, O_TOTAL, O_TYPE, PROOF,
  REFUSED_BAD_PROOF, REFUSED_BAD_TAG, REFUSED_CHALLENGE, REFUSED_HELLO, REFUSED_MALFORMED, REFUSED_OLD_CHALLENGE, REFUSED_STATE,
  SLOT_BYTES, STATE_CHALLENGED, STATE_FRESH, STATE_KEY, STATE_ONLINE, S_C, S_HELLO_BYTES, S_LINK, S_RX_COUNTER, S_STATE, S_TAKES, VERSION,
  W_SUITES, W_SUITES_TLS,
} from "../abi";
import { equal, wipe } from "../crypto/bytes";
import { checkHello, helloBytes } from "../gateway/handshake";
import { G, IN, enter, slotAt } from "../gateway/table";
import { STREAM_WANTS_MORE, mark, parse, streamLength } from "../protocol/frame";
import { JOB, J_BODY, J_BYTES, J_HEADER, J_TIME, J_TYPE, LARGEST_BODY, MAC, S_BASE, S_LIFE, S_TX_KEYS, S_WINDOW, now } from "../protocol/slot";
import { open, sessionKeys } from "../protocol/suite";
import { C_BYTES, C_WINDOW, H_FIXED, PROOF_BYTES, deviceProof, gatewayProof, helloOf, makePrk } from "../protocol/transcript";
import { judge, readLead } from "./judge";

export const O: usize = memory.data(OBSERVER_ARENA, 8);
const EVERY_SUITE: u8 = 7;

// What the observer keeps in a slot of its own, where no session of a gateway's has anything: the first slot of the two.
const S_SEEN: usize = 5; //     u8: which proofs were seen
const S_TIMELESS: usize = 6; // u8
const SEEN_GATEWAY: u32 = 1;
const SEEN_DEVICE: u32 = 2;
/** The two proofs wait where the keys will be. */
const S_GATEWAY_PROOF: usize = S_TX_KEYS;
const S_DEVICE_PROOF: usize = S_TX_KEYS + 16;

/** Address of the observer's arena, O_* offsets. */
export function ob_arena(): usize {
  return O;
}

function slotOf(n: u32): usize {
  return n < 0x10000 && <u64>memory.size() << 16 >= <u64>slotAt(2 * n + 2) ? slotAt(2 * n) : 0;
}

function windowHolds(bytes: u32): bool {
  return bytes <= load<u32>(G, G_IN_BYTES);
}

/** Session n begins anew: `link` is LINK_DATAGRAM or 0, and OB_UNTIMED. */
export function ob_open(n: u32, link: u32): i32 {
  let s = slotOf(n);
  if (!s) return E_SLOTS;
  wipe(s, 2 * SLOT_BYTES);
  store<u8>(G + G_CONFIG, EVERY_SUITE, W_SUITES); // what an observer sees is beyond its policy
  store<u8>(G + G_CONFIG, EVERY_SUITE, W_SUITES_TLS);
  store<u8>(s, link & LINK_DATAGRAM, S_LINK);
  store<u8>(s, <u8>((link & OB_UNTIMED) != 0), S_TIMELESS);
  store<u8>(s, STATE_FRESH, S_STATE);
  return OK;
}

/** Wipes session n. */
export function ob_free(n: u32): i32 {
  let s = slotOf(n);
  if (!s) return E_ARGUMENT;
  wipe(s, 2 * SLOT_BYTES);
  return OK;
}

/** Whether a link is inside TLS is not seen from outside: the device's word is taken, and the proof covers it. */
function takeLink(s: usize, h: usize): void {
  store<u8>(s, (load<u8>(s, S_LINK) & LINK_DATAGRAM) | (load<u8>(h, 1) & LINK_TLS), S_LINK);
}

/** HELLO's body stands in the window. OK, or REFUSED_HELLO or REFUSED_NO_SUITE. */
export function ob_hello(n: u32, bytes: u32): i32 {
  let s = slotOf(n);
  if (!s || !windowHolds(bytes)) return E_ARGUMENT;
  if (load<u8>(s, S_STATE) != STATE_FRESH) return E_STATE;
  if (bytes > H_FIXED) takeLink(s, IN);
  let h = helloBytes(s, IN, bytes);
  if (h < 0) return -h;
  store<u8>(s, h, S_HELLO_BYTES);
  memory.copy(helloOf(s), IN, h);
  store<u8>(s, STATE_KEY, S_STATE);
  return OK;
}

/** CHALLENGE's body stands in the window; it came at `at`. OK, REFUSED_MALFORMED or REFUSED_CHALLENGE. */
export function ob_challenge(n: u32, bytes: u32, at: u32): i32 {
  enter(at);
  let s = slotOf(n);
  if (!s) return E_ARGUMENT;
  if (load<u8>(s, S_STATE) != STATE_KEY) return E_STATE;
  if (bytes != C_BYTES + PROOF_BYTES) return REFUSED_MALFORMED;
  let suite = <u32>load<u8>(IN, 1);
  if (load<u8>(IN) != VERSION || !(suite & load<u8>(helloOf(s), H_SUITES)) || suite & (suite - 1)) return REFUSED_CHALLENGE;
  memory.copy(s + S_C, IN, C_BYTES);
  memory.copy(s + S_GATEWAY_PROOF, IN + C_BYTES, PROOF_BYTES);
  store<u8>(s, <u8>SEEN_GATEWAY, S_SEEN);
  challenged(s);
  return OK;
}

function challenged(s: usize): void {
  store<u32>(s, now(), S_BASE);
  store<u8>(s, STATE_CHALLENGED, S_STATE);
}

/**
 * PROOF's body stands in the window; it came at `at`. On datagrams it brings H and C, and is enough to begin with. OK (which
 * without keys says of the proof nothing), REFUSED_HELLO, REFUSED_OLD_CHALLENGE (of another HELLO or CHALLENGE) or
 * REFUSED_BAD_PROOF.
 */
export function ob_proof(n: u32, bytes: u32, at: u32): i32 {
  enter(at);
  let s = slotOf(n), p = IN;
  if (!s || !windowHolds(bytes)) return E_ARGUMENT;
  let state = <i32>load<u8>(s, S_STATE);
  if (load<u8>(s, S_LINK) & LINK_DATAGRAM) {
    if (bytes > H_FIXED) takeLink(s, IN);
    let h = checkHello(s, IN, bytes), handshake = h + <i32>C_BYTES;
    if (h < 0 || bytes != <u32>handshake + PROOF_BYTES) return REFUSED_HELLO;
    if (state < STATE_CHALLENGED) {
      store<u8>(s, h, S_HELLO_BYTES);
      memory.copy(helloOf(s), IN, handshake);
      challenged(s);
    } else if (h != <i32>load<u8>(s, S_HELLO_BYTES) || !equal(helloOf(s), IN, handshake)) return REFUSED_OLD_CHALLENGE;
    p += handshake;
  } else {
    if (state < STATE_CHALLENGED) return E_STATE;
    if (bytes != PROOF_BYTES) return REFUSED_BAD_PROOF;
  }
  if (state == STATE_ONLINE) {
    deviceProof(s, MAC);
    return equal(MAC, p, PROOF_BYTES) ? OK : REFUSED_BAD_PROOF;
  }
  memory.copy(s + S_DEVICE_PROOF, p, PROOF_BYTES);
  store<u8>(s, load<u8>(s, S_SEEN) | SEEN_DEVICE, S_SEEN);
  return OK;
}

/**
 * Tries the key at G_KEY, which it wipes, by a proof that was seen: the gateway's, else the device's. OK: the frames can be
 * opened from now on. REFUSED_BAD_PROOF: it is not this session's key.
 */
export function ob_key(n: u32): i32 {
  let s = slotOf(n), d = s + SLOT_BYTES;
  if (!s) return E_ARGUMENT;
  if (load<u8>(s, S_STATE) != STATE_CHALLENGED) return E_STATE;
  makePrk(s, G + G_KEY);
  wipe(G + G_KEY, 32);
  let gateway = load<u8>(s, S_SEEN) & SEEN_GATEWAY;
  if (gateway) gatewayProof(s, MAC);
  else deviceProof(s, MAC);
  if (!equal(MAC, s + (gateway ? S_GATEWAY_PROOF : S_DEVICE_PROOF), PROOF_BYTES)) return REFUSED_BAD_PROOF;
  let h = helloOf(s), largest = bswap<u16>(load<u16>(h, H_LARGEST));
  store<u32>(s, bswap<u16>(load<u16>(s + S_C, C_WINDOW)), S_WINDOW);
  store<u32>(s, i32.MAX_VALUE, S_LIFE); // until READY tells it
  store<u32>(s, LARGEST_BODY, S_TAKES);
  store<u8>(s, STATE_ONLINE, S_STATE);
  memory.copy(d, s, SLOT_BYTES);
  store<u32>(d, min(<u32>largest, LARGEST_BODY), S_TAKES);
  sessionKeys(s, false);
  sessionKeys(d, true);
  return OK;
}

/**
 * The window holds a frame of session n that came at `at`, on its way to the device or (0) to the gateway; on a stream `bytes`
 * may go beyond it, and it may be `ahead` frames behind the next one. Returns OK, why its receiver would refuse it, E_PARTIAL,
 * or E_STATE where there are no keys. The arena says what it is, as far as that is known: total, type, time and counter as soon as
 * the frame has a form, id, age and body once the tag holds. A sealed body is then decrypted in the window.
 */
export function ob_frame(n: u32, toDevice: u32, bytes: u32, ahead: u32, at: u32): i32 {
  enter(at);
  toDevice = <u32>!!toDevice;
  let first = slotOf(n), s = first + <usize>toDevice * SLOT_BYTES;
  memory.fill(O, 0, OBSERVER_ARENA);
  if (!first || !bytes || !windowHolds(bytes)) return E_ARGUMENT;
  if (load<u8>(first, S_STATE) != STATE_ONLINE) return E_STATE;
  let total = parse(s, IN, bytes, JOB, ahead);
  if (total == STREAM_WANTS_MORE) return E_PARTIAL;
  if (total < 0) return -total;
  let time = bswap<u32>(load<u32>(JOB, J_TIME));
  store<u32>(O, total, O_TOTAL);
  store<u32>(O, load<u8>(JOB, J_TYPE), O_TYPE);
  store<u32>(O, load<u32>(JOB, J_BODY), O_BODY);
  store<u32>(O, load<u32>(JOB, J_BYTES), O_BYTES);
  store<u32>(O, time, O_TIME);
  store<u64>(O, bswap<u64>(load<u64>(JOB, J_HEADER)), O_COUNTER);
  if (!open(s, JOB)) return REFUSED_BAD_TAG;
  if (ahead) store<u64>(s, load<u64>(s, S_RX_COUNTER) + ahead, S_RX_COUNTER);
  mark(s);
  let timeless = load<u8>(first, S_TIMELESS) != 0;
  if (timeless) {
    // The clock follows the frames, so that truncated times are full again; nothing can be late.
    store<u32>(first, now() - time, S_BASE);
    store<u32>(first + SLOT_BYTES, now() - time, S_BASE);
  } else {
    store<i32>(O, <i32>(now() - load<u32>(s, S_BASE) - time), O_OFF);
  }
  return readLead(O) ? judge(O, first, toDevice != 0, load<u32>(s, S_WINDOW), timeless) : REFUSED_MALFORMED;
}

/**
 * The window holds the beginning of a stream's frame, of which nothing else is known: its total with a tag of `tag` bytes (none in
 * the handshake), type, length, body and the time's lower 24 bits go to the arena. OK, E_PARTIAL, REFUSED_MALFORMED or _TOO_LONG.
 */
export function ob_split(bytes: u32, tag: u32): i32 {
  memory.fill(O, 0, OBSERVER_ARENA);
  if (!bytes || !windowHolds(bytes)) return E_ARGUMENT;
  let type = <i32>load<u8>(IN);
  store<u32>(O, type, O_TYPE);
  if (type < FLAG_NATIVE) return REFUSED_MALFORMED;
  let length = streamLength(IN, bytes);
  if (length == STREAM_WANTS_MORE) return E_PARTIAL;
  if (length < 0) return -length;
  let body = <u32>(length < 128 ? 2 : 3), plain = type >= (HELLO | FLAG_NATIVE) && type <= (PROOF | FLAG_NATIVE);
  if (plain) tag = 0;
  else body += 3;
  store<u32>(O, body + length + tag, O_TOTAL);
  store<u32>(O, length, O_BYTES);
  store<u32>(O, <u32>IN + body, O_BODY);
  if (body > bytes) return E_PARTIAL;
  if (!plain) store<u32>(O, bswap<u32>(load<u32>(IN + body - 3)) >> 8, O_TIME);
  return load<u32>(O, O_TOTAL) > bytes ? E_PARTIAL : OK;
}
