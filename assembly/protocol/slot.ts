// What a session knows, in 512 bytes. The public part of the layout stands in abi.ts; the rest is here.
// Offsets are constants, so each access is one load or store with an immediate; what is used most lies lowest (abi.ts).

import {
  A_COUNTERS, A_EVENTS, A_JOB, A_OUT, A_OUT_CAP, A_SLOT, ARENA_FIXED, EVENT_BYTES, LINK_DATAGRAM, S_BASE, S_LINK, S_TAG_BYTES,
} from "../abi";

export const S_ROLE: usize = 4; //         u8: 1 device, 0 gateway (read in builds with both)
export const S_ATTEMPT: usize = 5; //      u8: device: tries in a row
export const S_REFUSAL: usize = 6; //      u8: final status held for id taken + 1 until its SKIP
export const S_ABOVE: usize = 7; //        u8: the session began with an id above 1 as its lowest

// From S_TX_COUNTER on: what every session begins with as zeros.
export const S_RX_WINDOW: usize = 24; //   u64: bit i = the counter i below the highest was seen (datagrams)
export const S_CONFIRMED: usize = 32; //   u32: low half of the counter confirmed by a PONG
export const S_BAD: usize = 36; //         u32: datagrams that did not hold: bad CHALLENGEs for this HELLO, then bad tags
export const S_CURSOR: usize = 40; //      u32: next id to be framed
export const S_TWICE: usize = 44; //       u32: highest id framed more than once in this session
export const S_RETRY: usize = 48; //       u8: RETRY_*
export const S_TRIES: usize = 49; //       u8: busy and stale in a row
export const S_SLOW: usize = 50; //        u8: a one for each time that what may be outstanding was halved; above five bits: time-outs since an answer
export const S_HEARD_ANY: usize = 54; //   u8: a frame of this session was heard
export const FRESH_BYTES: u32 = 48;

export const S_ASKED: usize = 68; //       u32: ids below were asked of the host
export const S_TAKEN: usize = 76; //       u32: last id reported to the host
export const S_RETRY_AT: usize = 80; //    u32: now of the next retry
export { S_BASE };
export const S_WINDOW: usize = 88; //      u32 ms
export const S_LIFE: usize = 92; //        u32 ms
export const S_HEARD: usize = 100; //      u32: now of the last frame whose tag held
export const S_SPOKE: usize = 104; //      u32: now of the last frame sent
export const S_STARTED: usize = 108; //    u32: now at which this state began
export const S_CLOCK_SET: usize = 112; //  u32: now at which the clock was last set
export const S_PING: usize = 116; //       u32: t1 of the outstanding PING; before READY: when PROOF was sent
export const S_PING_COUNTER: usize = 120; //u32: low half of its counter
export const S_DOUBT: usize = 128; //      u32: highest id framed in an earlier session
export const S_ENDED_AT: usize = 132; //   u32: device: now at which the wait is over
export const S_SPREAD: usize = 136; //     u32 ms: device: told in READY
export const S_IDLE: usize = 140; //       u32 ms
export const S_GAP: usize = 160; //       u32: ids above its complement are answered by silence: a gap is answered once a pass of the sender's
export const S_PARTS: usize = 152; //     u64: bit i = part i of the message that is being put together has come
export const S_PART_ID: usize = 164; //   u32: its id
export const S_PART_AT: usize = 172; //   u32: now of its last new part
export const S_TX_KEYS: usize = 176; //    64: HMAC's inner and outer state, or key 32 and iv 12
export const S_RX_KEYS: usize = 240; //    64
export const S_PRK: usize = 304; //        64: HMAC state of prk
/** Once the session stands prk is needed no more: a probe that waits for its PONG, in builds of the gateway. */
export const S_PROBE: usize = S_PRK; //        u32: its number, 0: none
export const S_PROBE_AT: usize = S_PRK + 4; // u32: now
export const PRK_BYTES: u32 = 64;
/** What a session's end wipes. */
export const SECRETS: u32 = 192;

/** What two bytes of length tell. */
export const LARGEST_BODY: u32 = 16383;

export const RETRY_NONE: u32 = 0;
export const RETRY_ACK: u32 = 1; //     waits for an ACK
export const RETRY_WAIT: u32 = 2; //    backs off after busy or stale
export const RETRY_STOPPED: u32 = 3; // the outbox is unknown to the peer

