// What a session knows, in 512 bytes. The public part of the layout stands in abi.ts; the rest is here.
// Offsets are constants, so each access is one load or store with an immediate.

import {
  A_CONFIG, ARENA_FIXED, EVENT_BYTES, LINK_DATAGRAM, REFUSED_COUNT, S_LINK, SLOT_BYTES,
} from "../abi";

export const S_RX_WINDOW: usize = 24; //   u64: bit i = the counter i below the highest was seen (datagrams)
export const S_BASE: usize = 40; //        u32: the host's `now` at session time 0
export const S_LIFE: usize = 44; //        u32 ms
export const S_IDLE: usize = 48; //        u32 ms
export const S_WINDOW: usize = 52; //      u32 ms
export const S_HEARD: usize = 60; //       u32: now of the last frame whose tag held
export const S_TX_KEYS: usize = 64; //     64: HMAC's inner and outer state, or key 32 and iv 12
export const S_RX_KEYS: usize = 128;
export const S_TRANSCRIPT: usize = 192; // 128: H, then C
export const S_PRK: usize = 320; //        64: HMAC state of prk
// Delivery, as the sender …
export const S_LOW: usize = 388; //        u32: lowest id not acknowledged
export const S_CURSOR: usize = 392; //     u32: next id to be framed
export const S_SENT: usize = 396; //       u32: highest id ever framed
export const S_NEXT: usize = 400; //       u32: ids below are queued at the host
export const S_ASKED: usize = 404; //      u32: ids below were asked of the host
export const S_RETRY_AT: usize = 408; //   u32: now of the next retry
export const S_DOUBT: usize = 412; //      u32: highest id framed in an earlier session
export const S_RETRY: usize = 416; //      u8: RETRY_*
export const S_TRIES: usize = 417; //      u8: how often in a row
export const S_BACK: usize = 418; //       u8: went back since the last progress
// … and as the receiver
export const S_GAP: usize = 419; //        u8: a gap was answered
export const S_TAKEN: usize = 428; //      u32: last id reported to the host
export const S_REFUSAL: usize = 432; //    u8: final status held for id taken + 1 until its SKIP
export const S_SLOW: usize = 433; //       u8: how often the flight was halved
export const S_HELLO_BYTES: usize = 434; //u8: length of H
export const S_TIMED_OUT: usize = 435; //  u8: device: PINGs in a row without an answer
export const S_FLIGHT: usize = 436; //     u32: bytes handed over since the mark was confirmed
export const S_MARK: usize = 440; //       u32: id whose ACK confirms, 0: none
export const S_MARK_BYTES: usize = 444; // u32: bytes of the flight up to the mark
export const S_CONFIRMED: usize = 448; //  u32: low half of the counter confirmed by a PONG
export const S_PING: usize = 452; //       u32: t1 of the outstanding PING
export const S_PING_COUNTER: usize = 456; //u32: low half of its counter
export const S_PINGING: usize = 460; //    u8: a PING is outstanding
export const S_HEARD_ANY: usize = 461; //  u8: a frame of this session was heard
export const S_CLOCK_LOST: usize = 462; // u8
export const S_BAD: usize = 463; //        u8: bad CHALLENGEs for this HELLO
export const S_STARTED: usize = 464; //    u32: now at which this state began
export const S_SPOKE: usize = 468; //      u32: now of the last frame sent
export const S_CLOCK_SET: usize = 472; //  u32: now at which the clock was last set
export const S_TAKES: usize = 476; //      u32: the largest body we take
export const S_BAD_TAGS: usize = 480; //   u32: bad tags in this session (datagrams)
export const S_ENDED_AT: usize = 484; //   u32: device: now at which the wait is over
export const S_SPREAD: usize = 488; //     u32 ms: device: told in READY
export const S_ATTEMPT: usize = 492; //    u8: device: tries in a row
export const S_ROLE: usize = 493; //       u8: 1 device, 0 gateway (read in builds with both)

