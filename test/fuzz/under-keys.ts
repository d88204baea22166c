// Malformed bodies, types and sequences under the right keys: what a peer can do that has the key and breaks the rules.
// The reference says of each frame what must become of it.

import fc from 'fast-check';
import { strict as assert } from 'node:assert';
import { REPEAT, TYPE, TYPE_MASK, WANTED, readLed, writeAck, writeClose, writeLed, writePing, writePong } from '../reference/bodies.js';
import { concat } from '../reference/bytes.js';
import { NaiveReceiver } from '../reference/delivery.js';
import { NaiveAssembly, type Part, split, writePart } from '../reference/fragments.js';
import { type Opened, type Receiver, accept, open, timeRule } from '../reference/frame.js';
import { readProtectedBody } from '../reference/receive.js';
import { Refusal } from '../reference/refusal.js';
import { type Role, writeDeliver, writeRoute } from '../reference/topics.js';
import { abi } from '../core/engine/engine.js';
import { REASON, ROLES, type Side, side } from '../core/engine/side.js';
import { vectors } from '../core/engine/vector-file.js';

const CLOCK = 20_000_000; // beyond 24 bits, so that every distance can be told
const WINDOW = 2_000;
/** The largest body that is taken, and bytes that a device's input holds. */
const LARGEST = 512;
const DEVICE_INPUT = LARGEST + 32;

interface Step {
  type: number;
  flags: number;
  body: Uint8Array;
  /** The frame's time minus the receiver's clock. */
  off: number;
  /** Distance of the counter from the next one. */
  ahead: number;
  /** Whether what was reported is accepted at once. */
  decide: boolean;
}

const small = fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 5, 64, 2 ** 31, 2 ** 32 - 1), fc.nat(10));
const bytes = fc.uint8Array({ maxLength: 24 });
const kinds: number[] = [...Object.values(TYPE), TYPE.DATA, TYPE.DATA, TYPE.SKIP, TYPE.FRAGMENT, TYPE.FRAGMENT, TYPE.FRAGMENT, TYPE.ROUTE, TYPE.ROUTE, TYPE.DELIVER, TYPE.DELIVER];
/** Bodies of ROUTE and DELIVER, most of them as they must be. */
const name = fc.oneof(fc.constantFrom<string | Uint8Array>('a', 'temp/inlet', 'ü', '', '#', 'a/+', 'a\0', '\u009f', '\uffff', '\u{1fffe}', Uint8Array.of(0xed, 0xa0, 0x80), 'x'.repeat(255)), fc.string({ unit: 'grapheme', maxLength: 12 }), fc.uint8Array({ maxLength: 6 }));
const routed = fc.tuple(fc.boolean(), name, fc.nat(3), fc.uint8Array({ maxLength: 12 }), fc.constantFrom(0, 0, 0, 0, 1))
  .map(([up, topic, value, payload, kind]) => {
    const made = up ? writeRoute(value, topic, payload) : writeDeliver(topic, value, payload);
    if (kind !== 0) made[up ? 2 : 0] = kind;
    return made;
  });
const topicPart = fc.tuple(routed, fc.constantFrom(TYPE.ROUTE, TYPE.DELIVER), fc.constantFrom(2, 2, 3), fc.nat(2))
  .map(([whole, type, count, index]) => {
    const bytes = split(type, whole, count)[index]?.bytes ?? new Uint8Array(1);
    return writeLed(1, 0, writePart({ type, count, total: whole.length, index, bytes }));
  });
/** Parts of messages of 5 and 600 bytes, most of them as they must be. */
const part = fc
  .tuple(fc.constantFrom(1, 1, 1, 2), fc.constantFrom(...kinds, TYPE.DATA, TYPE.DATA, TYPE.DATA, 14, 0x88), fc.constantFrom(0, 1, 2, 2, 2, 3, 4, 64, 65), fc.constantFrom(5, 5, 5, 0, 507, 508), fc.nat(3), fc.boolean())
  .map(([id, type, count, total, index, exact]) => {
    const bytes = split(type, new Uint8Array(total), Math.max(1, count))[index]?.bytes ?? new Uint8Array(1);
    return writeLed(id, 0, writePart({ type, count, total, index, bytes: exact ? bytes : new Uint8Array(index) }));
  });
