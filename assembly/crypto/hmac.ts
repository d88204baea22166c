// HMAC-SHA-256 (RFC 2104) with both halves cached: a session's key is hashed once, each frame pays for its own
// bytes and one block more.
import { SHA_BLOCK, compress, shaBegin, shaEnd, shaResume, shaSave, shaUpdate } from "./sha256";

const DIGEST: usize = memory.data(32, 8);

/**
 * Fills `state` (64 bytes: the hash after K xor ipad, after K xor opad) from a key of any length. A key of up to 32 bytes
 * may lie where `state` begins, and a tag may go there: the first half is written last and not needed at a tag's end.
 */
export function hmacKey(state: usize, key: usize, bytes: u32): void {
  if (bytes > 64) {
    shaBegin();
    shaUpdate(key, bytes);
    shaEnd(DIGEST);
    key = DIGEST;
    bytes = 32;
  }
  half(state + 32, key, bytes, 0x5c);
  half(state, key, bytes, 0x36);
}

/** Saves the hash after the key xor one pad. */
function half(to: usize, key: usize, bytes: u32, pad: u8): void {
  shaBegin();
  memory.fill(SHA_BLOCK, pad, 64);
  for (let i: usize = 0; i < bytes; ++i) store<u8>(i, load<u8>(i, SHA_BLOCK) ^ load<u8>(key + i), SHA_BLOCK);
  compress();
  shaSave(to);
}

/** Begins a tag under the key of `state`; then hmacUpdate, then hmacEnd. */
export function hmacBegin(state: usize): void {
  shaResume(state, 64);
}

/** Takes bytes of the message: the hash of a tag is the one static context. */
export { shaUpdate as hmacUpdate } from "./sha256";

/** Writes the 32 bytes of the tag to `out`. */
export function hmacEnd(state: usize, out: usize): void {
  shaEnd(out);
  shaResume(state + 32, 64);
  shaUpdate(out, 32);
  shaEnd(out);
}
