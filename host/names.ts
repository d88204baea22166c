/** The core's numbers in words, for events, logs and errors. The numbers stand in assembly/abi.ts. */
import * as abi from '../assembly/abi.js';

export type SuiteName = 'sealed' | 'signed' | 'signed-8';

const REFUSALS: Readonly<Record<number, string>> = {
  [abi.REFUSED_BAD_TAG]: 'bad tag',
  [abi.REFUSED_REPLAY]: 'replay',
  [abi.REFUSED_STALE]: 'stale',
  [abi.REFUSED_FUTURE]: 'future',
  [abi.REFUSED_TOO_LONG]: 'too long',
  [abi.REFUSED_MALFORMED]: 'malformed',
  [abi.REFUSED_UNKNOWN_TYPE]: 'unknown type',
  [abi.REFUSED_TIME_RANGE]: 'time out of range',
  [abi.REFUSED_BAD_PROOF]: 'bad proof',
  [abi.REFUSED_CHALLENGE]: 'bad challenge',
  [abi.REFUSED_ROUND_TRIP]: 'round trip too long',
  [abi.REFUSED_HELLO]: 'bad hello',
  [abi.REFUSED_NO_SUITE]: 'no common suite',
  [abi.REFUSED_OLD_CHALLENGE]: 'old challenge',
  [abi.REFUSED_CLOCK_LOST]: 'clock lost',
  [abi.REFUSED_PONG]: 'unasked pong',
  [abi.REFUSED_ORDER]: 'out of order',
  [abi.REFUSED_STATE]: 'out of place',
};

const CLOSES: Readonly<Record<number, string>> = {
  [abi.CLOSE_NORMAL]: 'closed',
  [abi.CLOSE_GOING_AWAY]: 'going away',
  [abi.CLOSE_TAKEN_OVER]: 'taken over',
  [abi.CLOSE_IDLE]: 'idle',
  [abi.CLOSE_EXPIRED]: 'session life over',
  [abi.CLOSE_DISABLED]: 'disabled',
  [abi.CLOSE_BUSY]: 'busy',
  [abi.CLOSE_OUTBOX]: 'outbox renewed',
  [abi.CLOSE_CLOCK]: 'clock stepped',
  [abi.CLOSE_PROTOCOL]: 'protocol broken',
};

const STATUSES: Readonly<Record<number, string>> = {
  [abi.ACK_OK]: 'ok',
  [abi.ACK_REFUSED]: 'refused',
  [abi.ACK_TOO_LONG]: 'too long',
  [abi.ACK_NO_TARGET]: 'no such target',
  [abi.ACK_STALE]: 'stale',
  [abi.ACK_BUSY]: 'busy',
  [abi.ACK_UNKNOWN_OUTBOX]: 'unknown outbox',
};

const SUITES: readonly (readonly [SuiteName, number])[] = [
  ['sealed', abi.SUITE_SEALED],
  ['signed', abi.SUITE_SIGNED],
  ['signed-8', abi.SUITE_SIGNED_8],
];

/** Every reason, for those who show them all. */
export const REFUSAL_NAMES: readonly string[] = Object.values(REFUSALS);

export const refusalName = (reason: number): string => REFUSALS[reason] ?? `refusal ${reason}`;
export const closeName = (reason: number): string => CLOSES[reason] ?? `close ${reason}`;
export const statusName = (status: number): string => STATUSES[status] ?? `status ${status}`;

/** Of one bit; the weakest name for none cannot be given, so it throws. */
export function suiteName(bit: number): SuiteName {
  for (const [name, value] of SUITES) if (value === bit) return name;
  throw new RangeError(`no suite has the bit ${bit}`);
}

/** Bits of a list of names. RangeError names the one that is unknown. */
export function suiteBits(names: readonly string[]): number {
  let bits = 0;
  for (const name of names) {
    const found = SUITES.find(([known]) => known === name);
    if (found === undefined) throw new RangeError(`suite ${JSON.stringify(name)} is unknown; there are sealed, signed and signed-8`);
    bits |= found[1];
  }
  if (bits === 0) throw new RangeError('suites must name at least one of sealed, signed and signed-8');
  return bits;
}

/** Why a link went down, from the three numbers of the core's `disconnect`. */
export function downName(why: number, detail: number): string {
  switch (why) {
    case abi.DOWN_HOST: return detail === 0 ? 'closed' : closeName(detail);
    case abi.DOWN_LINK: return 'link lost';
    case abi.DOWN_CLOSED: return closeName(detail);
    case abi.DOWN_REFUSED: return refusalName(detail);
    case abi.DOWN_TIMEOUT: return 'no answer in time';
    case abi.DOWN_EXPIRED: return 'session life over';
    case abi.DOWN_OUTBOX: return 'outbox renewed';
    default: return `down ${why}`;
  }
}

/** Refusal counters by name; reasons that never occurred are left out. */
export function refusalCounts(counters: Uint32Array): Record<string, number> {
  const counts: Record<string, number> = {};
  counters.forEach((count, reason) => {
    if (count !== 0) counts[refusalName(reason)] = count;
  });
  return counts;
}
