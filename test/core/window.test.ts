// The replay window and the full values of truncated counters and times, against the naive models of the reference.

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TYPE, writePing } from '../reference/bodies.js';
import { ascii } from '../reference/bytes.js';
import { type Receiver, accept, open, timeRule } from '../reference/frame.js';
import { nearest, nearestBySearch } from '../reference/numbers.js';
import { type Reason, Refusal } from '../reference/refusal.js';
import { ReplayWindow } from '../reference/window.js';
import { abi } from './engine/engine.js';
import { REASON, ROLES, type Side, side } from './engine/side.js';
import { vectors } from './engine/vector-file.js';

const RUNS = 300;
const datagrams = vectors.handshakes.filter(({ link }) => link === 'datagram');
const NOW = 1_000;

/** What the reference makes of a frame; its receiver moves on where the tag held. */
function model(receiver: Receiver, bytes: Uint8Array, window: number): { reason: Reason | 'taken'; receiver: Receiver } {
  try {
    const opened = open(receiver, bytes)!;
    const moved = accept(receiver, opened.counter);
    try {
      timeRule(receiver.own, opened.time, window, opened.type);
      return { reason: 'taken', receiver: moved };
    } catch (error) {
      return { reason: (error as Refusal).reason, receiver: moved };
    }
  } catch (error) {
    if (error instanceof Refusal) return { reason: error.reason, receiver };
    throw error;
  }
}

function refusedReason(each: Side, before: number[]): Reason | 'taken' {
  const counts = each.refusals();
  const changed = counts.map((count, reason) => [reason, count - before[reason]!] as const).filter(([, more]) => more !== 0);
  if (changed.length === 0) return 'taken';
  assert.equal(changed.map(([, more]) => more), [1]);
  return (Object.keys(REASON) as Reason[]).find((name) => REASON[name] === changed[0]![0])!;
}

/** Distances from the next counter that lie at a border, and some between. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 3, arbitrary: fc.integer({ min: -67, max: -60 }) },
  { weight: 2, arbitrary: fc.integer({ min: 60, max: 67 }) },
  { weight: 1, arbitrary: fc.constantFrom(-32_769, -32_768, -32_767, 32_766, 32_767, 32_768) },
  { weight: 1, arbitrary: fc.integer({ min: -70_000, max: 70_000 }) },
);
const starts = [0n, 1n, 63n, 64n, 65_535n, 65_536n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 62n];

for (const v of datagrams) {
  for (const role of ROLES) {
    test(`replay window, ${v.name}, ${role}`, () => {
      const each = side(v, role);
      fc.assert(
        fc.property(fc.constantFrom(...starts), fc.array(step, { maxLength: 40, size: 'max' }), (start, steps) => {
          each.reset();
          // Both begin behind one frame taken, so that they agree about what lies below.
          if (start > each.receiver.next) each.setNext(start);
          const first = start > each.receiver.next ? start : each.receiver.next;
          // READY was taken as the frame just below.
          const window = new ReplayWindow(new Set(role === 'device' ? [first - 1n] : []));
          let receiver: Receiver = { ...each.receiver, next: first, window };
          const send = (counter: bigint) => {
            const frame = each.fromPeer({ type: TYPE.DATA, body: ascii('x'), time: NOW, counter });
            const expected = model(receiver, frame, v.challenge.window);
            const before = each.refusals();
            const told = each.receive(frame);
            assert.is(refusedReason(each, before), expected.reason, `counter ${counter}, next ${receiver.next}`);
            assert.is(told.events.some(({ kind }) => kind === abi.EV_MESSAGE), expected.reason === 'taken');
            receiver = expected.receiver;
          };
          send(first);
          for (const distance of steps) {
            const counter = receiver.next + BigInt(distance);
            if (counter >= 0n) send(counter);
          }
        }),
        { numRuns: RUNS },
      );
    });
  }

  test(`replay vectors, ${v.name}`, () => {
    for (const { counters, taken } of vectors.numbers.replay) {
      const each = side(v, 'gateway');
      each.setNext(BigInt(counters[0]!));
      const takes = counters.map((counter) => {
        const told = each.receive(each.fromPeer({ type: TYPE.DATA, body: ascii('x'), time: NOW, counter: BigInt(counter) }));
        return told.events.some(({ kind }) => kind === abi.EV_MESSAGE);
      });
      assert.equal(takes, taken, counters.join(' '));
    }
  });
}

const LIFE = 2_000_000_000;
/** Own clocks at the borders of 24 bits and of the session's life; the device's may stand before 0 after a correction. */
const owns = [0, 1, 1_000, 2 ** 23 - 1, 2 ** 23, 2 ** 23 + 1, 2 ** 24 - 1, 2 ** 24, 2 ** 24 + 1, 1_234_567_890, LIFE - 2_000, LIFE - 1, LIFE];
const offs = fc.oneof(
  fc.constantFrom(0, 1, -1, 1_999, 2_000, 2_001, -1_999, -2_000, -2_001),
  fc.constantFrom(2 ** 23 - 1, 2 ** 23, 2 ** 23 + 1, -(2 ** 23) + 1, -(2 ** 23), -(2 ** 23) - 1, 2 ** 24, -(2 ** 24)),
  fc.integer({ min: -(2 ** 25), max: 2 ** 25 }),
);

