// Both halves of delivery against the naive models of the reference: the receiver is fed frames and verdicts, the sender
// ACKs, and each must say what its model says. Both roles, both links.

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { STATUS, TYPE, WANTED, readAck, readLed, writeAck, writeLed } from '../reference/bodies.js';
import { ascii, unhex } from '../reference/bytes.js';
import { NaiveReceiver, NaiveSender, OUTSTANDING, type ReceiverAction } from '../reference/delivery.js';
import { type Direction, type Opened, open, seal } from '../reference/frame.js';
import { handshakes } from '../reference/vectors-handshake.js';
import { ReplayWindow } from '../reference/window.js';
import { type Told, abi } from './engine/engine.js';
import { ROLES, type Role } from './engine/side.js';
import { type HandshakeVector, ZERO, readyAtDevice, vectorDevice, vectorGateway, vectors } from './engine/vector-file.js';

const RUNS = 200;
const NOW = 10_000;
const cases = vectors.handshakes.filter(({ name }) => name === 'stream sealed' || name === 'datagram signed');
const UNKNOWN_TYPE = 14;

interface Delivery {
  receive(bytes: Uint8Array): Told;
  answer(id: number, status: number): Told;
  queue(next: number): Told;
  send(id: number, skip: boolean): Told;
  /** Lets time pass, and does what is due. */
  pass(ms: number): Told;
  status(): number;
  counters(): number[];
}

/** A session of this role under the vectors' keys, and the directions of its frames. */
function session(v: HandshakeVector, role: Role, given: { inLast?: number; low?: number; sent?: number; next?: number }) {
  const { toGateway, toDevice } = handshakes.find(({ name }) => name === v.name)!;
  const low = given.low ?? 1;
  const out = { outLow: low, outSent: given.sent ?? low - 1, outNext: given.next ?? low };
  let core: Delivery;
  let asked: Told;
  if (role === 'gateway') {
    const gateway = vectorGateway(v, {}, { inLast: given.inLast ?? 0, ...out });
    const slot = gateway.open(v.hello.link);
    gateway.receive(slot, unhex(v.frames.hello));
    gateway.now += v.ready.time;
    asked = { events: gateway.receive(slot, unhex(v.frames.proof)).events, output: [] }; // READY is known
    gateway.now = ZERO.gateway + NOW;
    core = {
      receive: (bytes) => gateway.receive(slot, bytes),
      answer: (id, status) => gateway.answer(slot, id, status),
      queue: (next) => gateway.queue(slot, next),
      send: (id, skip) => gateway.send(slot, [{ id, body: skip ? new Uint8Array() : ascii('m'), type: skip ? abi.SKIP : abi.DATA }]),
      pass: (ms) => {
        gateway.now += ms;
        return gateway.tick().get(slot) ?? { events: [], output: [] };
      },
      status: () => (gateway.status > 0 ? 0 : gateway.status),
      counters: () => gateway.counters(),
    };
  } else {
    const device = vectorDevice(v, { inOutbox: v.ready.outbox, inLast: given.inLast ?? 0, ...out });
    asked = { events: readyAtDevice(device, v), output: [] };
    device.now = ZERO.device + NOW;
    core = {
      receive: (bytes) => device.receive(bytes),
      answer: (id, status) => device.answer(id, status),
      queue: (next) => device.queue(next),
      send: (id, skip) => device.send(skip ? new Uint8Array() : ascii('m'), id, 0, skip ? abi.SKIP : abi.DATA),
      pass: (ms) => {
        device.now += ms;
        return device.poll();
      },
      status: () => device.status,
      counters: () => device.counters(),
    };
  }
  const [peers, own] = role === 'gateway' ? [toGateway, toDevice] : [toDevice, toGateway];
  return { core, asked, peer: new Peer(peers, own, role) };
}

/** The other end, played by the reference. */
class Peer {
  private counter: bigint;
  private next: bigint;
  time = NOW;

  constructor(
    private readonly direction: Direction,
    private readonly theirs: Direction,
    role: Role,
  ) {
    this.counter = role === 'device' ? 1n : 0n; // READY was the gateway's first
    this.next = role === 'gateway' ? 1n : 0n;
  }

  frame(type: number, body: Uint8Array, time = this.time): Uint8Array {
    return seal(this.direction, { counter: this.counter++, time, type, body });
  }

  /** What the core has said, without PINGs. */
  heard(told: Told): Opened[] {
    const frames: Opened[] = [];
    for (let bytes of told.output) {
      while (bytes.length > 0) {
        const receiver = { ...this.theirs, next: this.next, window: new ReplayWindow(), own: this.time, life: 2 ** 40, largest: 16_383 };
        const frame = open(receiver, bytes)!;
        this.next = frame.counter + 1n;
        if ((frame.type & 0x1f) !== TYPE.PING) frames.push(frame);
        bytes = bytes.slice(frame.size);
      }
    }
    return frames;
  }
}

/** Most ACKs are about the lowest id, or one near it. */
const near = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: -2, max: 3 }) }, { weight: 1, arbitrary: fc.integer({ min: -3, max: 66 }) });

