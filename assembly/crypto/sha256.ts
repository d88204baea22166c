// SHA-256 (FIPS 180-4) over one static context: a core hashes one message at a time, so a pointer to a context
// would cost every call an argument and every session its own 112 bytes.
import { be32, swap32 } from "./bytes";

/** H(0) of FIPS 180-4, 5.3.3. */
const INITIAL: usize = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);

/** K of FIPS 180-4, 4.2.2. */
export const K256: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);

/** The context: state (32 bytes, words as the machine has them), the pending block (64), the bytes taken (4). */
export const SHA_STATE: usize = memory.data(32 + 64 + 4, 8);
const BLOCK: usize = SHA_STATE + 32;
const TAKEN: usize = SHA_STATE + 96;

/** W, the message schedule. */
const SCHEDULE: usize = memory.data(256, 8);

/** Begins a hash. */
export function shaBegin(): void {
  shaResume(INITIAL, 0);
}

/** Goes on from a saved state after `taken` bytes, a multiple of 64: how HMAC uses its cached halves. */
export function shaResume(state: usize, taken: u32): void {
  memory.copy(SHA_STATE, state, 32);
  store<u32>(TAKEN, taken);
}

/** Takes `bytes` bytes at `data`. A hash may take 512 MiB in all: nothing here hashes more than a frame. */
export function shaUpdate(data: usize, bytes: u32): void {
  const taken = load<u32>(TAKEN);
  store<u32>(TAKEN, taken + bytes);
  const held = taken & 63;
  if (held) {
    const part = min<u32>(64 - held, bytes);
    memory.copy(BLOCK + held, data, part);
    if (held + part < 64) return;
    compress(SHA_STATE, BLOCK, 1);
    data += part;
    bytes -= part;
  }
  compress(SHA_STATE, data, bytes >>> 6);
  memory.copy(BLOCK, data + (bytes & ~63), bytes & 63);
}

/** Writes the 32 bytes of the digest to `out`. The context is spent: begin again. */
export function shaEnd(out: usize): void {
  const taken = load<u32>(TAKEN);
  let held = taken & 63;
  store<u8>(BLOCK + held++, 0x80);
  memory.fill(BLOCK + held, 0, 64 - held);
  if (held > 56) {
    compress(SHA_STATE, BLOCK, 1);
    memory.fill(BLOCK, 0, 60);
  }
  be32(BLOCK + 60, taken << 3);
  compress(SHA_STATE, BLOCK, 1);
  for (let i: u32 = 0; i < 32; i += 4) be32(out + i, load<u32>(SHA_STATE + i));
}

/**
 * The firmware's SHA-256 over `bytes` bytes (a multiple of 64) at `data`; `state` is eight u32, little-endian as
 * WASM's memory is. A pointer is followed by its length, so that the engine checks both.
 */
// @ts-ignore: decorator
@external("env", "sha256_blocks")
declare function sha256_blocks(state: usize, stateBytes: u32, data: usize, bytes: u32): void;

/** The compression function over `blocks` blocks of 64 bytes. */
export function compress(state: usize, data: usize, blocks: u32): void {
  if (HAL) {
    if (blocks) sha256_blocks(state, 32, data, blocks << 6);
  } else {
    rolled(state, data, blocks);
  }
}

// @ts-ignore: decorator
@inline
function rolled(state: usize, data: usize, blocks: u32): void {
  // State in locals, not in globals: twice as fast in an interpreter. Rolled: 1,000 bytes fewer than unrolled.
  let a = load<u32>(state), b = load<u32>(state, 4), c = load<u32>(state, 8), d = load<u32>(state, 12);
  let e = load<u32>(state, 16), f = load<u32>(state, 20), g = load<u32>(state, 24), h = load<u32>(state, 28);
  for (; blocks; --blocks) {
    for (let t: usize = 0; t < 256; t += 4) {
      let w: u32;
      if (t < 64) {
        w = swap32(load<u32>(data));
        data += 4;
      } else {
        const x = load<u32>(SCHEDULE + t - 60), y = load<u32>(SCHEDULE + t - 8);
        w = (rotr<u32>(x, 7) ^ rotr<u32>(x, 18) ^ (x >>> 3)) + load<u32>(SCHEDULE + t - 64)
          + (rotr<u32>(y, 17) ^ rotr<u32>(y, 19) ^ (y >>> 10)) + load<u32>(SCHEDULE + t - 28);
      }
      store<u32>(SCHEDULE + t, w);
      w += h + load<u32>(K256 + t) + (rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25)) + (g ^ (e & (f ^ g)));
      h = g; g = f; f = e;
      e = d + w;
      d = c;
      w += (rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22)) + ((a & b) | (c & (a | b)));
      c = b; b = a;
      a = w;
    }
    store<u32>(state, a += load<u32>(state));
    store<u32>(state, b += load<u32>(state, 4), 4);
    store<u32>(state, c += load<u32>(state, 8), 8);
    store<u32>(state, d += load<u32>(state, 12), 12);
    store<u32>(state, e += load<u32>(state, 16), 16);
    store<u32>(state, f += load<u32>(state, 20), 20);
    store<u32>(state, g += load<u32>(state, 24), 24);
    store<u32>(state, h += load<u32>(state, 28), 28);
  }
}
