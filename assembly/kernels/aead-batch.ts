// AEAD_CHACHA20_POLY1305 (RFC 8439, 2.8) in place over many frames under one key. The key stream of several frames is
// made together, four blocks at once, whichever frame they belong to; block 0 of a frame is its one-time key.
import { keyStream, putRow } from "./chacha20";
import { JOB_BODY, JOB_BYTES, JOB_HEADER, JOB_LENGTH, JOB_RESULT, JOB_TAG } from "./job";
import { polyFrame } from "./poly1305";

/** Blocks of key stream made together, and how many of them one frame may take; the rest of a long frame follows. */
const TOGETHER: u32 = 64;
const OF_ONE: u32 = 16;

const ROWS: usize = memory.data(64 * 16, 16);
const STREAM: usize = memory.data(64 * 64, 16);
const REST_ROWS: usize = memory.data(4 * 16, 16);
const REST_STREAM: usize = memory.data(4 * 64, 16);
const TAG: usize = memory.data(16, 16);

/** Encrypts each job's body and writes its tag. `iv` is 12 bytes; the nonce is iv XOR the counter that leads the header. */
export function sealBatch(key: usize, iv: usize, jobs: usize, count: u32): void {
  for (let done: u32 = 0; done < count; ) {
    const end = prepare(key, iv, jobs, done, count);
    let stream = STREAM;
    for (; done < end; ++done) {
      const job = jobs + done * JOB_BYTES, data: usize = load<u32>(job, JOB_BODY), bytes = load<u32>(job, JOB_LENGTH);
      encrypt(key, iv, job, stream);
      polyFrame(stream, job + JOB_HEADER, data, bytes, load<u32>(job, JOB_TAG));
      stream += blocksTogether(bytes) << 6;
    }
    forget(STREAM, stream - STREAM);
  }
}

/** Sets each job's result: 1 if its tag holds, and only then decrypts its body; else 0. */
export function openBatch(key: usize, iv: usize, jobs: usize, count: u32): void {
  for (let done: u32 = 0; done < count; ) {
    const end = prepare(key, iv, jobs, done, count);
    let stream = STREAM;
    for (; done < end; ++done) {
      const job = jobs + done * JOB_BYTES, data: usize = load<u32>(job, JOB_BODY), bytes = load<u32>(job, JOB_LENGTH);
      polyFrame(stream, job + JOB_HEADER, data, bytes, TAG);
      const tag: usize = load<u32>(job, JOB_TAG);
      // In words, all of them: the time does not tell where tags differ.
      const holds = ((load<u64>(tag) ^ load<u64>(TAG)) | (load<u64>(tag, 8) ^ load<u64>(TAG, 8))) == 0;
      store<u32>(job, u32(holds), JOB_RESULT);
      if (holds) encrypt(key, iv, job, stream);
      stream += blocksTogether(bytes) << 6;
    }
    forget(STREAM, stream - STREAM);
  }
}

/** No key stream outlives its batch: block 0 forges its frame, the rest reads it. keyStream may have made up to three blocks more. */
// @ts-ignore: decorator
@inline
function forget(stream: usize, bytes: usize): void {
  memory.fill(stream, 0, (bytes + 255) & ~255);
}

/** Blocks of a frame's key stream that prepare makes: the one-time key's and those of its body. */
// @ts-ignore: decorator
@inline
function blocksTogether(bytes: u32): u32 {
  return min<u32>((bytes + 64 + 63) >>> 6, OF_ONE);
}

/** Makes the key stream of as many jobs from `first` on as fit; returns the first that did not. */
function prepare(key: usize, iv: usize, jobs: usize, first: u32, count: u32): u32 {
  let row = ROWS, made: u32 = 0;
  do {
    const job = jobs + first * JOB_BYTES, blocks = blocksTogether(load<u32>(job, JOB_LENGTH));
    if (made + blocks > TOGETHER) break;
    made += blocks;
    const nonce = load<u32>(iv), nonce2 = load<u64>(iv, 4) ^ load<u64>(job, JOB_HEADER);
    for (let block: u32 = 0; block < blocks; ++block) {
      putRow(row, block, nonce, nonce2);
      row += 16;
    }
  } while (++first < count);
  keyStream(key, ROWS, made, STREAM);
  return first;
}

/** XORs the job's body with its key stream; `stream` begins with the block of the one-time key. */
function encrypt(key: usize, iv: usize, job: usize, stream: usize): void {
  let data: usize = load<u32>(job, JOB_BODY), left = load<u32>(job, JOB_LENGTH);
  let block = blocksTogether(left);
  const ready = min<u32>(left, (block - 1) << 6);
  xor(data, stream + 64, ready);
  if (left == ready) return;
  const nonce = load<u32>(iv), nonce2 = load<u64>(iv, 4) ^ load<u64>(job, JOB_HEADER);
  for (left -= ready, data += ready; left; ) {
    const blocks = min<u32>((left + 63) >>> 6, 4), bytes = min<u32>(left, 256);
    for (let i: u32 = 0; i < blocks; ++i) putRow(REST_ROWS + (i << 4), block++, nonce, nonce2);
    keyStream(key, REST_ROWS, blocks, REST_STREAM);
    xor(data, REST_STREAM, bytes);
    data += bytes;
    left -= bytes;
  }
  forget(REST_STREAM, 256);
}

// @ts-ignore: decorator
@inline
function xor(data: usize, stream: usize, bytes: u32): void {
  if (ASC_FEATURE_SIMD) {
    for (; bytes >= 16; bytes -= 16) {
      v128.store(data, v128.xor(v128.load(data), v128.load(stream)));
      data += 16;
      stream += 16;
    }
  }
  for (; bytes >= 8; bytes -= 8) {
    store<u64>(data, load<u64>(data) ^ load<u64>(stream));
    data += 8;
    stream += 8;
  }
  for (; bytes; --bytes) {
    store<u8>(data, load<u8>(data) ^ load<u8>(stream));
    ++data;
    ++stream;
  }
}
