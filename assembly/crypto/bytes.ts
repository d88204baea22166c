// Bytes in memory: compare, wipe, and numbers in network order.

/** True if both ranges hold the same bytes. Takes the same time whatever they hold: it compares tags and proofs. */
export function equal(a: usize, b: usize, bytes: u32): bool {
  let difference: u32 = 0;
  for (; bytes; --bytes) {
    difference |= <u32>load<u8>(a++) ^ <u32>load<u8>(b++);
  }
  return difference == 0;
}

/** Overwrites a secret. memory.fill is an instruction with an effect, so no optimiser may drop it. */
// @ts-ignore: decorator
@inline
export function wipe(p: usize, bytes: u32): void {
  memory.fill(p, 0, bytes);
}

// @ts-ignore: decorator
@inline
export function get16(p: usize): u32 {
  return <u32>bswap<u16>(load<u16>(p));
}

// @ts-ignore: decorator
@inline
export function get32(p: usize): u32 {
  return bswap<u32>(load<u32>(p));
}

// @ts-ignore: decorator
@inline
export function get64(p: usize): u64 {
  return bswap<u64>(load<u64>(p));
}

// WASM has no byte swap: AssemblyScript expands one to a dozen instructions, so these four are calls.

export function be16(p: usize, value: u32): void {
  store<u8>(p, value >>> 8);
  store<u8>(p, value, 1);
}

export function be32(p: usize, value: u32): void {
  store<u32>(p, swap32(value));
}

export function be64(p: usize, value: u64): void {
  be32(p, <u32>(value >>> 32));
  be32(p + 4, <u32>value);
}

export function swap32(x: u32): u32 {
  return (rotl<u32>(x, 8) & 0x00ff00ff) | (rotr<u32>(x, 8) & 0xff00ff00);
}