/** The larger of the two lists: a chunk of 64 KiB holds some thousands of frames, but one call need not take them all. */
export const EVENT_CAP: u32 = GATEWAY ? 1024 : 16;
/** The datagrams that every path takes: IPv6's smallest MTU, 1,280, less what tunnels and headers need. */
export const DATAGRAM_BUDGET: u32 = 1200;
/** Room that must be free before a frame is handled: it may cause three events and one control frame, of 44 bytes at most (PONG as a datagram). */
export const OUT_RESERVE: u32 = 60;
export const OUT_CAP: u32 = GATEWAY ? 98304 : BUFFER + 128;
export const RX_CAP: u32 = BUFFER + 32;

// One block, so that the host needs one address: fixed fields with the device's slot, scratch, events, input, output.
const O_SCRATCH: usize = ARENA_FIXED;
const O_EVENTS: usize = O_SCRATCH + 64;
const O_RX: usize = O_EVENTS + EVENT_CAP * EVENT_BYTES;
const O_OUT: usize = O_RX + RX_CAP; // directly: A_RX_END is A_OUT

export const ARENA: usize = memory.data(<i32>(O_OUT + OUT_CAP), 8);
export const DEVICE_SLOT: usize = ARENA + A_SLOT;
/** A frame being opened or sealed: {body u32, bytes u32, tag u32, result u32, header 16}, as the kernels take it. */
export const JOB: usize = ARENA + A_JOB;
export const J_BODY: usize = 0;
export const J_BYTES: usize = 4;
export const J_TAG: usize = 8;
export const J_RESULT: usize = 12;
export const J_HEADER: usize = 16; // counter u64, time u32, type u8, length u16: 15 bytes, big-endian
export const J_COUNTER_LOW: usize = 20;
export const J_TIME: usize = 24;
export const J_TYPE: usize = 28;
export const J_LENGTH: usize = 29;
export const JOB_BYTES: u32 = 32;
/** Scratch, nothing in it secret: MAC 32, nonce 12. */
export const MAC: usize = ARENA + O_SCRATCH;
export const NONCE: usize = MAC + 32;
/** The state of the jitter's generator; the session whose events are told (builds of the gateway). */
const SEED: usize = NONCE + 16;
export const SUBJECT: usize = SEED + 4;
/** The counter of the frame being opened, from the next expected one (frame.ts). */
export const DELTA: usize = SUBJECT + 4;
/** Where the datagram being handled came from, G_PATH (builds of the gateway). */
export const PATH: usize = DELTA + 4;
export const COUNTERS: usize = ARENA + A_COUNTERS;
export const EVENTS: usize = ARENA + O_EVENTS;
export const RX: usize = ARENA + O_RX;
export const OUT: usize = ARENA + O_OUT;

/** Tells the host where things are. */
export function locate(): void {
  store<u32>(ARENA, <u32>EVENTS, A_EVENTS);
  store<u32>(ARENA, <u32>OUT, A_OUT);
  store<u32>(ARENA, OUT_CAP, A_OUT_CAP);
}

/**
 * The host's `now` of this call. A global, because it is read in 30 places: 2 bytes each
 * instead of 5. It starts at 0: WAMR takes a mutable i32 with another initial value for a C stack pointer, and traps.
 */
let time: u32 = 0;

// @ts-ignore: decorator
@inline
export function now(): u32 {
  return time;
}

// @ts-ignore: decorator
@inline
export function setNow(at: u32): void {
  time = at;
}

/** Session clock: ms since the session's epoch, signed: a clock that was just set back may stand before 0. */
// @ts-ignore: decorator
@inline
export function clock(s: usize): i32 {
  return <i32>(now() - load<u32>(s, S_BASE));
}

/** Bytes of a tag: 16, or 8 in a session of signed-8. */
// @ts-ignore: decorator
@inline
export function tagBytes(s: usize): u32 {
  return SEALED_ONLY ? 16 : load<u8>(s, S_TAG_BYTES);
}

export function isDatagram(s: usize): bool {
  return STREAM_ONLY ? false : (load<u8>(s, S_LINK) & LINK_DATAGRAM) != 0;
}

// @ts-ignore: decorator
@inline
export function isDevice(s: usize): bool {
  return GATEWAY ? load<u8>(s, S_ROLE) != 0 : true;
}

// @ts-ignore: decorator
@inline
export function seed(bits: u32): void {
  store<u32>(SEED, bits);
}

/** 0 … below - 1. A linear congruential generator's upper bits: spreads retries, decides nothing that must be secret. */
export function random(below: u32): u32 {
  let x = load<u32>(SEED) * 1664525 + 1;
  store<u32>(SEED, x);
  return <u32>((<u64>x * below) >> 32);
}