const body = fc.oneof(
  { weight: 2, arbitrary: bytes },
  { weight: 6, arbitrary: fc.tuple(small, fc.oneof(fc.nat(300), fc.constantFrom(2 ** 21, 2 ** 28 - 1)), bytes).map(([id, age, payload]) => writeLed(id, age, payload)) },
  { weight: 2, arbitrary: fc.tuple(small, small).map(([id, age]) => writeLed(id, age % 200, new Uint8Array())) },
  { weight: 3, arbitrary: part },
  { weight: 2, arbitrary: routed },
  { weight: 3, arbitrary: fc.tuple(small, routed).map(([id, made]) => writeLed(id, 0, made)) },
  { weight: 2, arbitrary: topicPart },
  { weight: 2, arbitrary: fc.tuple(small, fc.constantFrom(0, 1, 2, 3, 4, 0x7f, 0x80, 0x81, 0x82, 0x83, 0xff)).map(([id, status]) => writeAck({ id, status })) },
  { weight: 1, arbitrary: fc.bigInt(0n, 2n ** 64n - 1n).map(writePing) },
  { weight: 1, arbitrary: fc.tuple(small, small, small).map(([t1, receive, send]) => writePong({ t1: BigInt(t1), receive, send })) },
  { weight: 1, arbitrary: fc.tuple(fc.nat(255), fc.nat(65_535)).map(([reason, after]) => writeClose(reason, after, 'why')) },
);
const changed = fc.tuple(body, fc.constantFrom('', '', '', '', 'cut', 'more')).map(([made, how]) =>
  how === 'cut' ? made.slice(0, -1) : how === 'more' ? concat(made, Uint8Array.of(0)) : made,
);
const step = fc.record<Step>({
  type: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...kinds) }, { weight: 1, arbitrary: fc.nat(31) }),
  flags: fc.constantFrom(0, 0, WANTED, WANTED, WANTED, REPEAT, WANTED | REPEAT),
  body: changed,
  off: fc.oneof(
    { weight: 12, arbitrary: fc.constant(0) },
    { weight: 4, arbitrary: fc.constantFrom(WINDOW, WINDOW + 1, -WINDOW, -WINDOW - 1) },
    { weight: 1, arbitrary: fc.constantFrom(2 ** 23 - 1, 2 ** 23, -(2 ** 23), -(2 ** 23) - 1) },
  ),
  ahead: fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, { weight: 3, arbitrary: fc.constantFrom(-1, -2, -63, -64, -65, 1, 2, 64) }),
  decide: fc.boolean(),
});

/** Sides are slow to make and quick to reset. */
const sides: Side[] = vectors.handshakes.flatMap((v) => ROLES.map((role) => {
  const each = side(v, role, { largest: LARGEST, clock: 1_000 });
  each.setClock(CLOCK);
  each.mark();
  each.receiver = { ...each.receiver, own: CLOCK };
  return each;
}));

interface Expected {
  reasons: string[];
  reported: number[];
  ended: boolean;
}

