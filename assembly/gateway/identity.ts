// The form of an identity: `realm/id` or `id`, UTF-8, 1 to 64 bytes (docs/protocol.md, "Identity").

import { H_ID, H_ID_BYTES } from "../abi";
import { codePoint, isForbidden } from "../protocol/utf8";

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
    let point = codePoint(p + i, bytes - i);
    if (!point || isForbidden(point & 0xffffff)) return false;
    i += point >> 24;
  }
  return false;
}

/** FNV-1a of 64 bits over the identity in H: tells identities apart, proves nothing. */
export function identityHash(h: usize): u64 {
  let hash: u64 = 0xcbf29ce484222325, end = h + H_ID + load<u8>(h, H_ID_BYTES);
  for (let p = h + H_ID; p < end; p++) hash = (hash ^ <u64>load<u8>(p)) * 0x100000001b3;
  return hash;
}
