// ChaCha20 (RFC 8439, 2.1 to 2.4) over one static state.

/** The state of 2.3: the constants "expand 32-byte k", which stay; then key, block counter and nonce. */
export const CHACHA: usize = memory.data<u32>([
  0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
]);
// @ts-ignore: decorator
@lazy const WORK: usize = memory.data(64, 8);

/** Sets key (32 bytes), block counter and nonce (12 bytes). */
export function chachaBegin(key: usize, counter: u32, nonce: usize): void {
  memory.copy(CHACHA + 16, key, 32);
  store<u32>(CHACHA, HAL ? counter : counter - 1, 48);
  memory.copy(CHACHA + 52, nonce, 12);
}

/**
 * The firmware's ChaCha20: XORs the key stream over `bytes` bytes (1 or more, the last block may be cut) at `data`
 * and raises the block counter, the thirteenth of the sixteen little-endian u32 at `state`, for every block begun.
 */
// @ts-ignore: decorator
@external("env", "chacha20_blocks")
declare function chacha20_blocks(state: usize, stateBytes: u32, data: usize, bytes: u32): void;

/** XORs the key stream over `bytes` bytes; every block begun raises the counter. */
export function chachaXor(data: usize, bytes: u32): void {
  if (HAL) {
    if (bytes) chacha20_blocks(CHACHA, 64, data, bytes);
  } else {
    rolled(data, bytes);
  }
}

// Rolled, and its XOR byte by byte: 500 bytes less than unrolled.
// @ts-ignore: decorator
@inline
function rolled(data: usize, bytes: u32): void {
  let word: u32 = 0;
  for (let n: u32 = 0; n < bytes; ++n) {
    const at: usize = n & 63;
    if (!at) block();
    if (!(at & 3)) word = load<u32>(at, WORK) + load<u32>(at, CHACHA);
    const p = data + n;
    store<u8>(p, load<u8>(p) ^ word);
    word >>>= 8;
  }
}

/** Raises the counter and leaves the block in WORK, the state not yet added. */
// @ts-ignore: decorator
@inline
function block(): void {
  store<u32>(CHACHA, load<u32>(CHACHA, 48) + 1, 48);
  memory.copy(WORK, CHACHA, 64);
  // Ten double rounds: four columns, then four diagonals, whose words lie 1, 2 and 3 columns to the right.
  // Everything counts in bytes: 4 a column, 16 a round, 320 in all.
  let i: usize = 0;
  do {
    const right = (i >>> 2) & 4;
    const j = (i + right) & 12;
    quarter(i & 12, j, (j + right) & 12, (i - right) & 12);
    i += 4;
  } while (i < 320);
}

/** The quarter round of 2.1 on one word of each row; the columns in bytes. */
// @ts-ignore: decorator
@inline
function quarter(i: usize, j: usize, k: usize, l: usize): void {
  let a = load<u32>(i, WORK), b = load<u32>(j, WORK + 16), c = load<u32>(k, WORK + 32), d = load<u32>(l, WORK + 48);
  a += b; d = rotl<u32>(d ^ a, 16);
  c += d; b = rotl<u32>(b ^ c, 12);
  a += b; d = rotl<u32>(d ^ a, 8);
  c += d; b = rotl<u32>(b ^ c, 7);
  store<u32>(i, a, WORK); store<u32>(j, b, WORK + 16); store<u32>(k, c, WORK + 32); store<u32>(l, d, WORK + 48);
}
