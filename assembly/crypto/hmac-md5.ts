// HMAC-MD5 (RFC 2104, vectors in RFC 2202), for the older protocols only.
import { md5Begin, md5End, md5Update } from "./md5";

const PAD: usize = memory.data(64, 8);

/** Begins a tag: makes K xor ipad from a key of any length and hashes it. Then md5Update, then hmacMd5End. */
export function hmacMd5Begin(key: usize, bytes: u32): void {
  memory.fill(PAD, 0, 64);
  if (bytes > 64) {
    md5Begin();
    md5Update(key, bytes);
    md5End(PAD);
  } else {
    memory.copy(PAD, key, bytes);
  }
  pad(0x3636363636363636);
}

/** Writes the 16 bytes of the tag to `out` and wipes the key. */
export function hmacMd5End(out: usize): void {
  md5End(out);
  pad(0x3636363636363636 ^ 0x5c5c5c5c5c5c5c5c);
  md5Update(out, 16);
  md5End(out);
  memory.fill(PAD, 0, 64);
}

/** Turns PAD into K xor the next pad (the second call takes ipad off again) and begins a hash with it. */
function pad(mask: u64): void {
  for (let i: usize = 0; i < 64; i += 8) store<u64>(PAD + i, load<u64>(PAD + i) ^ mask);
  md5Begin();
  md5Update(PAD, 64);
}
