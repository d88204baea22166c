// ChaCha20's key stream as fast as this build's engine allows.
import { chachaFour } from "./chacha20-four";
import { chachaPair } from "./chacha20-pair";
import { chachaScalar } from "./chacha20-scalar";

/**
 * Writes `blocks` blocks of 64 bytes to `out`, with SIMD rounded up to an even number. `rows` are the last rows of their states,
 * 16 bytes each: counter, then nonce.
 */
export function keyStream(key: usize, rows: usize, blocks: u32, out: usize): void {
  if (ASC_FEATURE_SIMD) {
    for (; blocks > 2; blocks -= min<u32>(blocks, 4)) {
      chachaFour(key, rows, out);
      rows += 64;
      out += 256;
    }
    if (blocks) chachaPair(key, rows, out);
  } else {
    for (; blocks; --blocks) {
      chachaScalar(key, rows, out);
      rows += 16;
      out += 64;
    }
  }
}

/** One row: the block's counter, and the nonce of 12 bytes as a u32 and a u64. */
// @ts-ignore: decorator
@inline
export function putRow(row: usize, counter: u32, nonce: u32, nonce2: u64): void {
  const first = (<u64>nonce << 32) | counter;
  if (ASC_FEATURE_SIMD) {
    // As one store: a load that spans two stores waits until both have left the processor's store buffer.
    v128.store(row, i64x2.replace_lane(i64x2.splat(first), 1, nonce2));
  } else {
    store<u64>(row, first);
    store<u64>(row, nonce2, 8);
  }
}
