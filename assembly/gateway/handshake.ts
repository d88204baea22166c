// The gateway's half of the handshake. On a stream the slot remembers H and C; on datagrams nothing is kept
// between CHALLENGE and PROOF: the nonce is a MAC under the gateway's secret, and PROOF brings H and C again.

import {
  CHALLENGE, DOWN_REFUSED, EV_HELLO, EV_PROVED, EV_REPEAT, E_ARGUMENT, E_REFUSED, E_ROOM, E_STATE, FLAG_NATIVE, G_ACCEPT,
  G_ADDRESS, G_CONFIG, G_KEY, G_LAST_EPOCH, G_RANDOM, HELLO, H_ID, H_ID_BYTES, H_KEY_ID, H_LARGEST, H_OUTBOX, LINK_TLS, OK, PROOF, READY, REFUSED_BAD_PROOF,
  REFUSED_HELLO, REFUSED_NO_SUITE, REFUSED_OLD_CHALLENGE, REFUSED_STATE, STATE_CHALLENGED, STATE_FRESH, STATE_KEY,
  STATE_ONLINE, STATE_PROVED, S_C, S_EPOCH, S_HELLO_BYTES, S_IN_LAST, S_IN_OUTBOX, S_LARGEST, S_LINK, S_LOW, S_NEXT, S_OUTBOX, S_SENT, S_SESSION, S_STATE,
  S_SUITE, VERSION, W_IDLE, W_LARGEST, W_LIFE, W_SECRET, W_SPREAD, W_SUITES, W_SUITES_TLS, W_WINDOW,
} from "../abi";
import { equal, wipe } from "../crypto/bytes";
import { hmacBegin, hmacEnd, hmacKey, hmacUpdate } from "../crypto/hmac";
import { beginDelivery, pump } from "../protocol/delivery";
import { end } from "../protocol/end";
import { STREAM_WANTS_MORE, streamLength } from "../protocol/frame";
import { begin, emit, event, finish, hasRoom, plain, refuse } from "../protocol/output";
import { broken } from "../protocol/receive";
import {
  JOB, MAC, PRK_BYTES, SECRETS, S_ATTEMPT, S_BASE, S_HEARD, S_HEARD_ANY, S_IDLE, S_LIFE, S_PRK, S_SPOKE, S_STARTED, S_TAKEN, S_TX_KEYS, S_WINDOW, seed, clock, isDatagram, now, LARGEST_BODY,
} from "../protocol/slot";
import { sessionKeys } from "../protocol/suite";
import {
  C_BYTES, C_NONCE, C_TIME, C_WINDOW, HANDSHAKE_MS, H_FIXED, NONCE_BYTES, PROOF_BYTES, deviceProof, gatewayProof, helloOf, makePrk,
} from "../protocol/transcript";
import { identityHash, isIdentity } from "./identity";
import { recall, remember } from "./nonces";
import { G, enter, indexOf, live, slotAt, unix, used } from "./table";

const HELLO_MAX: u32 = H_FIXED + 64;
const CHALLENGE_BODY: u32 = C_BYTES + PROOF_BYTES;
/** Room for CHALLENGE or READY, whichever is longer, and what surrounds it. */
const ANSWER_BYTES: u32 = 128;
/** While the host looks for the key: 0 HELLO, 1 a datagram's PROOF, whose 16 bytes wait in S_TX_KEYS. */
const S_PENDING: usize = S_ATTEMPT; // a device's field
const S_PROOF: usize = S_TX_KEYS;

const CONTEXT_NONCE: usize = memory.data<u8>([0x6e, 0x6f, 0x6e, 0x63, 0x65]); //                 "nonce"
const CONTEXT_UNKNOWN: usize = memory.data<u8>([0x75, 0x6e, 0x6b, 0x6e, 0x6f, 0x77, 0x6e]); //   "unknown"
const CHOSEN: usize = memory.data(32, 8);
/** HMAC's state under the gateway's secret. */
const KEY_STATE: usize = memory.data(64, 8);

/** The one handshake frame that this state takes: its body, with its length in `bodyBytes`; 0: more wanted, or refused. */
let bodyBytes: u32 = 0;
function bodyOf(s: usize, p: usize, available: u32, most: u32): usize {
  if (isDatagram(s)) {
    bodyBytes = available - 1;
    return p + 1;
  }
  let bytes = streamLength(p, available);
  if (bytes == STREAM_WANTS_MORE) return 0;
  if (bytes < 0 || <u32>bytes > most) {
    broken(s, REFUSED_HELLO, load<u8>(p));
    return 0;
  }
  bodyBytes = bytes;
  return available < <u32>bytes + 2 ? 0 : p + 2; // handshake bodies are shorter than 128 bytes
}

