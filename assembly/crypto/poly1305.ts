// Poly1305 (RFC 8439, 2.5) on 32-bit limbs with 64-bit products, as Monocypher does it: r is clamped, so the five
// products of a limb and their carry stay below 2^64.
//
// 2^130 is 5 modulo p, so a product that leaves the top comes back times 5 at the bottom; for the clamped r that
// factor is exact as r_i/4*5 (r_0 keeps its two low bits apart). R holds those four first, then r itself, so limb i
// of the product is the sum of s_j * R[4 + i - j], the same five loads whatever i is.

const R: usize = memory.data(32, 8);
const H: usize = memory.data(24, 8); // h in five limbs; then what the last block carried out of the top, times 5

/** The block to take. */
export const POLY_BLOCK: usize = memory.data(16, 8);

/** Begins with the 32-byte one-time key's first half, r. */
export function polyBegin(key: usize): void {
  memory.fill(H, 0, 24);
  let i: usize = 0;
  do {
    const r = load<u32>(key + i) & (0x0ffffffc | (3 >>> <u32>i));
    store<u32>(i, r, R + 16);
    store<u32>(i, (r >>> 2) * 5, R);
  } while ((i += 4) < 16);
}

/** Takes POLY_BLOCK; `top` is the bit beyond its 16 bytes: 1, or 0 where the message's last 1 stands in the block. */
export function polyBlock(top: u32): void {
  const s0 = <u64>load<u32>(H) + load<u32>(POLY_BLOCK) + load<u32>(H, 20);
  const s1 = <u64>load<u32>(H, 4) + load<u32>(POLY_BLOCK, 4);
  const s2 = <u64>load<u32>(H, 8) + load<u32>(POLY_BLOCK, 8);
  const s3 = <u64>load<u32>(H, 12) + load<u32>(POLY_BLOCK, 12);
  const s4 = <u64>(load<u32>(H, 16) + top);
  let carry: u64 = 0;
  let i: usize = 0;
  do {
    carry += s0 * load<u32>(i, R + 16) + s1 * load<u32>(i, R + 12) + s2 * load<u32>(i, R + 8)
      + s3 * load<u32>(i, R + 4) + s4 * load<u32>(i, R);
    store<u32>(i, <u32>carry, H);
    carry >>>= 32;
  } while ((i += 4) < 16);
  const high = <u32>carry + <u32>s4 * (load<u32>(R, 16) & 3);
  store<u32>(H, high & 3, 16);
  store<u32>(H, (high >>> 2) * 5, 20);
}

/** Takes `bytes` bytes, the last block filled up with zeros (RFC 8439, 2.8.1: pad16). */
export function polyPadded(data: usize, bytes: u32): void {
  for (; <i32>bytes > 0; bytes -= 16) {
    memory.fill(POLY_BLOCK, 0, 16);
    memory.copy(POLY_BLOCK, data, min<u32>(bytes, 16));
    polyBlock(1);
    data += 16;
  }
}

/** Writes (h mod p) + s, 16 bytes, to `out`; s is the second half of `key`. */
export function polyEnd(key: usize, out: usize): void {
  // h is below 2p, its low carry still apart. h + 5 reaches 2^130 exactly if h >= p = 2^130 - 5; then h - p is
  // h + 5 without its top, and that top is beyond the 16 bytes of the tag.
  let carry: u64 = <u64>load<u32>(H, 20) + 5;
  let i: usize = 0;
  do carry = (carry + load<u32>(i, H)) >>> 32; while ((i += 4) < 16);
  carry = ((carry + load<u32>(H, 16)) >>> 2) * 5 + load<u32>(H, 20);
  i = 0;
  do {
    carry += <u64>load<u32>(i, H) + load<u32>(key + i, 16);
    store<u32>(out + i, <u32>carry);
    carry >>>= 32;
  } while ((i += 4) < 16);
}
