// AEAD_CHACHA20_POLY1305 (RFC 8439, 2.8), in place.
import { equal } from "./bytes";
import { chachaBegin, chachaXor } from "./chacha20";
import { POLY_BLOCK, polyBegin, polyBlock, polyEnd, polyPadded } from "./poly1305";

const ONE_TIME: usize = memory.data(32, 8);
const TAG: usize = memory.data(16, 8);

/** Encrypts `bytes` bytes at `data` in place and writes the 16-byte tag. */
export function aeadSeal(
  key: usize, nonce: usize, aad: usize, aadBytes: u32, data: usize, bytes: u32, tag: usize,
): void {
  aeadBegin(key, nonce);
  chachaXor(data, bytes);
  aeadTag(aad, aadBytes, data, bytes, tag);
}

/** Decrypts in place if the tag holds; otherwise returns false and leaves the data as it was. */
export function aeadOpen(
  key: usize, nonce: usize, aad: usize, aadBytes: u32, data: usize, bytes: u32, tag: usize,
): bool {
  aeadBegin(key, nonce);
  aeadTag(aad, aadBytes, data, bytes, TAG);
  if (!equal(tag, TAG, 16)) return false;
  chachaXor(data, bytes);
  return true;
}

// The parts of both, for a caller that shares the rest between its suites (protocol/suite.ts).

/** Block 0 of the key stream gives the one-time key (2.6); chachaXor then goes on with block 1, the data's. */
export function aeadBegin(key: usize, nonce: usize): void {
  chachaBegin(key, 0, nonce);
  memory.fill(ONE_TIME, 0, 32);
  chachaXor(ONE_TIME, 32);
}

/** The tag, 16 bytes, of the encrypted data. */
export function aeadTag(aad: usize, aadBytes: u32, data: usize, bytes: u32, out: usize): void {
  polyBegin(ONE_TIME);
  polyPadded(aad, aadBytes);
  polyPadded(data, bytes);
  store<u64>(POLY_BLOCK, aadBytes);
  store<u64>(POLY_BLOCK, bytes, 8);
  polyBlock(1);
  polyEnd(ONE_TIME, out);
}
