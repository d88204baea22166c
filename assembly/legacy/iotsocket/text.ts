// Text as the older programs understand it: UTF-8, lengths in code points, and Python's idea of white space.

/** |#| ends a frame. */
export const DELIMITER_BYTES: u32 = 3;

/** Code points in from..to, or -1 where that is no UTF-8 (RFC 3629, section 4: shortest forms, no surrogates). */
export function points(from: usize, to: usize): i32 {
  let n = 0;
  while (from < to) {
    // Eight ASCII characters at a time: that is what nearly every frame consists of.
    while (from + 8 <= to && !(load<u64>(from) & 0x8080808080808080)) {
      from += 8;
      n += 8;
    }
    if (from == to) break;
    let lead = <u32>load<u8>(from++);
    n++;
    if (lead < 0x80) continue;
    if (lead < 0xc2 || lead > 0xf4) return -1;
    let more: usize = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (from + more > to) return -1;
    let second = <u32>load<u8>(from);
    let least: u32 = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    let most: u32 = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (second < least || second > most) return -1;
    while (--more) if ((load<u8>(++from) & 0xc0) != 0x80) return -1;
    from++;
  }
  return n;
}

/** Bytes of the white space at `p`, 0: none. What str.strip() of Python takes away; so FEFF stays and 1C to 1F go. */
function space(p: usize): usize {
  let c = <u32>load<u8>(p);
  if (c <= 0x20) return c == 0x20 || c - 9 < 5 || c >= 0x1c ? 1 : 0;
  if (c == 0xc2) {
    c = load<u8>(p, 1);
    return c == 0x85 || c == 0xa0 ? 2 : 0;
  }
  if (c - 0xe1 > 2) return 0;
  let rest = (<u32>load<u8>(p, 1) << 8) | load<u8>(p, 2);
  if (c == 0xe1) return rest == 0x9a80 ? 3 : 0;
  if (c == 0xe3) return rest == 0x8080 ? 3 : 0;
  return rest - 0x8080 < 11 || rest == 0x80a8 || rest == 0x80a9 || rest == 0x80af || rest == 0x819f ? 3 : 0;
}

/** The first byte of from..to, valid UTF-8, that is no white space; `to` where all is. */
export function trimStart(from: usize, to: usize): usize {
  while (from < to) {
    let bytes = space(from);
    if (!bytes) break;
    from += bytes;
  }
  return from;
}

/** The end of from..to, valid UTF-8, without white space. */
export function trimEnd(from: usize, to: usize): usize {
  while (from < to) {
    let p = to - 1;
    while (p > from && (load<u8>(p) & 0xc0) == 0x80) p--;
    if (!space(p)) break;
    to = p;
  }
  return to;
}

/** The first delimiter in from..to, or `to`. Looks at every third byte: only | and # need a closer look. */
export function findDelimiter(from: usize, to: usize): usize {
  while (from + DELIMITER_BYTES <= to) {
    let third = <u32>load<u8>(from, 2);
    if (third == 0x7c) {
      if (load<u16>(from) == 0x237c) return from;
      from += 2;
    } else {
      from += third == 0x23 ? 1 : 3;
    }
  }
  return to;
}
