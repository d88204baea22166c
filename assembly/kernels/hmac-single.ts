// HMAC-SHA-256 over one frame's header ‖ body. It pads in a buffer of its own with whole words: memory.copy is a call
// out of the module in V8, dearer than the few words of a frame.
import { HEADER_BYTES, JOB_BODY, JOB_HEADER, JOB_LENGTH } from "./job";
import { compressBlocks } from "./sha256";

/** Two blocks, and room for what a copy by words writes behind them. */
const BUFFER: usize = memory.data(128 + 16, 16);
const STATE: usize = memory.data(32, 16);

/** The outer hash's block: the inner digest, then the padding of a message of 64 + 32 bytes. */
const OUTER: usize = memory.data<u32>([0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0x00030000]);

/** How much of the body stands in the first block, behind the header. */
const FIRST: u32 = 64 - HEADER_BYTES;

/** Writes the 32 bytes of the job's tag to `out`. */
export function macSingle(keyState: usize, job: usize, out: usize): void {
  const bodyBytes = load<u32>(job, JOB_LENGTH);
  let data: usize = load<u32>(job, JOB_BODY), left = bodyBytes, held = HEADER_BYTES, state = keyState;
  copyWords(BUFFER, job + JOB_HEADER, 16);
  if (left > 128 - 9 - HEADER_BYTES) {
    copyWords(BUFFER + HEADER_BYTES, data, FIRST);
    compressBlocks(keyState, STATE, BUFFER, 1);
    state = STATE;
    data += FIRST;
    left -= FIRST;
    const whole = left >>> 6;
    if (whole) compressBlocks(STATE, STATE, data, whole);
    data += whole << 6;
    left &= 63;
    held = 0;
  }
  copyWords(BUFFER + held, data, left);
  held += left;
  store<u8>(BUFFER + held, 0x80);
  const end: u32 = held < 56 ? 64 : 128;
  for (let p = held + 1; p < end; p += 8) store<u64>(BUFFER + p, 0);
  store<u32>(BUFFER + end - 4, bswap<u32>((64 + HEADER_BYTES + bodyBytes) << 3));
  compressBlocks(state, STATE, BUFFER, end >>> 6);
  swapWords(OUTER, STATE);
  compressBlocks(keyState + 32, STATE, OUTER, 1);
  swapWords(out, STATE);
}

/** Copies `bytes` bytes and up to 7 more. */
// @ts-ignore: decorator
@inline
function copyWords(to: usize, from: usize, bytes: u32): void {
  for (let i: u32 = 0; i < bytes; i += 8) store<u64>(to + i, load<u64>(from + i));
}

/** The eight words of a digest between the machine's byte order and the wire's. */
// @ts-ignore: decorator
@inline
function swapWords(to: usize, from: usize): void {
  for (let i: usize = 0; i < 32; i += 4) store<u32>(to + i, bswap<u32>(load<u32>(from + i)));
}
