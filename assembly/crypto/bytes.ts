// Bytes that are secret: compare and wipe.

/** True if both ranges hold the same bytes, at least one. Its time does not depend on them: it compares tags. */
export function equal(a: usize, b: usize, bytes: u32): bool {
  let difference: u32 = 0;
  do {
    --bytes;
    difference |= <u32>load<u8>(a + bytes) ^ <u32>load<u8>(b + bytes);
  } while (bytes);
  return !difference;
}

/** Overwrites a secret. memory.fill is an instruction with an effect, so no optimiser may drop it. */
// @ts-ignore: decorator
@inline
export function wipe(p: usize, bytes: u32): void {
  memory.fill(p, 0, bytes);
}