/** What the reference makes of one frame; moves the receiver and the record on. */
function expect(at: { receiver: Receiver; record: NaiveReceiver; parts: NaiveAssembly }, frame: Uint8Array, role: string): Expected {
  const none: Expected = { reasons: [], reported: [], ended: false };
  let opened: Opened | undefined;
  try {
    opened = open(at.receiver, frame);
    if (!opened) return none;
    at.receiver = accept(at.receiver, opened.counter);
    const kind = opened.type & TYPE_MASK;
    // A device reads READY again and ignores it where it is well-formed.
    if (kind === TYPE.READY && role === 'device' && !(opened.type & WANTED)) {
      timeRule(at.receiver.own, opened.time, WINDOW, opened.type);
      return opened.body.length < 14 ? { ...none, reasons: ['malformed'] } : none;
    }
    const timely = () => timeRule(at.receiver.own, opened!.time, WINDOW, opened!.type);
    // Id and age are read before the time rule, everything else behind it.
    let body: ReturnType<typeof readProtectedBody>;
    try {
      body = readProtectedBody(opened, at.receiver, role as Role);
    } catch (error) {
      if (!malformedBefore(opened)) timely();
      throw error;
    }
    timely();
    if (body.kind === 'close') return { ...none, ended: true };
    if (body.kind === 'pong') return { ...none, reasons: ['pong'] };
    if (body.kind === 'message' && !body.led) return { ...none, reported: [0] };
    if (body.kind !== 'message' && body.kind !== 'skip' && body.kind !== 'part' && body.kind !== 'unknown') return none;
    const { id } = body.led!;
    const { part } = body as { part?: Part };
    const inParts = part && { later: part.index > 0, complete: () => at.parts.add(id, part) !== undefined };
    const action = at.record.frame(kind, id, body.kind !== 'unknown', inParts);
    if (action.do === 'report') return { ...none, reported: [action.id] };
    return 'order' in action && action.order ? { ...none, reasons: ['order'] } : none;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ...none, reasons: [error.reason], ended: at.receiver.link === 'stream' && !error.authentic };
  }
}

/** What is malformed whatever the time is: id and age, bit 5 where it has no place, and SKIP with a body. */
function malformedBefore(opened: Opened): boolean {
  const kind = opened.type & TYPE_MASK;
  if (kind === TYPE.PING || kind === TYPE.PONG || kind === TYPE.CLOSE) return true; // they have no time rule
  if (kind !== TYPE.FRAGMENT || !(opened.type & WANTED)) return (opened.type & WANTED) !== 0;
  try {
    readLed(opened.body);
    return false; // what leads a part is read behind the time rule
  } catch {
    return true;
  }
}

export const underKeys = {
  arbitrary: fc.record({ side: fc.integer({ min: 0, max: sides.length - 1 }), steps: fc.array(step, { minLength: 1, maxLength: 8 }) }),
  run({ side: index, steps }: { side: number; steps: Step[] }): number {
    const each = sides[index]!;
    each.reset();
    const at = { receiver: each.receiver, record: new NaiveReceiver(0), parts: new NaiveAssembly() };
    for (const { type, flags, body: made, off, ahead, decide } of steps) {
      const datagram = at.receiver.link === 'datagram';
      if (datagram && [TYPE.HELLO, TYPE.CHALLENGE, TYPE.PROOF].includes(type as 1)) continue; // those are handshake frames there
      const counter = at.receiver.next + BigInt(ahead);
      if (counter < 0n) continue;
      const frame = each.fromPeer({ type: type | flags, body: made, time: CLOCK + off, counter });
      if (datagram && each.role === 'device' && frame.length > DEVICE_INPUT) {
        // Longer than any frame: the host drops it unseen (host/core/device-core.ts).
        assert.deepEqual(each.receive(frame).events, []);
        continue;
      }
      const before = each.refusals();
      const told = each.receive(frame);
      const expected = expect(at, frame, each.role);
      const label = `${each.role}, ${at.receiver.link}, ${JSON.stringify({ type, flags, off, ahead, body: [...made] })}`;
      const after = each.refusals();
      const reasons = Object.entries(REASON).flatMap(([name, reason]) => Array<string>(after[reason]! - before[reason]!).fill(name));
      assert.deepEqual(reasons, expected.reasons, label);
      const reported = told.events.filter(({ kind }) => kind === abi.EV_MESSAGE).map(({ d }) => d);
      assert.deepEqual(reported, expected.reported, label);
      assert.equal(each.online(), !expected.ended, label);
      if (expected.ended) return 1;
      if (!decide) continue;
      for (const id of [...at.record.undecided]) {
        each.answer(id, abi.ACK_OK);
        at.record.verdict(id, abi.ACK_OK);
      }
    }
    return 1;
  },
};
