// Poly1305 over a frame (RFC 8439, 2.5 and 2.8), its state in locals; the arithmetic is that of crypto/poly1305.ts.
import { HEADER_BYTES } from "./job";

const LOW: u64 = 0xffffffff;

/**
 * Writes the tag, 16 bytes, to `out`: over the header of 15 bytes (the byte behind it is ignored), `bytes` bytes at
 * `data` and both lengths. `key` is the one-time key, 32 bytes. Reads up to 15 bytes beyond the data.
 */
export function polyFrame(key: usize, header: usize, data: usize, bytes: u32, out: usize): void {
  const r0 = <u64>(load<u32>(key) & 0x0fffffff), r1 = <u64>(load<u32>(key, 4) & 0x0ffffffc);
  const r2 = <u64>(load<u32>(key, 8) & 0x0ffffffc), r3 = <u64>(load<u32>(key, 12) & 0x0ffffffc);
  const q0 = (r0 >>> 2) * 5, q1 = (r1 >>> 2) * 5, q2 = (r2 >>> 2) * 5, q3 = (r3 >>> 2) * 5;
  let h0: u64 = 0, h1: u64 = 0, h2: u64 = 0, h3: u64 = 0, h4: u64 = 0, carry: u64 = 0;
  let low = load<u64>(header), high = load<u64>(header, 8) & 0x00ffffffffffffff; // the header, padded
  let left = bytes, lengths = true;
  for (;;) {
    const s0 = h0 + (low & LOW) + carry, s1 = h1 + (low >>> 32), s2 = h2 + (high & LOW), s3 = h3 + (high >>> 32);
    const s4 = h4 + 1;
    const x0 = s0 * r0 + s1 * q3 + s2 * q2 + s3 * q1 + s4 * q0;
    const x1 = s0 * r1 + s1 * r0 + s2 * q3 + s3 * q2 + s4 * q1 + (x0 >>> 32);
    const x2 = s0 * r2 + s1 * r1 + s2 * r0 + s3 * q3 + s4 * q2 + (x1 >>> 32);
    const x3 = s0 * r3 + s1 * r2 + s2 * r1 + s3 * r0 + s4 * q3 + (x2 >>> 32);
    const x4 = s4 * (r0 & 3) + (x3 >>> 32);
    h0 = x0 & LOW; h1 = x1 & LOW; h2 = x2 & LOW; h3 = x3 & LOW; h4 = x4 & 3;
    carry = (x4 >>> 2) * 5;
    if (left >= 16) {
      low = load<u64>(data);
      high = load<u64>(data, 8);
      data += 16;
      left -= 16;
    } else if (left) {
      low = load<u64>(data);
      high = load<u64>(data, 8);
      const mask: u64 = (1 << ((<u64>left & 7) << 3)) - 1;
      if (left < 8) {
        low &= mask;
        high = 0;
      } else {
        high &= mask;
      }
      left = 0;
    } else if (lengths) {
      low = HEADER_BYTES;
      high = bytes;
      lengths = false;
    } else {
      break;
    }
  }
  // As polyEnd: 5 times what h + 5 carries out of 130 bits, then + s.
  let c = (carry + 5 + h0) >>> 32;
  c = (c + h1) >>> 32;
  c = (c + h2) >>> 32;
  c = (c + h3) >>> 32;
  const f0 = carry + ((c + h4) >>> 2) * 5 + h0 + load<u32>(key, 16);
  const f1 = (f0 >>> 32) + h1 + load<u32>(key, 20);
  const f2 = (f1 >>> 32) + h2 + load<u32>(key, 24);
  const f3 = (f2 >>> 32) + h3 + load<u32>(key, 28);
  store<u64>(out, (f0 & LOW) | (f1 << 32));
  store<u64>(out, (f2 & LOW) | (f3 << 32), 8);
}
