// Many sessions in one instance: the gateway's memory, its slots, and its clock.

import {
  A_EVENT_COUNT, A_OUT_BYTES, E_ARGUMENT, E_SLOTS, GATEWAY_ARENA, G_CONFIG, G_IN,
  G_IN_BYTES, G_OUT_CAP, G_SLOTS, G_SLOT_COUNT, OK, SLOT_BYTES, STATE_FREE, STATE_FRESH, S_BUDGET, S_LINK, S_SESSION, S_STATE, S_TAKES,
  W_LARGEST, W_LIFE, W_SECRET, W_UNIX, W_WINDOW,
} from "../abi";
import { wipe } from "../crypto/bytes";
import { LIFE_MAX_S } from "../protocol/ready";
import { ARENA, DATAGRAM_BUDGET, OUT_CAP, SUBJECT, S_STARTED, locate, now, setNow } from "../protocol/slot";

/** One read of a socket (64 KiB) behind a partial frame (16,383 bytes and what surrounds them). */
const IN_CAP: i32 = 65536 + 16384 + 128;
const LARGEST: u32 = 16383;
/** Frames whose tags are computed together. */
export const BATCH: u32 = 64;

export const G: usize = memory.data(GATEWAY_ARENA, 8);
export const IN: usize = memory.data(IN_CAP, 16);
export const JOBS: usize = memory.data(2048, 16);
export const MACS: usize = memory.data(2048, 16);
/** Unix time u64, the `now` it belongs to, head of the free list + 1, slots ever used. */
const CLOCK: usize = memory.data(24, 8);
const CLOCK_NOW: usize = CLOCK + 8;
const FREE_HEAD: usize = CLOCK + 12;
const USED: usize = CLOCK + 16;

// @ts-ignore: decorator
@inline
function slots(): usize {
  return (__heap_base + 15) & ~15;
}

// @ts-ignore: decorator
@inline
export function slotAt(index: u32): usize {
  return slots() + index * SLOT_BYTES;
}

export function indexOf(s: usize): u32 {
  return <u32>(s - slots()) / SLOT_BYTES;
}

export function used(): u32 {
  return load<u32>(USED);
}

/** Unix time in ms: the host's at gw_init or gw_clock, and from there a clock that never steps. */
export function unix(): u64 {
  return load<u64>(CLOCK);
}

/** Every call of the gateway's begins here. */
export function enter(at: u32): void {
  store<u64>(CLOCK, load<u64>(CLOCK) + <u32>(at - load<u32>(CLOCK_NOW)));
  store<u32>(CLOCK_NOW, at);
  setNow(at);
}


/** Address of the gateway's own arena, G_* offsets. */
export function gw_arena(): usize {
  store<u32>(G, <u32>IN, G_IN);
  store<u32>(G, IN_CAP, G_IN_BYTES);
  store<u32>(G, OUT_CAP, G_OUT_CAP);
  store<u32>(G, <u32>slots(), G_SLOTS);
  return G;
}

/** Takes the settings at G_CONFIG. */
export function gw_init(at: u32): i32 {
  let c = G + G_CONFIG, any: u64 = 0;
  for (let i: usize = 0; i < 32; i += 8) any |= load<u64>(c + W_SECRET + i);
  if (!any || !load<u16>(c, W_WINDOW) || <u32>load<u16>(c, W_LARGEST) > LARGEST) return E_ARGUMENT;
  if (load<u32>(c, W_LIFE) == 0 || load<u32>(c, W_LIFE) > LIFE_MAX_S) return E_ARGUMENT;
  gw_arena();
  store<u32>(ARENA, 0, A_EVENT_COUNT);
  store<u32>(ARENA, 0, A_OUT_BYTES);
  locate();
  return gw_clock(at);
}

/** Takes the wall time at W_UNIX anew. The host has ended all sessions before. */
export function gw_clock(at: u32): i32 {
  store<u64>(CLOCK, load<u64>(G, G_CONFIG + W_UNIX));
  store<u32>(CLOCK_NOW, at);
  return OK;
}

/** The host has grown the memory: so many slots are there now. */
export function gw_slots(count: u32): i32 {
  if (count < load<u32>(G, G_SLOT_COUNT) || <u64>memory.size() << 16 < <u64>slots() + <u64>count * SLOT_BYTES) return E_ARGUMENT;
  store<u32>(G, count, G_SLOT_COUNT);
  return OK;
}

/** A slot for a new link: its number, or E_SLOTS. */
export function gw_open(link: u32, at: u32): i32 {
  enter(at);
  let index = load<u32>(FREE_HEAD), s: usize;
  if (index) {
    s = slotAt(--index);
    store<u32>(FREE_HEAD, load<u32>(s, S_SESSION));
  } else {
    index = load<u32>(USED);
    if (index == load<u32>(G, G_SLOT_COUNT)) return E_SLOTS;
    store<u32>(USED, index + 1);
    s = slotAt(index);
  }
  memory.fill(s, 0, SLOT_BYTES);
  store<u8>(s, STATE_FRESH, S_STATE);
  store<u8>(s, link, S_LINK);
  store<u32>(s, load<u16>(G, G_CONFIG + W_LARGEST), S_TAKES);
  store<u16>(s, DATAGRAM_BUDGET, S_BUDGET);
  store<u32>(s, now(), S_STARTED);
  return index;
}

/** The session in this slot, or 0 where there is none. */
export function live(index: u32): usize {
  let s = slotAt(index);
  if (index >= load<u32>(USED) || load<u8>(s, S_STATE) == STATE_FREE) return 0;
  store<u32>(SUBJECT, <u32>s); // whom the call's events are about
  return s;
}

/** Wipes the slot and gives it back. */
export function gw_free(index: u32): i32 {
  let s = live(index);
  if (!s) return E_ARGUMENT;
  wipe(s, SLOT_BYTES);
  store<u32>(s, load<u32>(FREE_HEAD), S_SESSION);
  store<u32>(FREE_HEAD, index + 1);
  return OK;
}
