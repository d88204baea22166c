// The device's half of the handshake: HELLO out, CHALLENGE in, PROOF out.

import {
  A_ENTROPY, A_KEY, A_ROUND_TRIP, CHALLENGE, FLAG_NATIVE, HELLO, H_NONCE, H_SUITES, PROOF,
  REFUSED_CHALLENGE, REFUSED_MALFORMED, REFUSED_ROUND_TRIP, REFUSED_STATE, STATE_HELLO, STATE_PROVED,
  S_C, S_HELLO_BYTES, S_LARGEST, S_STATE, S_TX_COUNTER, VERSION,
} from "../abi";
import { equal, wipe } from "../crypto/bytes";
import { beginDelivery, pump } from "../protocol/delivery";
import { STREAM_WANTS_MORE } from "../protocol/frame";
import { plain } from "../protocol/output";
import {
  ARENA, FRESH_BYTES, MAC, S_BAD, S_BASE, S_CLOCK_SET, S_HEARD, S_LIFE, S_PING, S_SPOKE,
  S_STARTED, S_WINDOW, seed, isDatagram, now,
} from "../protocol/slot";
import { sessionKeys } from "../protocol/suite";
import {
  C_BYTES, C_WINDOW, EARLY_BODY, NONCE_BYTES, PROOF_BYTES, helloOf,
  deviceProof, gatewayProof, makePrk,
} from "../protocol/transcript";

/** On datagrams HELLO is at least as long as CHALLENGE, so that a gateway never amplifies. */
const CHALLENGE_BODY: u32 = C_BYTES + PROOF_BYTES;

/** HELLO with a fresh nonce; never sent twice. The host wrote the rest of H; its entropy is used up. */
export function hello(s: usize): void {
  let h = helloOf(s), bytes = <u32>load<u8>(s, S_HELLO_BYTES), padded = isDatagram(s) ? max(bytes, CHALLENGE_BODY) : bytes;
  memory.copy(h + H_NONCE, ARENA + A_ENTROPY, NONCE_BYTES);
  seed(load<u32>(ARENA, A_ENTROPY + 16));
  wipe(ARENA + A_ENTROPY, 32);
  let p = plain(s, HELLO, padded);
  memory.fill(p, 0, padded);
  memory.copy(p, h, bytes);
  store<u32>(s, 0, S_BAD);
  store<u8>(s, STATE_HELLO, S_STATE);
  store<u32>(s, now(), S_STARTED);
}

/** What comes while CHALLENGE is awaited. Returns the bytes it took, STREAM_WANTS_MORE, or minus a refusal. */
export function challenge(s: usize, p: usize, available: u32): i32 {
  let datagram = <u32>isDatagram(s), took = CHALLENGE_BODY + 2 - datagram, body = p + 2 - datagram;
  if (load<u8>(p) != (CHALLENGE | FLAG_NATIVE)) return -REFUSED_STATE;
  let length = <u32>(available > 1) & <u32>(load<u8>(p, 1) != CHALLENGE_BODY); // of a stream's frame, once it has come
  if (datagram ? <u32>(available != took) : length) return -REFUSED_MALFORMED;
  if (available < took) return STREAM_WANTS_MORE;

  let suite = <u32>load<u8>(body, 1), c = s + S_C;
  if (<u32>(load<u8>(body) != VERSION) | <u32>!(suite & load<u8>(helloOf(s), H_SUITES)) | (suite & (suite - 1))) return -REFUSED_CHALLENGE;
  memory.copy(c, body, C_BYTES);
  makePrk(s, ARENA + A_KEY);
  gatewayProof(s, MAC);
  if (!equal(MAC, body + C_BYTES, PROOF_BYTES)) return -REFUSED_CHALLENGE;
  let window = bswap<u32>(load<u16>(c, C_WINDOW)) >> 16;
  let trip = now() - load<u32>(s, S_STARTED), limit = load<u32>(ARENA, A_ROUND_TRIP);
  if (trip > (limit ? limit : window)) return -REFUSED_ROUND_TRIP;
  store<u32>(s, window, S_WINDOW);
  store<u32>(s, now() - (trip >> 1), S_BASE);
  sessionKeys(s, true);
  prove(s);
  return took;
}

function prove(s: usize): void {
  memory.fill(s + S_TX_COUNTER, 0, FRESH_BYTES);
  store<u32>(s, i32.MAX_VALUE, S_LIFE); // until READY tells it
  store<u32>(s, EARLY_BODY, S_LARGEST);
  store<u32>(s, now(), S_HEARD);
  store<u32>(s, now(), S_SPOKE);
  store<u32>(s, now(), S_CLOCK_SET);
  store<u32>(s, now(), S_STARTED);
  store<u8>(s, STATE_PROVED, S_STATE);
  proof(s);
  beginDelivery(s);
  pump(s);
}

/** PROOF; on datagrams with H and C, since the gateway kept nothing, and again until READY. */
export function proof(s: usize): void {
  let bytes: u32 = isDatagram(s) ? <u32>load<u8>(s, S_HELLO_BYTES) + C_BYTES : 0;
  let p = plain(s, PROOF, bytes + PROOF_BYTES);
  memory.copy(p, helloOf(s), bytes);
  deviceProof(s, p + bytes);
  store<u32>(s, now(), S_PING); // before READY: when PROOF was last sent
}
