// What a connection knows, the arena that it shares with the host, and where both lie.

import {
  EVENT_BYTES, IOT_ARENA, IOT_DEVICE, I_BODY, I_BODY_BYTES, I_EVENTS, I_EVENT_COUNT, I_IN, I_IN_BYTES, I_NOW,
  I_RATE, I_SLOTS, I_SLOT_BYTES, I_SLOT_COUNT,
} from "../../abi";

/** States: the slot waits for its first frame, for the key; it has the key and the first frame comes again; it stands. */
export const FREE: u32 = 0;
export const FRESH: u32 = 1;
export const WAITING: u32 = 2;
export const KEYED: u32 = 3;
export const OPEN: u32 = 4;
export const ENDED: u32 = 5;

export const S_STATE: usize = 0; //      u8
export const S_FLAGS: usize = 1; //      u8: IOT_DEVICE, IOT_TLS
export const S_MATCH: usize = 2; //      u8: characters of the delimiter that the unfinished frame ends with
export const S_KEY_BYTES: usize = 3; //  u8; 0: no key is known
export const S_UNFINISHED: usize = 8; // u32: bytes of the unfinished frame
export const S_FIRST: usize = 12; //     u32: index of the first stamp that counts
export const S_STAMP_END: usize = 16; // u32: index behind the last one
export const S_COUNT: usize = 20; //     u32: frames sent since the peer's list of stamps was emptied
export const S_ACCEPTED: usize = 24; //  u64: clock when a stamp was last accepted
export const S_HEARD: usize = 32; //     u64: clock when bytes last came; before the first, when the slot was opened
export const S_SPOKE: usize = 40; //     u64: device: clock when it last wrote; gateway: clock of the first frame
export const S_SENT: usize = 48; //      u64: last stamp sent
export const S_OPENED: usize = 56; //   u64: clock when the slot was opened
export const S_ID: usize = 64; //        10 digits
export const ID_BYTES: u32 = 10;
export const S_KEY: usize = 76; //       128, zeros behind the key
export const S_STAMPS: usize = 204; //   u32 each
export const SLOT_FIXED: u32 = 204;

/** A device of the older kind takes 100 messages between two pauses, and its memory is small. */
const DEVICE_RATE: u32 = 100;
const GATEWAY_RATE: u32 = 333;
/** Stamps of one second: more than 3 s of them cannot be. */
const MOST_RATE: u32 = 30000;
export const EVENT_CAP: u32 = GATEWAY ? 512 : 8;
const IN_BYTES: u32 = GATEWAY ? 65536 : 1024;
/** One frame with its delimiter: in Node what the older programs take in one read of a socket. */
export const FRAME_BYTES: u32 = GATEWAY ? 65535 : IN_BYTES;
/** The longest header part that is written: a device's, with the longest key. */
export const AHEAD: u32 = 224;
const BODY_BYTES: u32 = GATEWAY ? FRAME_BYTES : BUFFER;

export const ARENA: usize = memory.data(IOT_ARENA, 8);
const EVENTS: usize = memory.data(<i32>(EVENT_CAP * EVENT_BYTES), 8);
export const IN: usize = memory.data(<i32>IN_BYTES, 8);
const OUT: usize = memory.data(<i32>(AHEAD + BODY_BYTES + 8), 8);
export const BODY: usize = OUT + AHEAD;
const ONE_SLOT: usize = memory.data(GATEWAY ? 8 : <i32>(SLOT_FIXED + 2 * DEVICE_RATE * 4 + 4), 8);

// @ts-ignore: decorator
@inline
export function rate(): u32 {
  return GATEWAY ? load<u32>(ARENA, I_RATE) : DEVICE_RATE;
}

// @ts-ignore: decorator
@inline
export function now(): u64 {
  return load<u64>(ARENA, I_NOW);
}

// @ts-ignore: decorator
@inline
export function isDevice(s: usize): bool {
  return GATEWAY ? (load<u8>(s, S_FLAGS) & IOT_DEVICE) != 0 : true;
}

// @ts-ignore: decorator
@inline
function slots(): usize {
  return GATEWAY ? (__heap_base + 15) & ~15 : ONE_SLOT;
}

/** The slot with this number, or 0 where there is none in use. */
export function live(index: u32): usize {
  if (index >= load<u32>(ARENA, I_SLOT_COUNT)) return 0;
  let s = slots() + index * load<u32>(ARENA, I_SLOT_BYTES);
  return load<u8>(s) == FREE ? 0 : s;
}

/** Address of slot `index`, in use or not. */
export function slotAt(index: u32): usize {
  return slots() + index * load<u32>(ARENA, I_SLOT_BYTES);
}

export function indexOf(s: usize): u32 {
  return <u32>(s - slots()) / load<u32>(ARENA, I_SLOT_BYTES);
}

/** Reads I_RATE, sets the size of a slot, and tells where everything lies. False: a rate that cannot be. */
export function locate(): bool {
  let wanted = load<u32>(ARENA, I_RATE);
  if (wanted > MOST_RATE) return false;
  if (GATEWAY && !wanted) wanted = GATEWAY_RATE;
  if (!GATEWAY) wanted = DEVICE_RATE;
  store<u32>(ARENA, wanted, I_RATE);
  store<u32>(ARENA, (SLOT_FIXED + wanted * 8 + 15) & ~15, I_SLOT_BYTES);
  store<u32>(ARENA, <u32>slots(), I_SLOTS);
  store<u32>(ARENA, GATEWAY ? 0 : 1, I_SLOT_COUNT);
  store<u32>(ARENA, <u32>IN, I_IN);
  store<u32>(ARENA, IN_BYTES, I_IN_BYTES);
  store<u32>(ARENA, <u32>BODY, I_BODY);
  store<u32>(ARENA, BODY_BYTES, I_BODY_BYTES);
  store<u32>(ARENA, <u32>EVENTS, I_EVENTS);
  store<u32>(ARENA, 0, I_EVENT_COUNT);
  return true;
}

export function eventRoom(): bool {
  return load<u32>(ARENA, I_EVENT_COUNT) + 2 <= EVENT_CAP;
}

/** One event: {kind, a, b} in the head. */
export function event(head: u32, c: usize, d: u32, e: u32): void {
  let n = load<u32>(ARENA, I_EVENT_COUNT);
  if (n == EVENT_CAP) unreachable(); // a host that does not read
  let p = EVENTS + (n << 4);
  store<u32>(p, head);
  store<u32>(p, <u32>c, 4);
  store<u32>(p, d, 8);
  store<u32>(p, e, 12);
  store<u32>(ARENA, n + 1, I_EVENT_COUNT);
}
