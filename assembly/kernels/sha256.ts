// SHA-256's compression function as fast as this build's engine allows.
import { compressScalar } from "./sha256-scalar";
import { compressSingle } from "./sha256-single";

/** Takes `blocks` blocks of 64 bytes at `data` into the state at `from` and writes it to `to`; both may be the same. */
// @ts-ignore: decorator
@inline
export function compressBlocks(from: usize, to: usize, data: usize, blocks: u32): void {
  if (ASC_FEATURE_SIMD) compressSingle(from, to, data, blocks);
  else compressScalar(from, to, data, blocks);
}
