/** What an answer of a time server is worth: the rules of RFC 4330 section 5 and the arithmetic of RFC 5905 section 8. */
import { kissCode, LEAP_UNSYNCHRONISED, MODE_SERVER, type NtpPacket } from './packet.js';
import { fromNtp, isUnknown, sameTimestamp, type NtpTimestamp } from './timestamp.js';

/** One request, by this machine's clocks in ms: the monotonic one measures, the wall clock only chooses the era. */
export interface Exchange {
  /** What the request said as its `transmit`: random bits. */
  readonly sent: NtpTimestamp;
  readonly sentAt: number;
  readonly receivedAt: number;
  /** Unix ms by the wall clock. */
  readonly unix: number;
}

/** A look at somebody else's clock. */
export interface Sample {
  /** True Unix time minus this machine's monotonic clock, ms: it stays what it is when the wall clock is set. */
  readonly base: number;
  /** Round trip, ms. */
  readonly delay: number;
  /** What `base` may be off: half the round trip, the server's own, and the clocks' steps, ms. It grows by DRIFT with age. */
  readonly bound: number;
  /** Monotonic ms. */
  readonly at: number;
  readonly leap: number;
  readonly stratum: number;
  /** Seconds, of the server. */
  readonly rootDelay: number;
  readonly rootDispersion: number;
}

export type Verdict =
  | { readonly kind: 'sample'; readonly sample: Sample }
  /** Not believed. `reason` in words. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The server asks to be left alone, or asked less (RFC 4330 section 8). */
  | { readonly kind: 'kiss'; readonly code: string };

/** What a clock may drift that nobody corrects (PHI of RFC 5905: 15 ppm), in ms a ms. */
export const DRIFT = 15e-6;

/** Seconds; RFC 4330 section 5 bounds root delay and root dispersion by "a cozy number like one second". */
const COZY = 1;
/** ms; the greatest distance to the first clock at which a time is worth having (MAXDIST of RFC 5905). */
const LARGEST_BOUND = 1_000;
/** 16 stands for "not synchronised". */
export const LARGEST_STRATUM = 15;

/** Is this an answer to our request? Who did not see the request guesses 64 bits. */
export function answers(packet: NtpPacket, { sent }: Exchange): boolean {
  return packet.mode === MODE_SERVER && sameTimestamp(packet.origin, sent);
}

/** `packet` is one that `answers`. */
export function judge(packet: NtpPacket, { sentAt, receivedAt, unix }: Exchange): Verdict {
  const { leap, stratum, rootDelay, rootDispersion } = packet;
  if (packet.version < 1 || packet.version > 4) return refused(`version ${packet.version}`);
  if (stratum === 0) return packet.reference === 0 ? refused('it is not synchronised') : { kind: 'kiss', code: kissCode(packet.reference) };
  if (leap === LEAP_UNSYNCHRONISED || stratum > LARGEST_STRATUM) return refused('it is not synchronised');
  if (isUnknown(packet.transmit) || isUnknown(packet.receive)) return refused('it gave no time');
  if (rootDelay < 0 || rootDelay >= COZY || rootDispersion >= COZY) return refused('it is too far from any true clock');
  const received = fromNtp(packet.receive, unix), transmitted = fromNtp(packet.transmit, received);
  if (transmitted < received) return refused('its times run backwards');
  if (!isUnknown(packet.updated) && fromNtp(packet.updated, transmitted) > transmitted) return refused('its clock was set in the future');
  const precision = 2 ** packet.precision * 1_000;
  const delay = receivedAt - sentAt - (transmitted - received);
  // It cannot have had the request for longer than we waited; what a coarse clock adds is borne.
  if (delay < -Math.max(1, Math.min(precision, 20))) return refused('it claims more time than passed');
  const trip = Math.max(0, delay);
  const bound = trip / 2 + (rootDelay / 2 + rootDispersion) * 1_000 + Math.min(precision, LARGEST_BOUND) + (receivedAt - sentAt) * DRIFT;
  if (bound > LARGEST_BOUND) return refused('the round trip is too long');
  const base = (received + transmitted) / 2 - (sentAt + receivedAt) / 2;
  return { kind: 'sample', sample: { base, delay: trip, bound, at: receivedAt, leap, stratum, rootDelay, rootDispersion } };
}

/** What `base` may be off now, ms. */
export function boundNow(sample: Sample, now: number): number {
  return sample.bound + Math.max(0, now - sample.at) * DRIFT;
}

function refused(reason: string): Verdict {
  return { kind: 'refused', reason };
}
