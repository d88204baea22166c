// The nonces of datagram handshakes that were proved in the last 10 s: a PROOF that comes again must not open a
// second session under the same keys, because a (key, counter) pair would be used twice.

import { now } from "../protocol/slot";
import { HANDSHAKE_MS } from "../protocol/transcript";

/** 1,024 proved handshakes in 10 s; beyond that a PROOF is refused and the device tries again. */
const CAPACITY: u32 = 1024;
const ENTRY: u32 = 24; // nonce 16, now u32, slot u32
const TABLE: usize = memory.data(24576, 8);
const HEAD: usize = memory.data(8, 8); // next place to write, entries in use

/** The slot that this nonce opened, or -1. */
export function recall(nonce: usize): i32 {
  let n = load<u32>(HEAD, 4);
  for (let i: u32 = 0; i < n; i++) {
    let p = TABLE + i * ENTRY;
    if (load<u64>(p) == load<u64>(nonce) && load<u64>(p, 8) == load<u64>(nonce, 8)) {
      return now() - load<u32>(p, 16) <= 2 * HANDSHAKE_MS ? load<u32>(p, 20) : -1;
    }
  }
  return -1;
}

/** False where the table is full of entries younger than 20 s (10 s of C's age and 10 s of a raised epoch). */
export function remember(nonce: usize, slot: u32): bool {
  let at = load<u32>(HEAD), n = load<u32>(HEAD, 4), p = TABLE + at * ENTRY;
  if (n == CAPACITY && now() - load<u32>(p, 16) <= 2 * HANDSHAKE_MS) return false;
  store<u64>(p, load<u64>(nonce));
  store<u64>(p, load<u64>(nonce, 8), 8);
  store<u32>(p, now(), 16);
  store<u32>(p, slot, 20);
  store<u32>(HEAD, (at + 1) % CAPACITY);
  if (n < CAPACITY) store<u32>(HEAD, n + 1, 4);
  return true;
}
