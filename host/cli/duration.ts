/** Durations as people write them: `500ms`, `30s`, `10m`, `2h`, `7d`; a plain number is milliseconds. */
import { InvalidArgumentError } from 'commander';

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** ms, at least 1. Throws commander's InvalidArgumentError. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text);
  const ms = match === null ? NaN : Math.round(Number(match[1]) * UNITS[match[2] ?? 'ms']!);
  if (!Number.isSafeInteger(ms) || ms < 1) throw new InvalidArgumentError('Write a duration such as 500ms, 30s, 10m, 2h or 7d.');
  return ms;
}

/** `1.2 s`, `3 min`: for people. */
export function showDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return `${Math.round(ms / 3_600_000)} h`;
}
