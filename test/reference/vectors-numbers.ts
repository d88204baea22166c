// Vectors of the small rules: lengths, ages, truncated numbers, the replay window, the clock, identities.

import { ascii, hex } from './bytes.js';
import { challenged, ponged, read } from './clock.js';
import { isIdentity } from './identity.js';
import { leb128, nearestBySearch } from './numbers.js';
import { Refusal } from './refusal.js';
import { isTopic } from './topics.js';
import { ReplayWindow } from './window.js';

const MASK: Record<number, bigint> = { 16: 0xffffn, 24: 0xffffffn };

/** The full value for each `own`, and for each distance from it at the borders of what can be told. */
function truncated(bits: 16 | 24, owns: bigint[]): Record<string, unknown>[] {
  const half = 1n << BigInt(bits - 1);
  const distances = [0n, 1n, -1n, half - 1n, half, half + 1n, -half + 1n, -half, -half - 1n];
  return owns.flatMap((own) =>
    distances.map((distance) => {
      const field = (own + distance) & MASK[bits]!;
      return { own: String(own), field: Number(field), value: String(nearestBySearch(own, field, bits)) };
    }),
  );
}

/** Counters in the order of their arrival, and whether each is taken. */
function replay(): Record<string, unknown>[] {
  const orders: bigint[][] = [
    [0n, 0n, 1n, 3n, 2n, 2n, 3n],
    [63n, 0n, 0n, 64n, 0n, 1n, 1n],
    [64n, 0n, 1n, 65n, 1n, 2n],
    [10n, 11n, 100n, 36n, 37n, 36n, 37n, 99n, 100n, 163n, 99n, 100n, 164n],
    [5n, 5n + 63n, 5n + 64n, 5n + 127n, 6n, 5n + 64n, 5n + 65n],
    [2n ** 32n - 1n, 2n ** 32n, 2n ** 32n - 1n, 2n ** 32n - 64n, 2n ** 32n - 63n],
  ];
  return orders.map((counters) => {
    let window = new ReplayWindow();
    const taken = counters.map((counter) => {
      const takes = window.takes(counter);
      if (takes) window = window.with(counter);
      return takes;
    });
    return { counters: counters.map(String), taken };
  });
}

function refusalOr<T>(compute: () => T): T | string {
  try {
    return compute();
  } catch (error) {
    if (error instanceof Refusal) return error.reason;
    throw error;
  }
}

function clocks(): Record<string, unknown> {
  const hello = 5_000;
  const challenge = [0, 1, 2, 3, 1_999, 2_000, 2_001].map((roundTrip) => ({
    roundTrip,
    limit: 2_000,
    clock: refusalOr(() => read(challenged(hello, hello + roundTrip, 2_000), hello + roundTrip)),
  }));
  const t1 = 60_000;
  const pong = [
    { now: t1 + 40, receive: 55_000, send: 55_000 },
    { now: t1 + 41, receive: 55_000, send: 55_020 },
    { now: t1 + 20, receive: 55_000, send: 55_021 },
    { now: t1 + 2_000, receive: 55_000, send: 55_000 },
    { now: t1 + 2_001, receive: 55_000, send: 55_000 },
  ].map(({ now, receive, send }) => ({
    zero: 5_000, t1, now, receive, send,
    clock: refusalOr(() => read(ponged({ zero: 5_000 }, now, BigInt(t1), { t1: BigInt(t1), receive, send }, 2_000).clock, now)),
  }));
  return { challenge, pong };
}

const identities = [
  'p', 'pump-7', 'plant/pump-7', 'p'.repeat(64), 'p'.repeat(65), '', '/', '/pump', 'plant/', 'a/b/c', 'a+b', 'a#b', '-', '-/x',
  'x/-', '--', '-x', '$sys', 'plant/$x', 'a$', 'a b', 'h\u00f6he', '\u00e9'.repeat(32), '\u00e9'.repeat(32) + 'x', 'a\u0000', 'a\n',
  'a\u007f', 'a\u0085', 'a\u00a0', '\ufeffa',
];

const topics = [
  'a', 'temp/inlet', '/', '//', '-', '$sys', 'up', 'a b', '', '+', 'a/+/b', '#', 'a/#', 'a\u0000b', 'a\n', '\u001f', ' ', '\u007f', '\u0080', '\u009f', '\u00a0',
  '\u07ff', '\u0800', '\ud7ff', '\ue000', '\ufdcf', '\ufdd0', '\ufdef', '\ufdf0', '\ufffd', '\ufffe', '\uffff', '\ufeffa', '\u{10000}', '\u{1fffd}',
  '\u{1fffe}', '\u{1ffff}', '\u{10fffd}', '\u{10ffff}', 'p'.repeat(255), '\u00e9'.repeat(127) + 'x',
];
const noText = [
  [0xff], [0x80], [0xc0, 0xaf], [0xc1, 0xbf], [0xc2], [0xc2, 0x41], [0xe0, 0x9f, 0xbf], [0xed, 0xa0, 0x80], [0xed, 0xbf, 0xbf], [0xe2, 0x82], [0xf0, 0x8f, 0xbf, 0xbf],
  [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xf0, 0x90, 0x80], [0x61, 0xbf],
];

export function numbers(): Record<string, unknown> {
  return {
    lengths: [0, 1, 127, 128, 129, 255, 256, 16_382, 16_383].map((value) => ({ value, bytes: hex(leb128(value)) })),
    ages: [0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 2 ** 28 - 1].map((value) => ({ value, bytes: hex(leb128(value)) })),
    times: truncated(24, [0n, 2n ** 23n, 2n ** 24n - 1n, 2n ** 24n, 2n ** 24n + 1n, 2_000_000_000n, -1n]),
    counters: truncated(16, [0n, 1n, 2n ** 15n, 2n ** 16n - 1n, 2n ** 16n, 2n ** 32n]),
    replay: replay(),
    ...clocks(),
    topics: [...topics.map((text) => new TextEncoder().encode(text)), ...noText.map((bytes) => Uint8Array.from(bytes))]
      .map((bytes) => ({ bytes: hex(bytes), valid: isTopic(bytes) })),
    identities: [
      ...identities.map((text) => new TextEncoder().encode(text)),
      Uint8Array.of(0xff), Uint8Array.of(0xc0, 0xaf), Uint8Array.of(0xed, 0xa0, 0x80), ascii('a\u00e9'),
    ].map((bytes) => ({ bytes: hex(bytes), valid: isIdentity(bytes) })),
  };
}
