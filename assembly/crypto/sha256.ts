// SHA-256 (FIPS 180-4) over one static context: a core hashes one message at a time, so a pointer to a context
// would cost every call an argument and every session its own 112 bytes.
import { compressBlocks } from "../kernels/sha256";

/** H(0) of FIPS 180-4, 5.3.3; then the padding of 5.1.1, a bit and zeros, and room for the length in bits. */
const INITIAL: usize = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
  0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
]);
const PADDING: usize = INITIAL + 32;
const LENGTH: usize = PADDING + 64;

/** K of FIPS 180-4, 4.2.2. Lazy: without it where the firmware hashes. */
// @ts-ignore: decorator
@lazy export const K256: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);

/** The context: the state, words as the machine has them, and the bytes taken. */
const STATE: usize = memory.data(32, 8);
const TAKEN: usize = memory.data(4, 4);

/** W, the message schedule; its first 16 words are the block that is being filled. */
export const SHA_BLOCK: usize = memory.data(HAL ? 64 : 256, 8);

/** The eight working variables of each round: round t has them 4 * t bytes below the top. */
// @ts-ignore: decorator
@lazy const WINDOW: usize = memory.data(256 + 32, 8);

/** Begins a hash. */
export function shaBegin(): void {
  shaResume(INITIAL, 0);
}

/** Goes on from a saved state after `taken` bytes, a multiple of 64: how HMAC uses its cached halves. */
export function shaResume(state: usize, taken: u32): void {
  memory.copy(STATE, state, 32);
  store<u32>(TAKEN, taken);
}

/** Saves the state, 32 bytes, after a multiple of 64 bytes. */
// @ts-ignore: decorator
@inline
export function shaSave(to: usize): void {
  memory.copy(to, STATE, 32);
}

/** Takes `bytes` bytes at `data`. A hash may take 512 MiB in all: nothing here hashes more than a frame. */
export function shaUpdate(data: usize, bytes: u32): void {
  let held = load<u32>(TAKEN);
  store<u32>(TAKEN, held + bytes);
  held &= 63;
  while (held + bytes >= 64) {
    const part = 64 - held;
    memory.copy(SHA_BLOCK + held, data, part);
    compress();
    data += part;
    bytes -= part;
    held = 0;
  }
  memory.copy(SHA_BLOCK + held, data, bytes);
}

/** Writes the 32 bytes of the digest to `out`. The context is spent: begin again. */
export function shaEnd(out: usize): void {
  const taken = load<u32>(TAKEN);
  shaUpdate(PADDING, ((55 - taken) & 63) + 1);
  store<u32>(LENGTH, bswap<u32>(taken << 3), 4);
  shaUpdate(LENGTH, 8);
  let i: usize = 0;
  do store<u32>(out + i, bswap<u32>(load<u32>(i, STATE))); while ((i += 4) < 32);
}

/**
 * The firmware's SHA-256 over `bytes` bytes (a multiple of 64) at `data`; `state` is eight u32, little-endian as
 * WASM's memory is. A pointer is followed by its length, so that the engine checks both.
 */
// @ts-ignore: decorator
@external("env", "sha256_blocks")
declare function sha256_blocks(state: usize, stateBytes: u32, data: usize, bytes: u32): void;

/** The compression function (6.2.2) over the block in SHA_BLOCK. */
export function compress(): void {
  if (HAL) sha256_blocks(STATE, 32, SHA_BLOCK, 64);
  else if (GATEWAY) compressBlocks(STATE, STATE, SHA_BLOCK, 1);
  else rolled();
}

// Rolled: 1,000 bytes less than unrolled. A round makes two new variables and renames six: instead of moving them
// it slides a window down by one word, puts the new `a` below and the new `e` where `d` was. 100 bytes less again,
// and an interpreter has fewer steps to do.
// @ts-ignore: decorator
@inline
function rolled(): void {
  memory.copy(WINDOW + 256, STATE, 32);
  let p: usize = WINDOW + 256, t: usize = 0;
  do {
    let w: u32;
    if (t < 64) {
      w = bswap<u32>(load<u32>(t, SHA_BLOCK));
    } else {
      const x = load<u32>(t, SHA_BLOCK - 60), y = load<u32>(t, SHA_BLOCK - 8);
      w = (rotr<u32>(x, 7) ^ rotr<u32>(x, 18) ^ (x >>> 3)) + load<u32>(t, SHA_BLOCK - 64)
        + (rotr<u32>(y, 17) ^ rotr<u32>(y, 19) ^ (y >>> 10)) + load<u32>(t, SHA_BLOCK - 28);
    }
    store<u32>(t, w, SHA_BLOCK);
    const a = load<u32>(p), b = load<u32>(p, 4), e = load<u32>(p, 16), g = load<u32>(p, 24);
    w += load<u32>(p, 28) + load<u32>(t, K256)
      + (rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25)) + (g ^ (e & (load<u32>(p, 20) ^ g)));
    store<u32>(p, load<u32>(p, 12) + w, 12);
    p -= 4;
    store<u32>(p, w + (rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22)) + ((a & b) | (load<u32>(p, 12) & (a | b))));
    t += 4;
  } while (t < 256);
  t = 0;
  do store<u32>(t, load<u32>(t, STATE) + load<u32>(t, WINDOW), STATE); while ((t += 4) < 32);
}
