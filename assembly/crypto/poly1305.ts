// Poly1305 (RFC 8439, 2.5) on 32-bit limbs with 64-bit products, as Monocypher does it: r is clamped, so the five
// products of a limb and their carry stay below 2^64.
//
// 2^130 is 5 modulo p, so a product that leaves the top comes back times 5 at the bottom; for the clamped r that
// factor is exact as r_i/4*5 (r_0 keeps its two low bits apart). R holds those four first, then r itself, so limb i
// of the product is the sum of s_j * R[4 + i - j], the same five loads whatever i is.

const R: usize = memory.data(32, 8);
const H: usize = memory.data(24, 8); // h in five limbs; then what the last block carried out of the top, times 5
const PART: usize = memory.data(16, 8);

/** Begins with the 32-byte one-time key's first half, r. */
export function polyBegin(key: usize): void {
  for (let i: usize = 0; i < 16; i += 4) {
    const r = load<u32>(key + i) & (i ? 0x0ffffffc : 0x0fffffff);
    store<u32>(R + i, r, 16);
    store<u32>(R + i, (r >>> 2) * 5);
  }
  memory.fill(H, 0, 24);
}

/** Takes `blocks` blocks of 16 bytes; `top` is 1, the bit that RFC 8439 adds beyond the block (0 for a padded rest). */
export function polyBlocks(data: usize, blocks: u32, top: u32): void {
  for (; blocks; --blocks) {
    const s0 = <u64>load<u32>(H) + load<u32>(data) + load<u32>(H, 20);
    const s1 = <u64>load<u32>(H, 4) + load<u32>(data, 4);
    const s2 = <u64>load<u32>(H, 8) + load<u32>(data, 8);
    const s3 = <u64>load<u32>(H, 12) + load<u32>(data, 12);
    const s4 = <u64>(load<u32>(H, 16) + top);
    let carry: u64 = 0;
    for (let i: usize = 0; i < 16; i += 4) {
      const p = R + i;
      carry += s0 * load<u32>(p, 16) + s1 * load<u32>(p, 12) + s2 * load<u32>(p, 8) + s3 * load<u32>(p, 4)
        + s4 * load<u32>(p);
      store<u32>(H + i, <u32>carry);
      carry >>>= 32;
    }
    const high = <u32>carry + <u32>s4 * (load<u32>(R, 16) & 3);
    store<u32>(H, high & 3, 16);
    store<u32>(H, (high >>> 2) * 5, 20);
    data += 16;
  }
}

/** Takes `bytes` bytes, the last block filled up with zeros (RFC 8439, 2.8.1: pad16). */
export function polyPadded(data: usize, bytes: u32): void {
  polyBlocks(data, bytes >>> 4, 1);
  const rest = bytes & 15;
  if (rest) {
    memory.fill(PART, 0, 16);
    memory.copy(PART, data + (bytes & ~15), rest);
    polyBlocks(PART, 1, 1);
  }
}

/** Writes (h mod p) + s, 16 bytes, to `out`; s is the second half of `key`. */
export function polyEnd(key: usize, out: usize): void {
  let carry = <u64>load<u32>(H, 20);
  for (let i: usize = 0; i < 16; i += 4) {
    carry += load<u32>(H + i);
    store<u32>(H + i, <u32>carry);
    carry >>>= 32;
  }
  // h < 2p here. h + 5 reaches 2^130 exactly if h >= p = 2^130 - 5; then h - p is h + 5 without its top.
  const top = <u32>carry + load<u32>(H, 16);
  carry = 5;
  for (let i: usize = 0; i < 16; i += 4) carry = (carry + load<u32>(H + i)) >>> 32;
  carry = ((carry + top) >>> 2) * 5;
  for (let i: usize = 0; i < 16; i += 4) {
    carry += <u64>load<u32>(H + i) + load<u32>(key + i, 16);
    store<u32>(out + i, <u32>carry);
    carry >>>= 32;
  }
}