const acks = (frames: Opened[]) => frames.map((frame) => ({ type: frame.type & 0x1f, ...readAck(frame.body) }));
const expectedAcks = (action: ReceiverAction) => (action.do === 'ack' ? [{ type: TYPE.ACK, id: action.id, status: action.status }] : []);

const receiverStep = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('frame' as const), offset: fc.integer({ min: -3, max: 3 }), type: fc.constantFrom(TYPE.DATA, TYPE.DATA, TYPE.DATA, TYPE.SKIP, UNKNOWN_TYPE), off: fc.constantFrom(0, 0, 0, 0, 2_001, -2_001) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('ok' as const), place: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('not' as const), status: fc.constantFrom(STATUS.refused, STATUS.tooLong, STATUS.noTarget, STATUS.busy) }) },
);

for (const v of cases) {
  for (const role of ROLES) {
    test(`receiver, ${v.name}, ${role}`, () => {
      fc.assert(
        fc.property(fc.constantFrom(0, 0, 1, 5, 2 ** 32 - 20), fc.array(receiverStep, { maxLength: 60, size: 'max' }), (last, steps) => {
          const { core, peer } = session(v, role, { inLast: last });
          const model = new NaiveReceiver(last);
          for (const step of steps) {
            if (step.kind === 'frame') {
              const id = model.last + model.undecided.length + 1 + step.offset;
              if (id < 1 || id >= 2 ** 32) continue;
              const before = core.counters();
              const body = writeLed(id, 0, step.type === TYPE.SKIP ? new Uint8Array() : ascii('m'));
              const told = core.receive(peer.frame(step.type | WANTED, body, peer.time - step.off));
              const action = step.off ? model.untimely(id) : model.frame(step.type, id, step.type !== UNKNOWN_TYPE);
              const label = `${JSON.stringify(step)}, id ${id}, model ${JSON.stringify(action)}`;
              assert.equal(acks(peer.heard(told)), expectedAcks(action), label);
              const reported = told.events.filter(({ kind }) => kind === abi.EV_MESSAGE).map(({ d }) => d);
              assert.equal(reported, action.do === 'report' ? [action.id] : [], label);
              const order = core.counters()[abi.REFUSED_ORDER]! - before[abi.REFUSED_ORDER]!;
              assert.is(order, 'order' in action && action.order ? 1 : 0, label);
              const untimely = [abi.REFUSED_STALE, abi.REFUSED_FUTURE].reduce((sum, reason) => sum + core.counters()[reason]! - before[reason]!, 0);
              assert.is(untimely, step.off ? 1 : 0, label);
            } else if (model.undecided.length > 0) {
              const id = model.undecided[step.kind === 'ok' ? Math.min(step.place, model.undecided.length - 1) : 0]!;
              const status = step.kind === 'ok' ? STATUS.ok : step.status;
              const told = core.answer(id, status);
              assert.equal(acks(peer.heard(told)), expectedAcks(model.verdict(id, status)));
            } else {
              const id = model.last + 1;
              const told = core.answer(id, STATUS.ok);
              assert.is(core.status(), abi.E_ORDER, 'no verdict is due');
              assert.is(told.output.length, 0);
            }
          }
        }),
        { numRuns: RUNS, includeErrorInReport: true },
      );
    });

    test(`receiver, a verdict out of order, ${v.name}, ${role}`, () => {
      const { core, peer } = session(v, role, {});
      for (const id of [1, 2, 3]) core.receive(peer.frame(TYPE.DATA | WANTED, writeLed(id, 0, ascii('m'))));
      for (const status of [STATUS.busy, STATUS.refused]) {
        assert.is(core.answer(2, status).output.length, 0);
        assert.ok(core.status() < 0, 'busy and refusals only for the first that waits');
      }
      assert.is(core.answer(4, STATUS.ok).output.length, 0);
      assert.is(core.status(), abi.E_ORDER);
      assert.equal(acks(peer.heard(core.answer(2, STATUS.ok))), [{ type: TYPE.ACK, id: 2, status: STATUS.ok }]);
    });

    test(`sender, ${v.name}, ${role}`, () => {
      fc.assert(
        fc.property(
          fc.record({ low: fc.constantFrom(1, 1, 2, 7), earlier: fc.nat(3), waiting: fc.nat(80) }),
          fc.array(
            fc.oneof(
              { weight: 2, arbitrary: fc.record({ kind: fc.constant('queue' as const), count: fc.integer({ min: 1, max: 70 }) }) },
              { weight: 6, arbitrary: fc.record({ kind: fc.constant('ack' as const), offset: near, status: fc.constantFrom(...Array<number>(8).fill(0), ...Object.values(STATUS)) }) },
              { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const) }) },
            ),
            { maxLength: 40, size: 'max' },
          ),
          ({ low, earlier, waiting }, steps) => {
            const next = low + waiting;
            const sent = Math.min(low + earlier, next) - 1;
            const { core, asked, peer } = session(v, role, { low, sent, next });
            const model = new NaiveSender(low, sent, next);
            // The host hands over what is asked for; SKIP for what was refused.
            let slow = false;
            const handOver = (told: Told): number[] => {
              const ids: number[] = [];
              const work = [told];
              for (let part = work.shift(); part; part = work.shift()) {
                for (const frame of peer.heard(part)) {
                  const led = readLed(frame.body);
                  assert.is(frame.type & 0x1f, model.skips.has(led.id) ? TYPE.SKIP : TYPE.DATA, `id ${led.id}`);
                  ids.push(led.id);
                }
                for (const { kind, a, d } of part.events) {
                  if (kind !== abi.EV_SEND) continue;
                  for (let id = d; id < d + a; id++) {
                    const more = core.send(id, model.skips.has(id));
                    assert.is(core.status(), abi.OK, `id ${id}`);
                    work.push(more);
                  }
                }
              }
              return ids;
            };
            const first = handOver(asked);
            assert.equal(first, model.send(), 'what waited goes at once');
            for (const step of steps) {
              if (step.kind === 'pass') {
                // After a backoff (at most 60 s × 1.5) the sender goes on from the lowest; without one time-outs are another test's.
                if (!model.waiting) continue;
                const told: Told = { events: [], output: [] };
                for (let ms = 0; ms < 90_000 && told.events.length === 0; ms += 500) {
                  const { events, output } = core.pass(500);
                  peer.time += 500;
                  told.events.push(...events);
                  told.output.push(...output);
                }
                if (told.events.some(({ kind }) => kind === abi.EV_DISCONNECT)) return; // nobody answers PING here
                model.resume();
                assert.equal(handOver(told), model.send(), 'after the wait');
                continue;
              }
              if (step.kind === 'queue') {
                model.next += step.count;
                assert.equal(handOver(core.queue(model.next)), model.send());
                continue;
              }
              const id = Math.max(0, model.low + step.offset);
              // A receiver that has no record answers what it got; no other id can come with this status.
              if (step.status === STATUS.unknownOutbox && (id < model.low || id > model.sent)) continue;
              if (step.status === STATUS.stale) slow = true;
              const before = new Map(model.ends);
              const stoppedBefore = model.stopped;
              const told = core.receive(peer.frame(TYPE.ACK, writeAck({ id, status: step.status })));
              model.ack(id, step.status);
              const label = `ACK(${id}, ${step.status}), lowest ${model.low}`;
              const results = told.events.filter(({ kind }) => kind === abi.EV_RESULT);
              const ok = results.filter(({ a }) => a === STATUS.ok).map(({ d }) => d);
              const newlyOk = [...model.ends].filter(([each, end]) => end === STATUS.ok && before.get(each) !== STATUS.ok).map(([each]) => each);
              assert.equal(ok, newlyOk.length > 0 ? [Math.max(...newlyOk)] : [], label);
              const outbox = told.events.filter(({ kind }) => kind === abi.EV_OUTBOX);
              assert.is(outbox.length, model.stopped && !stoppedBefore ? 1 : 0, label);
              if (model.stopped) {
                const doubt = model.inDoubt();
                if (outbox[0]) assert.is(outbox[0].d, doubt.length > 0 ? doubt.at(-1) : model.earlier, label);
                return;
              }
              if (slow) {
                // Fewer go at a time after stale; which, the world's tests see.
                handOver(told);
                return;
              }
              assert.equal(handOver(told), model.send(), label);
              assert.ok(model.cursor - model.low <= OUTSTANDING);
            }
          },
        ),
        { numRuns: RUNS, includeErrorInReport: true },
      );
    });
  }
}

