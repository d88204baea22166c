// HMAC-SHA-256 over header ‖ body of four frames at once, one a lane.
import { HEADER_BYTES, JOB_BODY, JOB_BYTES, JOB_HEADER, JOB_LENGTH } from "./job";
import { storeTransposed, swapBytes } from "./lanes";
import { compressFour } from "./sha256-four";

/** Word i of the four states, and of the four blocks. */
const STATE: usize = memory.data(128, 16);
const BEFORE: usize = memory.data(128, 16);
const BLOCK: usize = memory.data(256, 16);

/** At KEEP - n: a vector whose first n bytes are 0xff. At END - n: one whose byte n is 0x80. */
const KEEP: usize = memory.data<u64>([-1, -1, 0, 0], 16) + 16;
const END: usize = memory.data<u64>([0, 0, 0x80, 0], 16) + 16;

/**
 * Writes the 32 bytes of each tag to `out`, `out + 32`, … for `lanes` jobs, 1 to 4; `longest` is the number of blocks
 * of the longest message.
 */
export function macFour(keyState: usize, jobs: usize, lanes: u32, longest: u32, out: usize): void {
  // A lane without a job does the last one again, and its tag is not written.
  const a = jobs, b = jobs + min<u32>(1, lanes - 1) * JOB_BYTES;
  const c = jobs + min<u32>(2, lanes - 1) * JOB_BYTES, d = jobs + (lanes - 1) * JOB_BYTES;
  const bytes = i32x4.add(
    i32x4(load<u32>(a, JOB_LENGTH), load<u32>(b, JOB_LENGTH), load<u32>(c, JOB_LENGTH), load<u32>(d, JOB_LENGTH)),
    i32x4.splat(HEADER_BYTES),
  );
  const lastBlock = i32x4.shr_u(i32x4.add(bytes, i32x4.splat(8)), 6); // counted from 0
  const bits = i32x4.shl(i32x4.add(bytes, i32x4.splat(64)), 3);
  splatState(keyState);
  for (let block: u32 = 0; block < longest; ++block) {
    const from = block << 6;
    for (let k: u32 = 0; k < 64; k += 16) {
      storeTransposed(BLOCK + (k << 2), 16, piece(a, from + k), piece(b, from + k), piece(c, from + k), piece(d, from + k));
    }
    // The two last words of a message's last block are free for its length, whose upper half is always 0.
    const number = i32x4.splat(block), last = i32x4.eq(lastBlock, number);
    v128.store(BLOCK, v128.or(v128.load(BLOCK, 240), v128.and(bits, last)), 240);
    const over = i32x4.lt_u(lastBlock, number);
    if (v128.any_true(over)) {
      for (let i: usize = 0; i < 128; i += 16) v128.store(BEFORE + i, v128.load(STATE + i));
      compressFour(STATE, BLOCK);
      for (let i: usize = 0; i < 128; i += 16) {
        v128.store(STATE + i, v128.bitselect(v128.load(BEFORE + i), v128.load(STATE + i), over));
      }
    } else {
      compressFour(STATE, BLOCK);
    }
  }
  // The outer block: the inner digest as it lies in the lanes, then the padding of 64 + 32 bytes.
  for (let i: usize = 0; i < 128; i += 16) v128.store(BLOCK + i, v128.load(STATE + i));
  v128.store(BLOCK, i32x4.splat(0x80000000), 128);
  for (let i: usize = 144; i < 240; i += 16) v128.store(BLOCK + i, i32x4.splat(0));
  v128.store(BLOCK, i32x4.splat((64 + 32) << 3), 240);
  splatState(keyState + 32);
  compressFour(STATE, BLOCK);
  for (let i: usize = 0; i < 128; i += 16) v128.store(STATE + i, swapBytes(v128.load(STATE + i)));
  storeTransposed(BLOCK, 32, v128.load(STATE), v128.load(STATE, 16), v128.load(STATE, 32), v128.load(STATE, 48));
  storeTransposed(BLOCK + 16, 32, v128.load(STATE, 64), v128.load(STATE, 80), v128.load(STATE, 96), v128.load(STATE, 112));
  for (let i: usize = 0; i < lanes << 5; i += 16) v128.store(out + i, v128.load(BLOCK + i));
}

function splatState(state: usize): void {
  for (let i: usize = 0; i < 8; ++i) v128.store(STATE + (i << 4), v128.load_splat<u32>(state + (i << 2)));
}

/** Bytes `at` to `at + 15` of a job's padded message, as words; without the length. */
// @ts-ignore: decorator
@inline
function piece(job: usize, at: u32): v128 {
  const bytes = load<u32>(job, JOB_LENGTH) + HEADER_BYTES;
  if (at > bytes) return i32x4.splat(0);
  const data = at ? v128.load(load<u32>(job, JOB_BODY) + at - HEADER_BYTES) : head(job);
  return swapBytes(at + 16 <= bytes ? data : finish(data, bytes - at));
}

/** The header and the first byte of the body. */
function head(job: usize): v128 {
  return i8x16.replace_lane(v128.load(job, JOB_HEADER), <u8>HEADER_BYTES, load<u8>(load<u32>(job, JOB_BODY)));
}

/** The first `bytes` bytes, 0 to 15, then 0x80 and zeros. */
function finish(data: v128, bytes: u32): v128 {
  return v128.or(v128.and(data, v128.load(KEEP - bytes)), v128.load(END - bytes));
}