/** The strongest offered suite that policy allows for this link, 0: none. */
function choose(s: usize, offered: u32): u32 {
  let allowed = offered & load<u8>(G + G_CONFIG + (load<u8>(s, S_LINK) & LINK_TLS ? W_SUITES_TLS : W_SUITES));
  return allowed & (~allowed + 1); // the lowest bit is the strongest
}

/** Checks H (`room` bytes may hold it and padding) and returns its length, or minus a refusal. */
export function checkHello(s: usize, h: usize, room: u32): i32 {
  if (room <= H_FIXED) return -REFUSED_HELLO;
  let idBytes = <u32>load<u8>(h, H_ID_BYTES);
  if (load<u8>(h) != VERSION || load<u8>(h, 1) != load<u8>(s, S_LINK) || H_FIXED + idBytes > room) return -REFUSED_HELLO;
  if (!isIdentity(h + H_ID, idBytes)) return -REFUSED_HELLO;
  let suite = choose(s, load<u8>(h, 2));
  if (!suite) return -REFUSED_NO_SUITE;
  store<u8>(s, suite, S_SUITE);
  return H_FIXED + idBytes;
}

function askForKey(s: usize, h: usize, bytes: u32, pending: u32): void {
  store<u8>(s, load<u8>(h, H_ID_BYTES) + H_FIXED, S_HELLO_BYTES);
  memory.copy(helloOf(s), h, bytes); // H, and C behind it where PROOF brings it
  store<u32>(s, min(<u32>bswap<u16>(load<u16>(h, H_LARGEST)), LARGEST_BODY), S_LARGEST);
  store<u32>(s, bswap<u32>(load<u32>(h, H_OUTBOX)), S_IN_OUTBOX);
  store<u8>(s, pending, S_PENDING);
  store<u8>(s, STATE_KEY, S_STATE);
  event(EV_HELLO | (<u32>load<u8>(h, H_KEY_ID) << 8) | (<u32>load<u8>(h, H_ID_BYTES) << 16), helloOf(s) + H_ID, indexOf(s), 0);
}

/** A datagram's HELLO is as long as the answer at least, padded with zeros; a stream's has no padding. */
function wellPadded(h: usize, bytes: u32, room: u32, datagram: bool): bool {
  if (!datagram) return room == bytes;
  let any: u32 = 0;
  for (let i = bytes; i < room; i++) any |= load<u8>(h + i);
  return !any && room >= CHALLENGE_BODY;
}

/** Judges HELLO's body of `room` bytes: returns the length of H in it, or minus a refusal. */
export function helloBytes(s: usize, h: usize, room: u32): i32 {
  let bytes = checkHello(s, h, room);
  return bytes > 0 && !wellPadded(h, bytes, room, isDatagram(s)) ? -REFUSED_HELLO : bytes;
}

/** In STATE_FRESH: HELLO, or a datagram's PROOF. Returns the bytes taken. */
export function hello(s: usize, p: usize, available: u32): u32 {
  let type = <u32>load<u8>(p), datagram = isDatagram(s);
  if (datagram && type == (PROOF | FLAG_NATIVE)) {
    datagramProof(s, p + 1, available - 1);
    return available;
  }
  if (type != (HELLO | FLAG_NATIVE)) {
    broken(s, REFUSED_STATE, type);
    return datagram ? available : 0;
  }
  let h = bodyOf(s, p, available, HELLO_MAX);
  if (!h) return 0;
  let bytes = helloBytes(s, h, bodyBytes);
  if (bytes < 0) broken(s, -bytes, type);
  else askForKey(s, h, bytes, 0);
  return <u32>(h - p) + bodyBytes;
}

/** MAC of a datagram's C: HMAC(secret, "nonce" ‖ address ‖ port ‖ H ‖ C without its nonce), in MAC. */
function statelessNonce(h: usize, helloBytes: u32, c: usize): void {
  hmacKey(KEY_STATE, G + G_CONFIG + W_SECRET, 32);
  hmacBegin(KEY_STATE);
  hmacUpdate(CONTEXT_NONCE, 5);
  hmacUpdate(G + G_ADDRESS, 18);
  hmacUpdate(h, helloBytes);
  hmacUpdate(c, <u32>C_NONCE);
  hmacUpdate(c + C_TIME, 8);
  hmacEnd(KEY_STATE, MAC);
}

