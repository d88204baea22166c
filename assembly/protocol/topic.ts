// ROUTE and DELIVER: a message under a topic's name. ROUTE goes up to the gateway, DELIVER down to the device, never the
// other way. The host gets and gives whole bodies and finds the topic in them by the offsets of abi.ts.

import { DELIVER, KIND_TOPIC, ROUTE, ROUTE_KIND } from "../abi";
import { isDevice } from "./slot";
import { codePoint, isForbidden } from "./utf8";

/** A topic's name: 1 to 255 bytes of UTF-8 without "+", "#", control characters and noncharacters, which a broker may close the link for. */
export function isTopic(p: usize, bytes: u32): bool {
  let end = p + bytes;
  while (p < end) {
    let c = codePoint(p, <u32>(end - p)), value = c & 0xffffff;
    if (<u32>!c | <u32>isForbidden(value) | <u32>((value & 0xfffe) == 0xfffe) | <u32>(value - 0xfdd0 < 0x20)) return false;
    p += c >> 24;
  }
  return bytes != 0;
}

/** The kind that comes to this session's side. */
export function takesTopic(s: usize, kind: u32): bool {
  return kind == <u32>(isDevice(s) ? DELIVER : ROUTE);
}

/** Where the head of a body ends, whose first `bytes` stand at p: 0 where it is not whole or breaks a rule. */
export function topicHead(kind: u32, p: usize, bytes: u32): u32 {
  let lead = <u32>(kind == ROUTE ? ROUTE_KIND : 0), name = p + lead + 2, length = <u32>load<u8>(p + lead, 1);
  let head = lead + 2 + length + <u32>(kind == DELIVER); // DELIVER's trust stands behind the source
  // A body that is shorter than its head may be read beyond: the tag lies there, and the rest of the buffer.
  return <u32>(head <= bytes) & <u32>(load<u8>(p + lead) == KIND_TOPIC) && isTopic(name, length) ? head : 0;
}

/** True: the session may send (or takes) this kind, and the first `bytes` of the body hold a head that follows the rules. */
export function hasTopic(s: usize, sends: bool, kind: u32, p: usize, bytes: u32): bool {
  return takesTopic(s, kind) != sends && topicHead(kind, p, bytes) != 0;
}

// @ts-ignore: decorator
@inline
export function isTopicType(kind: u32): bool {
  return (kind & ~1) == ROUTE;
}
