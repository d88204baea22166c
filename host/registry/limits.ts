/** Bounds with their defaults. */
import { checkInteger, checkNames } from '../options.js';
import type { RegistryLimits } from './types.js';

/** [default, least, most]. */
const LIMITS: Readonly<Record<keyof RegistryLimits, readonly [number, number, number]>> = {
  inboxRows: [1_000_000, 0, Number.MAX_SAFE_INTEGER],
  inboxBytes: [268_435_456, 0, Number.MAX_SAFE_INTEGER],
  inboxRowsPerDevice: [100_000, 0, Number.MAX_SAFE_INTEGER],
  inboxBytesPerDevice: [33_554_432, 0, Number.MAX_SAFE_INTEGER],
  queueMessages: [100_000, 0, Number.MAX_SAFE_INTEGER],
  queueBytes: [67_108_864, 0, Number.MAX_SAFE_INTEGER],
  queueMessagesPerDevice: [1_000, 0, Number.MAX_SAFE_INTEGER],
  queueBytesPerDevice: [1_048_576, 0, Number.MAX_SAFE_INTEGER],
  // 194 days are the oldest that a frame can tell (docs/protocol.md, section 4).
  queueLifetime: [604_800_000, 1, 16_000_000_000],
  keepEnds: [86_400_000, 0, 31_536_000_000],
  keepEndsCount: [100_000, 0, 100_000_000],
  deadLetters: [10_000, 0, 100_000_000],
  deadLetterBytes: [67_108_864, 0, Number.MAX_SAFE_INTEGER],
  results: [100_000, 1, 100_000_000],
  taken: [1_000_000, 1, 100_000_000],
};

/** Throws BAD_OPTION or UNKNOWN_OPTION. */
export function checkLimits(given: RegistryLimits): Required<RegistryLimits> {
  if (typeof given !== 'object' || given === null) throw new TypeError('limits must be an object');
  const names = Object.keys(LIMITS) as (keyof RegistryLimits)[];
  checkNames(given, names, 'limits of openRegistry()');
  const limits = {} as Required<RegistryLimits>;
  for (const name of names) {
    const [standard, least, most] = LIMITS[name];
    const value = given[name];
    limits[name] = value === undefined ? standard : checkInteger(`limits.${name}`, value, least, most);
  }
  return limits;
}
