// The nonces of datagram handshakes that were proved a short while ago: a PROOF that comes again must not open a
// second session under the same keys, because a (key, counter) pair would be used twice.

import { now } from "../protocol/slot";
import { HANDSHAKE_MS } from "../protocol/transcript";

/** A power of two; beyond it a PROOF is refused and the device tries again. 819 handshakes a second for 20 s. */
const CAPACITY: u32 = 16384;
/** Of one identity, so that whoever holds one key cannot use up the place of all others. */
const EACH: u32 = 16;
const ENTRY: u32 = 32; // nonce 16, now u32, slot u32, identity u64
const TABLE: usize = memory.data(524288, 8);
const HEAD: usize = memory.data(8, 8); // next place to write, entries in use
/** 10 s of C's age and 10 s of a raised epoch. */
const KEPT_MS: u32 = 2 * HANDSHAKE_MS;

/** The k-th newest entry, from 1 on, or 0 where it and all before it are too old to be needed. */
// @ts-ignore: decorator
@inline
function young(k: u32): usize {
  let p = TABLE + ((load<u32>(HEAD) - k) & (CAPACITY - 1)) * ENTRY;
  return k <= load<u32>(HEAD, 4) && now() - load<u32>(p, 16) <= KEPT_MS ? p : 0;
}

/** The slot that this nonce opened, or -1. */
export function recall(nonce: usize): i32 {
  let a = load<u64>(nonce), b = load<u64>(nonce, 8);
  for (let k: u32 = 1, p = young(k); p; p = young(++k)) {
    if (load<u64>(p) == a && load<u64>(p, 8) == b) return load<u32>(p, 20);
  }
  return -1;
}

/** False where all places, or those of this identity, are taken by what is still needed. */
export function remember(nonce: usize, slot: u32, identity: u64): bool {
  let all: u32 = 0, same: u32 = 0;
  for (let p = young(1); p; p = young(++all + 1)) same += <u32>(load<u64>(p, 24) == identity);
  if (<u32>(all == CAPACITY) | <u32>(same >= EACH)) return false;
  let at = load<u32>(HEAD), n = load<u32>(HEAD, 4), p = TABLE + at * ENTRY;
  store<u64>(p, load<u64>(nonce));
  store<u64>(p, load<u64>(nonce, 8), 8);
  store<u32>(p, now(), 16);
  store<u32>(p, slot, 20);
  store<u64>(p, identity, 24);
  store<u32>(HEAD, (at + 1) & (CAPACITY - 1));
  if (n < CAPACITY) store<u32>(HEAD, n + 1, 4);
  return true;
}
