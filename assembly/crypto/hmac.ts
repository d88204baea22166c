// HMAC-SHA-256 (RFC 2104) with both halves cached: a session's key is hashed once, each frame pays for its own
// bytes and one block more.
import { wipe } from "./bytes";
import { SHA_STATE, compress, shaBegin, shaEnd, shaResume, shaUpdate } from "./sha256";

const PAD: usize = memory.data(64, 8);

/** Fills `state` (64 bytes: the hash after K xor ipad, after K xor opad) from a key of any length. */
export function hmacKey(state: usize, key: usize, bytes: u32): void {
  wipe(PAD, 64);
  if (bytes > 64) {
    shaBegin();
    shaUpdate(key, bytes);
    shaEnd(PAD);
  } else {
    memory.copy(PAD, key, bytes);
  }
  half(state, 0x3636363636363636);
  half(state + 32, 0x3636363636363636 ^ 0x5c5c5c5c5c5c5c5c);
  wipe(PAD, 64);
}

/** Turns PAD into K xor the next pad (the second call takes ipad off again) and saves the hash after it. */
function half(to: usize, mask: u64): void {
  for (let i: usize = 0; i < 64; i += 8) store<u64>(PAD + i, load<u64>(PAD + i) ^ mask);
  shaBegin();
  compress(SHA_STATE, PAD, 1);
  memory.copy(to, SHA_STATE, 32);
}

/** Begins a tag under the key of `state`; then shaUpdate, then hmacEnd. */
export function hmacBegin(state: usize): void {
  shaResume(state, 64);
}

/** Writes the 32 bytes of the tag to `out`. */
export function hmacEnd(state: usize, out: usize): void {
  shaEnd(out);
  shaResume(state + 32, 64);
  shaUpdate(out, 32);
  shaEnd(out);
}

/** Takes bytes of the message: the hash of a tag is the one static context. */
export { shaUpdate as hmacUpdate } from "./sha256";