export const RETRY_NONE: u32 = 0;
export const RETRY_ACK: u32 = 1; //     waits for an ACK
export const RETRY_WAIT: u32 = 2; //    backs off after busy or stale
export const RETRY_STOPPED: u32 = 3; // the outbox is unknown to the peer

/** The larger of the two lists: a chunk of 64 KiB holds some thousands of frames, but one call need not take them all. */
export const EVENT_CAP: u32 = GATEWAY ? 1024 : 16;
/** Room that must be free before a frame is handled: it may cause one control frame and three events. */
export const OUT_RESERVE: u32 = 64;
export const OUT_CAP: u32 = GATEWAY ? 98304 : BUFFER + 128;
export const RX_CAP: u32 = BUFFER + 32;

// One block, so that the host needs one address: fixed fields, device slot, scratch, events, input, output.
const FIXED: usize = <usize>ARENA_FIXED;
export const O_SLOT: usize = FIXED;
export const O_JOB: usize = O_SLOT + SLOT_BYTES;
export const O_SCRATCH: usize = O_JOB + 32;
export const O_COUNTERS: usize = O_SCRATCH + 192;
export const O_EVENTS: usize = O_COUNTERS + ((4 * REFUSED_COUNT + 7) & ~7);
export const O_RX: usize = O_EVENTS + EVENT_CAP * EVENT_BYTES;
export const O_OUT: usize = O_RX + RX_CAP;
export const ARENA_BYTES: i32 = <i32>(O_OUT + OUT_CAP);

export const ARENA: usize = memory.data(ARENA_BYTES, 8);
export const DEVICE_SLOT: usize = ARENA + O_SLOT;
/** A frame being opened or sealed: {body u32, bytes u32, tag u32, result u32, header 16}, as the kernels take it. */
export const JOB: usize = ARENA + O_JOB;
export const J_BODY: usize = 0;
export const J_BYTES: usize = 4;
export const J_TAG: usize = 8;
export const J_RESULT: usize = 12;
export const J_HEADER: usize = 16; // counter u64, time u32, type u8, length u16: 15 bytes, big-endian
export const J_TIME: usize = 24;
export const J_TYPE: usize = 28;
export const JOB_BYTES: u32 = 32;
/** 192 bytes of scratch: MAC 32, OKM 44, nonce 12, HMAC state 64. */
export const MAC: usize = ARENA + O_SCRATCH;
export const OKM: usize = MAC + 32;
export const NONCE: usize = OKM + 48;
export const KEY_STATE: usize = NONCE + 16;
/** now, and the state of the jitter's generator. */
export const NOW: usize = KEY_STATE + 64;
export const SEED: usize = NOW + 4;
export const RX_START: usize = NOW + 8;
export const RX_BYTES: usize = NOW + 12;
export const COUNTERS: usize = ARENA + O_COUNTERS;
export const EVENTS: usize = ARENA + O_EVENTS;
export const RX: usize = ARENA + O_RX;
export const OUT: usize = ARENA + O_OUT;
export const CONFIG: usize = ARENA + A_CONFIG;

// @ts-ignore: decorator
@inline
export function now(): u32 {
  return load<u32>(NOW);
}

/** Session clock: ms since the session's epoch, signed: a clock that was just set back may stand before 0. */
// @ts-ignore: decorator
@inline
export function clock(s: usize): i32 {
  return <i32>(now() - load<u32>(s, S_BASE));
}

// @ts-ignore: decorator
@inline
export function isDatagram(s: usize): bool {
  return STREAM_ONLY ? false : (load<u8>(s, S_LINK) & LINK_DATAGRAM) != 0;
}

// @ts-ignore: decorator
@inline
export function isDevice(s: usize): bool {
  return GATEWAY ? load<u8>(s, S_ROLE) != 0 : true;
}

/** xorshift32: spreads retries, decides nothing that must be secret. */
export function random(below: u32): u32 {
  let x = load<u32>(SEED);
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  store<u32>(SEED, x);
  return <u32>((<u64>x * below) >> 32);
}