function datagramProof(s: usize, h: usize, available: u32): void {
  let bytes = available < H_FIXED ? -1 : checkHello(s, h, available);
  let type = PROOF | FLAG_NATIVE, c = h + bytes;
  if (bytes < 0 || available != bytes + C_BYTES + PROOF_BYTES) return broken(s, REFUSED_HELLO, type);
  statelessNonce(h, bytes, c);
  let age = <i64>(unix() - bswap<u64>(load<u64>(c, C_TIME)));
  // An epoch that was raised may stand a little ahead of the clock.
  if (!equal(MAC, c + C_NONCE, NONCE_BYTES) || age > <i64>HANDSHAKE_MS || age < -<i64>HANDSHAKE_MS) {
    return broken(s, REFUSED_OLD_CHALLENGE, type);
  }
  memory.copy(s + S_PROOF, c + C_BYTES, PROOF_BYTES);
  askForKey(s, h, bytes + C_BYTES, 1);
}

/**
 * The host's answer to EV_HELLO: `known` 1 and the key at G_KEY, or 0: then the handshake goes on under a key that
 * nobody has, computed every time and selected without a branch. Random bytes at G_RANDOM; address at G_ADDRESS.
 */
export function gw_key(index: u32, known: u32, at: u32): i32 {
  enter(at);
  let s = live(index);
  if (!s || load<u8>(s, S_STATE) != STATE_KEY) return E_STATE;
  if (known > 1) return E_ARGUMENT;
  if (!hasRoom(ANSWER_BYTES)) return E_ROOM;
  let h = helloOf(s);
  hmacKey(KEY_STATE, G + G_CONFIG + W_SECRET, 32);
  hmacBegin(KEY_STATE);
  hmacUpdate(CONTEXT_UNKNOWN, 7);
  hmacUpdate(h + H_ID, load<u8>(h, H_ID_BYTES));
  hmacEnd(KEY_STATE, MAC);
  let mask = <u64>0 - <u64>known;
  for (let i: usize = 0; i < 32; i += 8) {
    store<u64>(CHOSEN + i, (load<u64>(G + G_KEY + i) & mask) | (load<u64>(MAC + i) & ~mask));
  }
  wipe(G + G_KEY, 32);
  seed(load<u32>(G, G_RANDOM + 20));
  if (load<u8>(s, S_PENDING)) judgeDatagram(s);
  else challenge(s);
  wipe(CHOSEN, 32);
  wipe(G + G_RANDOM, 24);
  return OK;
}

function challenge(s: usize): void {
  let h = helloOf(s), c = s + S_C;
  let time = max(unix(), load<u64>(G, G_LAST_EPOCH) + 1);
  store<u8>(c, VERSION);
  store<u32>(s, load<u32>(G, G_RANDOM + 16), S_SESSION);
  store<u16>(c, bswap<u16>(load<u16>(G, G_CONFIG + W_WINDOW)), C_WINDOW);
  store<u64>(c, bswap<u64>(time), C_TIME);
  if (isDatagram(s)) statelessNonce(h, load<u8>(s, S_HELLO_BYTES), c);
  else memory.copy(MAC, G + G_RANDOM, NONCE_BYTES);
  memory.copy(c + C_NONCE, MAC, NONCE_BYTES);
  makePrk(s, CHOSEN);
  let p = plain(s, CHALLENGE, CHALLENGE_BODY);
  memory.copy(p, c, C_BYTES);
  gatewayProof(s, p + C_BYTES);
  if (isDatagram(s)) {
    wipe(s + S_TX_KEYS, SECRETS); // nothing is kept
    store<u8>(s, STATE_FRESH, S_STATE);
  } else {
    store<u32>(s, now(), S_BASE);
    store<u8>(s, STATE_CHALLENGED, S_STATE);
  }
}

/** In STATE_CHALLENGED: a stream's PROOF. Returns the bytes taken. */
export function proof(s: usize, p: usize, available: u32): u32 {
  let type = <u32>load<u8>(p);
  if (type != (PROOF | FLAG_NATIVE)) {
    broken(s, REFUSED_STATE, type);
    return 0;
  }
  let body = bodyOf(s, p, available, PROOF_BYTES);
  if (!body) return 0;
  if (clock(s) > <i32>HANDSHAKE_MS) broken(s, REFUSED_OLD_CHALLENGE, type);
  else if (bodyBytes != PROOF_BYTES) broken(s, REFUSED_BAD_PROOF, type);
  else if (proves(s, body)) proved(s);
  return <u32>(body - p) + bodyBytes;
}

/** Compares the proof, counts a wrong one. */
function proves(s: usize, proof: usize): bool {
  deviceProof(s, MAC);
  if (equal(MAC, proof, PROOF_BYTES)) return true;
  broken(s, REFUSED_BAD_PROOF, PROOF);
  return false;
}

/** Makes the session's keys and asks the host to accept. */
function proved(s: usize): void {
  let c = s + S_C;
  store<u32>(s, bswap<u16>(load<u16>(c, C_WINDOW)), S_WINDOW);
  sessionKeys(s, false);
  store<u8>(s, STATE_PROVED, S_STATE);
  store<u32>(s, now(), S_STARTED);
  emit(EV_PROVED, bswap<u32>(load<u32>(s, S_SESSION)), load<u32>(s, S_IN_OUTBOX));
}

