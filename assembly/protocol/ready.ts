// READY at the device: the session stands, and the gateway has told its terms.

import { EV_ONLINE, STATE_ONLINE, STATE_PROVED, S_IN_LAST, S_IN_OUTBOX, S_LARGEST, S_SESSION, S_STATE, S_SUITE } from "../abi";
import { wipe } from "../crypto/bytes";
import { pump } from "./delivery";
import { emit } from "./output";
import {
  PRK_BYTES, S_ASKED, S_CURSOR, S_IDLE, S_LIFE, S_PRK, S_REFUSAL, S_SPREAD, S_STARTED, now, LARGEST_BODY,
} from "./slot";

/** 24 days: the longest life whose milliseconds a session clock of 31 bits counts. */
export const LIFE_MAX_S: u32 = 2000000;

export function ready(s: usize, p: usize): void {
  if (load<u8>(s, S_STATE) != STATE_PROVED) return; // a repeat: the first one said all this
  store<u32>(s, min(bswap<u32>(load<u32>(p)), LIFE_MAX_S) * 1000, S_LIFE);
  store<u32>(s, (bswap<u32>(load<u16>(p, 4)) >> 16) * 1000, S_IDLE);
  store<u32>(s, (bswap<u32>(load<u16>(p, 6)) >> 16) * 1000, S_SPREAD);
  store<u32>(s, min(bswap<u32>(load<u16>(p, 8)) >> 16, LARGEST_BODY), S_LARGEST);
  let outbox = load<u32>(p, 10), other = <u32>(outbox != load<u32>(s, S_IN_OUTBOX));
  store<u32>(s, outbox, S_IN_OUTBOX);
  if (other) {
    // Another outbox: nothing of it was taken yet.
    store<u64>(s, 0, S_IN_LAST); // and S_TAKEN behind it
    store<u8>(s, 0, S_REFUSAL);
  }
  store<u8>(s, STATE_ONLINE, S_STATE);
  store<u32>(s, now(), S_STARTED);
  store<u32>(s, load<u32>(s, S_CURSOR), S_ASKED); // bodies that were too long before READY are asked for again
  if (GATEWAY) wipe(s + S_PRK, PRK_BYTES);
  emit(EV_ONLINE | (<u32>load<u8>(s, S_SUITE) << 8) | (other << 16), bswap<u32>(load<u32>(s, S_SESSION)), 0);
  pump(s);
}
