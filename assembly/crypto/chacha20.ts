// ChaCha20 (RFC 8439, 2.1 to 2.4) over one static state.

/** The state of 2.3: constants, key, block counter, nonce; 16 words. */
export const CHACHA: usize = memory.data(64, 8);
const CONSTANTS: usize = memory.data<u8>([
  0x65, 0x78, 0x70, 0x61, 0x6e, 0x64, 0x20, 0x33, 0x32, 0x2d, 0x62, 0x79, 0x74, 0x65, 0x20, 0x6b, // "expand 32-byte k"
]);
const WORK: usize = memory.data(64, 8);

/** Sets key (32 bytes), block counter and nonce (12 bytes). */
export function chachaBegin(key: usize, counter: u32, nonce: usize): void {
  memory.copy(CHACHA, CONSTANTS, 16);
  memory.copy(CHACHA + 16, key, 32);
  store<u32>(CHACHA, counter, 48);
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

// @ts-ignore: decorator
@inline
function rolled(data: usize, bytes: u32): void {
  while (bytes) {
    memory.copy(WORK, CHACHA, 64);
    // Ten double rounds: four columns, then four diagonals, whose words lie 1, 2 and 3 columns to the right.
    for (let i: u32 = 0; i < 80; ++i) {
      const diagonal = (i >>> 2) & 1;
      quarter(i, i + diagonal, i + 2 * diagonal, i + 3 * diagonal);
    }
    for (let i: usize = 0; i < 64 && bytes; i += 4) {
      let k = load<u32>(WORK + i) + load<u32>(CHACHA + i);
      if (bytes < 4) {
        for (; bytes; --bytes) {
          store<u8>(data, load<u8>(data) ^ k);
          ++data;
          k >>>= 8;
        }
      } else {
        store<u32>(data, load<u32>(data) ^ k);
        data += 4;
        bytes -= 4;
      }
    }
    store<u32>(CHACHA, load<u32>(CHACHA, 48) + 1, 48);
  }
}

/** The quarter round of 2.1 on one word of each row, the columns modulo 4. */
// @ts-ignore: decorator
@inline
function quarter(i: u32, j: u32, k: u32, l: u32): void {
  const pa: usize = WORK + ((i & 3) << 2), pb: usize = WORK + ((j & 3) << 2);
  const pc: usize = WORK + ((k & 3) << 2), pd: usize = WORK + ((l & 3) << 2);
  let a = load<u32>(pa), b = load<u32>(pb, 16), c = load<u32>(pc, 32), d = load<u32>(pd, 48);
  a += b; d = rotl<u32>(d ^ a, 16);
  c += d; b = rotl<u32>(b ^ c, 12);
  a += b; d = rotl<u32>(d ^ a, 8);
  c += d; b = rotl<u32>(b ^ c, 7);
  store<u32>(pa, a); store<u32>(pb, b, 16); store<u32>(pc, c, 32); store<u32>(pd, d, 48);
}