/** A datagram's PROOF under its key. Keys that exist already never make a second session. */
function judgeDatagram(s: usize): void {
  let c = s + S_C;
  store<u8>(s, STATE_FRESH, S_STATE);
  makePrk(s, CHOSEN);
  if (proves(s, s + S_PROOF)) {
    let before = recall(c + C_NONCE);
    if (before >= 0) {
      // Its slot may be another's by now.
      if (load<u32>(slotAt(before), S_SESSION) == load<u32>(s, S_SESSION)) emit(EV_REPEAT, before, 0);
      else refuse(REFUSED_OLD_CHALLENGE, PROOF);
    } else if (sessionInUse(load<u32>(s, S_SESSION)) || !remember(c + C_NONCE, indexOf(s), identityHash(helloOf(s)))) {
      refuse(REFUSED_OLD_CHALLENGE, PROOF);
    } else {
      // An epoch that was raised lies ahead of the clock: then the session's time begins now.
      let age = <i64>(unix() - bswap<u64>(load<u64>(c, C_TIME)));
      store<u32>(s, now() - <u32>max(age, 0), S_BASE);
      return proved(s);
    }
  }
  wipe(s + S_TX_KEYS, SECRETS);
}

/** On datagrams the session number finds the session, so no two may share it. */
function sessionInUse(session: u32): bool {
  for (let i: u32 = 0; i < used(); i++) {
    let s = slotAt(i);
    let state = load<u8>(s, S_STATE);
    if ((state == STATE_ONLINE || state == STATE_PROVED) && isDatagram(s) && load<u32>(s, S_SESSION) == session) return true;
  }
  return false;
}

function sendReady(s: usize): void {
  let w = G + G_CONFIG, p = begin(s, READY, 14, JOB);
  store<u32>(p, bswap<u32>(load<u32>(w, W_LIFE)));
  store<u16>(p, bswap<u16>(load<u16>(w, W_IDLE)), 4);
  store<u16>(p, bswap<u16>(load<u16>(w, W_SPREAD)), 6);
  store<u16>(p, bswap<u16>(load<u16>(w, W_LARGEST)), 8);
  store<u32>(p, bswap<u32>(load<u32>(s, S_OUTBOX)), 10);
  finish(s);
}

/**
 * The host's answer to EV_PROVED: the delivery record at G_ACCEPT, and at G_LAST_EPOCH the epoch of the live session
 * that this one takes over (0: none). E_REFUSED: this proof is older than that session; the link is to be closed.
 */
export function gw_accept(index: u32, at: u32): i32 {
  enter(at);
  let s = live(index), a = G + G_ACCEPT, w = G + G_CONFIG;
  if (!s || load<u8>(s, S_STATE) != STATE_PROVED) return E_STATE;
  if (!hasRoom(ANSWER_BYTES)) return E_ROOM;
  if (bswap<u64>(load<u64>(s, S_EPOCH)) <= load<u64>(G, G_LAST_EPOCH)) {
    refuse(REFUSED_OLD_CHALLENGE, PROOF);
    end(s, DOWN_REFUSED, REFUSED_OLD_CHALLENGE, 0);
    return E_REFUSED;
  }
  store<u32>(s, load<u32>(a), S_IN_LAST);
  store<u32>(s, load<u32>(a), S_TAKEN);
  store<u32>(s, load<u32>(a, 4), S_OUTBOX);
  store<u32>(s, load<u32>(a, 8), S_LOW);
  store<u32>(s, load<u32>(a, 12), S_SENT);
  store<u32>(s, load<u32>(a, 16), S_NEXT);
  store<u32>(s, load<u32>(w, W_LIFE) * 1000, S_LIFE);
  store<u32>(s, <u32>load<u16>(w, W_IDLE) * 1000, S_IDLE);
  store<u32>(s, now(), S_HEARD);
  store<u32>(s, now(), S_SPOKE);
  store<u32>(s, now(), S_STARTED);
  store<u8>(s, STATE_ONLINE, S_STATE);
  wipe(s + S_PRK, PRK_BYTES);
  beginDelivery(s);
  sendReady(s);
  pump(s);
  return OK;
}

/** After EV_REPEAT: READY again as a new frame, where the device was not heard since. */
export function gw_again(index: u32, at: u32): i32 {
  enter(at);
  let s = live(index);
  if (!s || load<u8>(s, S_STATE) != STATE_ONLINE || load<u8>(s, S_HEARD_ANY)) return E_STATE;
  if (!hasRoom(ANSWER_BYTES)) return E_ROOM;
  sendReady(s);
  return OK;
}