test('stale says nothing of the ids before it', () => {
  for (const v of cases) {
    for (const role of ROLES) {
      const { core, peer } = session(v, role, {});
      let asked = core.queue(4);
      for (const { kind, a, d } of asked.events) if (kind === abi.EV_SEND) for (let id = d; id < d + a; id++) core.send(id, false);
      for (const id of [2, 3]) {
        asked = core.receive(peer.frame(TYPE.ACK, writeAck({ id, status: STATUS.stale })));
        const delivered = asked.events.filter(({ kind, a }) => kind === abi.EV_RESULT && a === STATUS.ok);
        assert.equal(delivered, [], `${v.name}, ${role}: ACK(${id}, stale) delivers nothing`);
      }
    }
  }
});

test('on datagrams an answer to a gap that comes late is no lost record', () => {
  const v = vectors.handshakes.find(({ name }) => name === 'datagram signed')!;
  for (const role of ROLES) {
    const { core, peer } = session(v, role, {});
    const asked = core.queue(3);
    for (const { kind, a, d } of asked.events) if (kind === abi.EV_SEND) for (let id = d; id < d + a; id++) core.send(id, false);
    // Id 2 came before id 1, and the answers the other way round.
    core.receive(peer.frame(TYPE.ACK, writeAck({ id: 1, status: STATUS.ok })));
    const told = core.receive(peer.frame(TYPE.ACK, writeAck({ id: 2, status: STATUS.unknownOutbox })));
    assert.ok(!told.events.some(({ kind }) => kind === abi.EV_OUTBOX), role);
  }
});

test.run();
