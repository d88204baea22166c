// The form of an identity: `realm/id` or `id`, UTF-8, 1 to 64 bytes (docs/protocol.md, "Identity").

/** Length of the well-formed UTF-8 sequence at p, 0 where it is none (RFC 3629 section 4). */
function sequence(p: usize, available: u32): u32 {
  let a = <u32>load<u8>(p);
  if (a < 0x80) return 1;
  let n: u32 = a < 0xe0 ? 2 : a < 0xf0 ? 3 : 4;
  if (a < 0xc2 || a > 0xf4 || n > available) return 0;
  let b = <u32>load<u8>(p, 1);
  if (b < (a == 0xe0 ? 0xa0 : a == 0xf0 ? 0x90 : 0x80) || b > (a == 0xed ? 0x9f : a == 0xf4 ? 0x8f : 0xbf)) return 0;
  for (let i: u32 = 2; i < n; i++) if ((load<u8>(p + i) & 0xc0) != 0x80) return 0;
  return n;
}

/** True for an identity that may exist: nothing in it that a topic, a log or a path would take for its own. */
export function isIdentity(p: usize, bytes: u32): bool {
  if (bytes == 0 || bytes > 64) return false;
  let partStart: u32 = 0, slashes: u32 = 0, i: u32 = 0;
  while (i <= bytes) {
    let c = i < bytes ? <u32>load<u8>(p + i) : 0x2f;
    if (c == 0x2f) {
      let part = i - partStart, first = <u32>load<u8>(p + partStart);
      if (part == 0 || first == 0x24 || (part == 1 && first == 0x2d)) return false; // empty, "$…", "-"
      if (i == bytes) return true;
      if (slashes++) return false;
      partStart = ++i;
      continue;
    }
    if (c < 0x20 || c == 0x7f || c == 0x2b || c == 0x23) return false; // control, "+", "#"
    if (c == 0xc2 && i + 1 < bytes && load<u8>(p + i + 1) < 0xa0) return false; // C1 controls
    let n = sequence(p + i, bytes - i);
    if (!n) return false;
    i += n;
  }
  return false;
}
