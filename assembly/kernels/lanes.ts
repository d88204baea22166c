// Words in the four lanes of a v128.

// @ts-ignore: decorator
@inline
export function add(a: v128, b: v128): v128 {
  return i32x4.add(a, b);
}

// @ts-ignore: decorator
@inline
export function rotateRight(x: v128, n: i32): v128 {
  return v128.or(i32x4.shr_u(x, n), i32x4.shl(x, 32 - n));
}

// @ts-ignore: decorator
@inline
export function rotateLeft(x: v128, n: i32): v128 {
  return v128.or(i32x4.shl(x, n), i32x4.shr_u(x, 32 - n));
}

/** Every word rotated by 16. */
// @ts-ignore: decorator
@inline
export function swapHalves(x: v128): v128 {
  return v128.shuffle<u16>(x, x, 1, 0, 3, 2, 5, 4, 7, 6);
}

/** SHA-256's sigma 0 and 1 (FIPS 180-4, 4.1.2). */
// @ts-ignore: decorator
@inline
export function small0(x: v128): v128 {
  return v128.xor(v128.xor(rotateRight(x, 7), rotateRight(x, 18)), i32x4.shr_u(x, 3));
}

// @ts-ignore: decorator
@inline
export function small1(x: v128): v128 {
  return v128.xor(v128.xor(rotateRight(x, 17), rotateRight(x, 19)), i32x4.shr_u(x, 10));
}

/** Every word from big-endian to the machine's order, or back. */
// @ts-ignore: decorator
@inline
export function swapBytes(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

/** Word i of each of four vectors: a row of their transpose is `pairs` of two of these. */
// @ts-ignore: decorator
@inline
export function lowPairs(a: v128, b: v128): v128 {
  return v128.shuffle<u32>(a, b, 0, 4, 1, 5);
}

// @ts-ignore: decorator
@inline
export function highPairs(a: v128, b: v128): v128 {
  return v128.shuffle<u32>(a, b, 2, 6, 3, 7);
}

// @ts-ignore: decorator
@inline
export function lowHalves(a: v128, b: v128): v128 {
  return v128.shuffle<u64>(a, b, 0, 2);
}

// @ts-ignore: decorator
@inline
export function highHalves(a: v128, b: v128): v128 {
  return v128.shuffle<u64>(a, b, 1, 3);
}

/**
 * Writes the transpose of a 4 x 4 matrix of words, given by its rows, to four places `stride` bytes apart.
 */
// @ts-ignore: decorator
@inline
export function storeTransposed(p: usize, stride: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab = lowPairs(a, b), cd = lowPairs(c, d), ab2 = highPairs(a, b), cd2 = highPairs(c, d);
  v128.store(p, lowHalves(ab, cd));
  v128.store(p + stride, highHalves(ab, cd));
  v128.store(p + 2 * stride, lowHalves(ab2, cd2));
  v128.store(p + 3 * stride, highHalves(ab2, cd2));
}
