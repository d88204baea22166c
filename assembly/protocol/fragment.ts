// A message larger than a datagram goes as parts of equal length, all under its one id: the core keeps which have come,
// its host the bytes. Length and number of the parts tell where each belongs, so none can overlap another.

import { EV_FRAGMENT, S_BUDGET, S_PART_FORM, S_TAKES } from "../abi";
import { emit, event } from "./output";
import { S_PARTS, S_PART_AT, S_PART_ID, isDatagram, now, tagBytes } from "./slot";

/** What leads a part, behind id and age: type u8, count u8, length of the message u16, index u8. */
export const PART_LEAD: u32 = 5;
export const PART_INDEX: usize = 4;
/** As many as a word remembers: 16,383 bytes in parts of 256. */
const PARTS_MAX: u32 = 64;
/** A message that got no new part for so long is forgotten: its sender gives up after four repeats, 46 s at most between two. */
const PARTS_MS: u32 = 60000;

/** Parts in which a message of `bytes`, led by `lead`, goes: 1 where it fits, 0 where it does not fit at all. */
export function partsOf(s: usize, bytes: u32, lead: u32): u32 {
  let room = <i32>(load<u16>(s, S_BUDGET) - 10 - tagBytes(s) - lead);
  if (<u32>!isDatagram(s) | <u32>(<i32>bytes <= room)) return 1;
  room -= PART_LEAD;
  // What wants no ACK is not repeated: one lost part would lose it all, and its parts would need a memory of their own.
  if (<u32>(room <= 0) | <u32>!lead) return 0;
  let count = (bytes + room - 1) / room;
  return count <= PARTS_MAX ? count : 0;
}

// @ts-ignore: decorator
@inline
export function partBytes(bytes: u32, count: u32): u32 {
  return (bytes + count - 1) / count;
}

/** The message's length, as a part at p tells it; 0 where the part is malformed. */
function lengthOf(p: usize, bytes: u32): u32 {
  let count = <u32>load<u8>(p, 1), total = bswap<u32>(load<u16>(p, 2)) >> 16, index = <u32>load<u8>(p, PART_INDEX);
  if (<u32>(bytes <= PART_LEAD) | <u32>(count - 2 > PARTS_MAX - 2) | <u32>(index >= count)) return 0;
  let each = partBytes(total, count);
  // No part is empty, and each is as long as its place wants it.
  return <u32>(each * (count - 1) < total) & <u32>(bytes - PART_LEAD == min(each, total - each * index)) ? total : 0;
}

/** The message's length; 0: malformed; negative: longer than this side takes. */
export function checkPart(s: usize, p: usize, bytes: u32, lead: u32): i32 {
  let total = lengthOf(p, bytes);
  return total + lead > load<u32>(s, S_TAKES) ? -1 : total;
}

/** A part of the message that is the next one: to the host. True: it was the last that missed. */
export function assemble(s: usize, type: u32, id: u32, p: usize, bytes: u32): bool {
  let form = load<u32>(p), index = <u64>load<u8>(p, PART_INDEX), parts = load<u64>(s, S_PARTS);
  // Another message, or the same split otherwise since its path changed.
  if (<u32>(load<u32>(s, S_PART_FORM) != form) | <u32>(load<u32>(s, S_PART_ID) != id)) parts = 0;
  if ((parts >> index) & 1) return false;
  parts |= (<u64>1) << index;
  let count = (form >> 8) & 255, total = bswap<u32>(form) & 0xffff;
  event(EV_FRAGMENT | (type << 8) | ((bytes - PART_LEAD) << 16), p + PART_LEAD, id, (<u32>index * partBytes(total, count)) | (total << 16));
  store<u64>(s, parts, S_PARTS);
  store<u32>(s, id, S_PART_ID);
  store<u32>(s, now(), S_PART_AT);
  let last = parts == (<u64>-1) >> <u64>(64 - count);
  store<u32>(s, last ? 0 : form, S_PART_FORM);
  return last;
}

/** When the parts that have come are forgotten; only where there are some. */
// @ts-ignore: decorator
@inline
export function partsEnd(s: usize): u32 {
  return load<u32>(s, S_PART_AT) + PARTS_MS;
}

export function forgetParts(s: usize): void {
  store<u32>(s, 0, S_PART_FORM);
  emit(EV_FRAGMENT, load<u32>(s, S_PART_ID), 0);
}

/** Writes what leads part `index`. */
export function writePart(p: usize, kind: u32, bytes: u32, count: u32, index: u32): void {
  store<u32>(p, kind | (count << 8) | (bswap<u32>(bytes) & 0xffff0000));
  store<u8>(p, index, PART_INDEX);
}
