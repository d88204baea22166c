/**
 * NTP's time and Unix time (RFC 5905 section 6). An NTP timestamp is 32 bits of seconds and 32 bits of fraction: it says
 * nothing of its era, of which the second begins at 2036-02-07T06:28:16Z. Whoever reads one must know the time to within
 * 68 years, and takes the instant nearest to that.
 */

/** Both unsigned 32 bits. All zero stands for "unknown". */
export interface NtpTimestamp {
  readonly seconds: number;
  readonly fraction: number;
}

export const UNKNOWN: NtpTimestamp = { seconds: 0, fraction: 0 };

/** Seconds from the first day of NTP's era 0, 1900-01-01, to that of Unix, 1970-01-01 (RFC 5905, figure 4). */
const UNIX_IN_ERA_0 = 2_208_988_800;
const ERA = 2 ** 32;

/** `unix` in ms, with fractions; any instant that a Date can hold. */
export function toNtp(unix: number): NtpTimestamp {
  const seconds = Math.floor(unix / 1_000);
  // Just below a second the product rounds up to a whole one.
  const fraction = Math.min(ERA - 1, Math.floor(((unix - seconds * 1_000) / 1_000) * ERA));
  return { seconds: wrap(seconds + UNIX_IN_ERA_0), fraction };
}

/** The Unix ms of the instant nearest to `near`, Unix ms too: within 68 years of it the era is the right one. */
export function fromNtp({ seconds, fraction }: NtpTimestamp, near: number): number {
  const within = seconds + fraction / ERA - UNIX_IN_ERA_0;
  const eras = Math.round((near / 1_000 - within) / ERA);
  return (within + eras * ERA) * 1_000;
}

export function isUnknown({ seconds, fraction }: NtpTimestamp): boolean {
  return seconds === 0 && fraction === 0;
}

/** Bit for bit; no tolerance. */
export function sameTimestamp(a: NtpTimestamp, b: NtpTimestamp): boolean {
  return a.seconds === b.seconds && a.fraction === b.fraction;
}

function wrap(seconds: number): number {
  return seconds - Math.floor(seconds / ERA) * ERA;
}
