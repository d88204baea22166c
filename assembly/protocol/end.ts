// The end of a session, and when a device tries again.

import {
  CLOSE_OUTBOX, DOWN_CLOSED, DOWN_EXPIRED, DOWN_HOST, EV_DISCONNECT, STATE_ENDED, STATE_ONLINE, S_STATE,
} from "../abi";
import { wipe } from "../crypto/bytes";
import { CHACHA } from "../crypto/chacha20";
import {
  SECRETS, S_ATTEMPT, S_ENDED_AT, S_SPREAD, S_STARTED, S_TX_KEYS, isDevice, now, random,
} from "./slot";
import { emit } from "./output";

/** A session that stood this long was a good one: the backoff begins anew. */
const STABLE_MS: u32 = 30000;
/** Backoff doubles from 1 s and stays below 120 s: 1 s << 7 is 128 s. */
const MOST_DOUBLINGS: u32 = 7;
const FIRST_WAIT_MS: u32 = 1000;
const LONGEST_WAIT_MS: u32 = 120000;
const LONGEST_RETRY_AFTER: u32 = 300;

/** Full jitter; a retry-after of R s is a random time between R and 2R. */
function backoff(s: usize, why: u32, detail: u32, retryAfter: u32): u32 {
  let attempt = <u32>load<u8>(s, S_ATTEMPT), least: u32 = 0, span = min(FIRST_WAIT_MS << attempt, LONGEST_WAIT_MS);
  if (load<u8>(s, S_STATE) == STATE_ONLINE && now() - load<u32>(s, S_STARTED) >= STABLE_MS) {
    attempt = 0;
    span = load<u32>(s, S_SPREAD);
  }
  store<u8>(s, min(attempt + 1, MOST_DOUBLINGS), S_ATTEMPT);
  // A new handshake that the protocol itself asked for goes at once, the first time.
  if (!attempt && (why >= <u32>DOWN_EXPIRED || (why == DOWN_CLOSED && detail == CLOSE_OUTBOX))) span = 0;
  if (retryAfter) least = span = min(retryAfter, LONGEST_RETRY_AFTER) * 1000;
  return least + random(span);
}

/** Ends the session: keys are wiped, the host closes the link; a device waits for its next try. */
export function end(s: usize, why: u32, detail: u32, retryAfter: u32): void {
  let wait: u32 = 0, state: u32 = STATE_ENDED;
  if (isDevice(s)) {
    state = <u32>(why != DOWN_HOST); // STATE_FREE, STATE_WAITING
    if (state) {
      wait = backoff(s, why, detail, retryAfter);
      store<u32>(s, now() + wait, S_ENDED_AT);
    }
  }
  store<u8>(s, state, S_STATE);
  wipe(s + S_TX_KEYS, SECRETS);
  wipe(CHACHA + 16, 32);
  emit(EV_DISCONNECT | (why << 8) | (detail << 16), wait, 0);
}
