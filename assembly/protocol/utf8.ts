// Well-formed UTF-8 (RFC 3629 section 4), one code point at a time.

/** Code point at p in bits 0..23 and its length in bytes above them; 0: malformed, or it ends beyond `available` bytes. */
export function codePoint(p: usize, available: u32): u32 {
  let a = <u32>load<u8>(p);
  if (a < 0x80) return a | (1 << 24);
  let n: u32 = a < 0xe0 ? 2 : a < 0xf0 ? 3 : 4, value = a & (<u32>0x7f >> n);
  if (<u32>(a < 0xc2) | <u32>(a > 0xf4) | <u32>(n > available)) return 0;
  for (let i: u32 = 1; i < n; i++) {
    let b = <u32>load<u8>(p + i) ^ 0x80;
    if (b > 0x3f) return 0;
    value = (value << 6) | b;
  }
  // Not the shortest form (of two bytes 0xc2 sees to it), a surrogate, beyond U+10FFFF.
  if (<u32>(value < (n == 2 ? 0 : n == 3 ? 0x800 : 0x10000)) | <u32>(value >> 11 == 0x1b) | <u32>(value > 0x10ffff)) return 0;
  return value | (n << 24);
}

/** What no name holds: "+" and "#", which MQTT's filters use, and control characters (U+0000-U+001F, U+007F-U+009F). */
export function isForbidden(value: u32): bool {
  return <u32>(value < 0x20) | <u32>(value - 0x7f < 0x21) | <u32>(value == 0x2b) | <u32>(value == 0x23) ? true : false;
}
