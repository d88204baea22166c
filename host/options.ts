/** What the options of gateway and device have in common: their checks, and the lengths of bodies. */
import { isTopic, TRUSTS, type TopicTrust } from './core/topic.js';
import { TidelockError } from './errors.js';
import { suiteBits } from './names.js';

/** Longest body of a frame, and what id (4 bytes) and age (at most 4) leave of it where an acknowledgement is wanted. */
export const LARGEST_BODY = 16_383;
export const ACKNOWLEDGED_LEAD = 8;
export const LARGEST_ACKNOWLEDGED = LARGEST_BODY - ACKNOWLEDGED_LEAD;

/** What TLS allows by default: it has encrypted already. */
export const ALL_SUITES = ['sealed', 'signed', 'signed-8'] as const;

export function checkNames(given: object, known: readonly string[], where: string): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new TidelockError('UNKNOWN_OPTION', { option: unknown, where, known: known.join(', ') });
}

export function checkInteger(option: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most) throw badOption(option, value, `it must be a whole number from ${least} to ${most}`);
  return value;
}

/** ms, or Infinity. */
export function checkLifetime(lifetime: number): number {
  if (typeof lifetime !== 'number' || !(lifetime > 0)) throw badOption('lifetime', lifetime, 'it must be a number of milliseconds above 0');
  return lifetime;
}

export function checkDoubt(doubt: string): 'report' | 'repeat' {
  if (doubt !== 'report' && doubt !== 'repeat') throw badOption('doubt', doubt, "there are 'report' and 'repeat'");
  return doubt;
}

/** Throws BAD_TOPIC. */
export function checkTopic(topic: string): string {
  if (typeof topic === 'string' && isTopic(topic)) return topic;
  throw new TidelockError('BAD_TOPIC', { topic: JSON.stringify(topic) ?? String(topic), problem: 'does not have the form of one' });
}

export function checkTrust(trust: string): TopicTrust {
  if (!TRUSTS.includes(trust as TopicTrust)) throw badOption('trust', trust, `it must be one of ${TRUSTS.join(', ')}`);
  return trust as TopicTrust;
}

/** SUITE_* bits of a list of names. */
export function checkSuites(names: readonly string[], option = 'suites'): number {
  try {
    return suiteBits(names);
  } catch (error) {
    throw badOption(option, names, (error as Error).message);
  }
}

export function badOption(option: string, value: unknown, expected: string): TidelockError {
  return new TidelockError('BAD_OPTION', { option, value: JSON.stringify(value) ?? String(value), expected });
}

/** The bytes of what an application sends; its own buffer may change afterwards, so it is copied. Throws TOO_LONG. */
export function bytesOf(body: string | Uint8Array, largest: number): Uint8Array {
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) throw new TypeError('a body must be a string or a Uint8Array');
  const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : Buffer.from(body);
  if (bytes.length > largest) throw new TidelockError('TOO_LONG', { bytes: bytes.length, largest });
  return bytes;
}
