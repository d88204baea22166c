// The device's session clock and the gateway's, told naively. `now` is a host's own monotonic clock in ms.

import type { Pong } from './bodies.js';
import { Refusal } from './refusal.js';

/** Session time = now - zero. */
export interface Clock {
  zero: number;
}

/** The gateway's clock stands at 0 when it makes C. */
export const gatewayClock = (now: number): Clock => ({ zero: now });

export const read = (clock: Clock, now: number): number => now - clock.zero;

/** The device's clock when CHALLENGE comes: C was made half a round trip ago, as far as the device can know. */
export function challenged(helloSent: number, now: number, limit: number): Clock {
  const roundTrip = now - helloSent;
  if (roundTrip < 0 || roundTrip > limit) throw new Refusal('round trip');
  return { zero: now - Math.floor(roundTrip / 2) };
}

export interface Synchronised {
  clock: Clock;
  roundTrip: number;
  /** ms by which the clock moved. */
  correction: number;
}

/** The device's clock when a PONG comes; `t1` is that of its one outstanding PING, undefined where there is none. */
export function ponged(clock: Clock, now: number, t1: bigint | undefined, pong: Pong, windowMs: number): Synchronised {
  if (t1 === undefined || pong.t1 !== t1) throw new Refusal('pong', true);
  const roundTrip = now - Number(t1) - (pong.send - pong.receive);
  if (roundTrip < 0 || roundTrip > windowMs) throw new Refusal('pong', true);
  const zero = now - (pong.send + Math.floor(roundTrip / 2));
  return { clock: { zero }, roundTrip, correction: clock.zero - zero };
}

/** Most that a frame which passes can be old, in ms: window, half the handshake's round trip, and the drift since. */
export const worstAge = (windowMs: number, roundTrip: number, drift: number) => windowMs + roundTrip / 2 + drift;
