// Discovery: DISCOVER and OFFER (docs/protocol.md, section 16). Nothing in them is proven, so no session learns of them; they
// have a block of memory of their own.

import {
  DISCOVER, DISCOVERY_BYTES, DISCOVERY_LINKS, D_COUNT, D_FRAME, D_LINKS, D_NAME, D_NAME_BYTES, D_TOKEN, E_ARGUMENT, FLAG_NATIVE,
  OFFER,
} from "../abi";
import { isIdentity } from "../gateway/identity";

const VERSION: u32 = 1;
/** type, version, token. */
const HEAD: u32 = 10;
const BLOCK: usize = memory.data(240, 8);

/** Address of the block, D_* offsets. */
export function dc_arena(): usize {
  return BLOCK;
}

function head(type: u32): void {
  store<u8>(BLOCK, FLAG_NATIVE | type, D_FRAME);
  store<u8>(BLOCK, VERSION, D_FRAME + 1);
  store<u64>(BLOCK, load<u64>(BLOCK, D_TOKEN), D_FRAME + 2);
}

/** Writes DISCOVER with the token at D_TOKEN; returns its bytes. */
export function dc_discover(): i32 {
  memory.fill(BLOCK + D_FRAME, 0, DISCOVERY_BYTES);
  head(DISCOVER);
  return DISCOVERY_BYTES;
}

/** Writes OFFER of what stands at D_TOKEN, D_COUNT, D_LINKS, D_NAME_BYTES and D_NAME; returns its bytes, or E_ARGUMENT. */
export function dc_offer(): i32 {
  let count = <u32>load<u8>(BLOCK, D_COUNT), nameBytes = <u32>load<u8>(BLOCK, D_NAME_BYTES);
  if (!count || count > <u32>DISCOVERY_LINKS || !isIdentity(BLOCK + D_NAME, nameBytes)) return E_ARGUMENT;
  head(OFFER);
  let p = BLOCK + D_FRAME + HEAD;
  store<u8>(p++, count);
  for (let i: u32 = 0; i < count; i++) {
    let link = BLOCK + D_LINKS + (i << 2), port = <u32>load<u16>(link, 2), bits = <u32>load<u8>(link);
    if (bits > 3 || !port) return E_ARGUMENT;
    store<u8>(p, bits);
    store<u8>(p, port >> 8, 1);
    store<u8>(p, port, 2);
    p += 3;
  }
  store<u8>(p++, nameBytes);
  memory.copy(p, BLOCK + D_NAME, nameBytes);
  return <i32>(p + nameBytes - BLOCK - D_FRAME);
}

/**
 * Reads the datagram of so many bytes at D_FRAME. DISCOVER: its token stands at D_TOKEN. OFFER: so do links and name at their
 * places. 0: it is neither, and nothing at those places means anything.
 */
export function dc_read(bytes: u32): i32 {
  if (bytes < HEAD || bytes > <u32>DISCOVERY_BYTES || load<u8>(BLOCK, D_FRAME + 1) != VERSION) return 0;
  let type = <u32>load<u8>(BLOCK, D_FRAME) - FLAG_NATIVE;
  store<u64>(BLOCK, load<u64>(BLOCK, D_FRAME + 2), D_TOKEN);
  if (type == DISCOVER) {
    let other: u32 = bytes ^ DISCOVERY_BYTES;
    for (let i: u32 = HEAD; i < bytes; i++) other |= <u32>load<u8>(BLOCK + D_FRAME + i);
    return other ? 0 : DISCOVER;
  }
  return type == OFFER && readOffer(bytes) ? OFFER : 0;
}

function readOffer(bytes: u32): bool {
  if (bytes < HEAD + 2) return false;
  let p = BLOCK + D_FRAME + HEAD, count = <u32>load<u8>(p), links = HEAD + 1 + 3 * count;
  if (!count || count > <u32>DISCOVERY_LINKS || bytes <= links) return false;
  let nameBytes = <u32>load<u8>(BLOCK + D_FRAME + links);
  if (bytes != links + 1 + nameBytes || !isIdentity(BLOCK + D_FRAME + links + 1, nameBytes)) return false;
  for (let i: u32 = 0; i < count; i++) {
    let q = p + 1 + 3 * i, link = BLOCK + D_LINKS + (i << 2), bits = <u32>load<u8>(q);
    let port = (<u32>load<u8>(q, 1) << 8) | load<u8>(q, 2);
    if (bits > 3 || !port) return false;
    store<u16>(link, bits);
    store<u16>(link, port, 2);
  }
  store<u8>(BLOCK, count, D_COUNT);
  store<u8>(BLOCK, nameBytes, D_NAME_BYTES);
  memory.copy(BLOCK + D_NAME, BLOCK + D_FRAME + links + 1, nameBytes);
  return true;
}