for (const v of [...datagrams, ...vectors.handshakes.filter(({ link }) => link === 'stream')]) {
  for (const role of ROLES) {
    test(`full time, ${v.name}, ${role}`, () => {
      const each = side(v, role);
      fc.assert(
        fc.property(fc.constantFrom(...owns, ...(role === 'device' ? [-1, -1_500] : [])), offs, fc.boolean(), (own, off, ping) => {
          const time = own + off;
          if (time < 0 || time >= 2 ** 32) return;
          each.reset();
          each.setClock(own);
          const frame = each.fromPeer(
            ping ? { type: TYPE.PING, body: writePing(1n), time, counter: each.receiver.next } : { type: TYPE.DATA, body: ascii('x'), time, counter: each.receiver.next },
          );
          const expected = model({ ...each.receiver, own }, frame, v.challenge.window);
          const before = each.refusals();
          const told = each.receive(frame);
          assert.is(refusedReason(each, before), expected.reason, `own ${own}, time ${time}`);
          const message = told.events.find(({ kind }) => kind === abi.EV_MESSAGE);
          if (message) assert.is(message.e, time, 'the full time');
          assert.is(message !== undefined, expected.reason === 'taken' && !ping);
        }),
        { numRuns: RUNS },
      );
    });
  }

  test(`session life's border, ${v.name}`, () => {
    const each = side(v, 'gateway');
    for (const [time, reason] of [[LIFE - 1, 'taken'], [LIFE, 'taken'], [LIFE + 1, 'time out of range']] as const) {
      each.reset();
      each.setClock(LIFE - 1);
      const before = each.refusals();
      each.receive(each.fromPeer({ type: TYPE.DATA, body: ascii('x'), time }));
      assert.is(refusedReason(each, before), reason);
    }
  });
}

test('the arithmetic of full values against a search', () => {
  for (const bits of [16, 24]) {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 33n), 2n ** 63n), fc.bigInt(0n, 2n ** BigInt(bits) - 1n), (own, field) => {
        // The search walks: bring it near first, by a multiple that does not change the answer.
        const base = (own >> 30n) << 30n;
        assert.is(nearest(own, field, bits), base + nearestBySearch(own - base, field, bits));
      }),
      { numRuns: RUNS },
    );
  }
});

test('the replay window of the reference forgets nothing within 64', () => {
  let window = new ReplayWindow();
  for (const counter of [5n, 70n, 6n, 7n]) if (window.takes(counter)) window = window.with(counter);
  assert.is(window.takes(6n), false, '64 behind 70');
  assert.is(window.takes(7n), false, 'seen');
  assert.is(window.takes(8n), true);
});

test.run();
