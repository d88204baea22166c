// The session clock against the naive model of the reference, PING and PONG, and what a device does when time passes.

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { STATUS, TYPE, WANTED, readAck, readPing, writeClose, writeLed, writePing, writePong } from '../reference/bodies.js';
import { ascii, unhex } from '../reference/bytes.js';
import { type Clock, challenged, ponged, read } from '../reference/clock.js';
import { open, seal } from '../reference/frame.js';
import { Refusal } from '../reference/refusal.js';
import { handshakes } from '../reference/vectors-handshake.js';
import { ReplayWindow } from '../reference/window.js';
import { EngineDevice } from './engine/device.js';
import { type Told, abi } from './engine/engine.js';
import { type HandshakeVector, proveToGateway, readyAtDevice, vectorDevice, vectorGateway, vectors } from './engine/vector-file.js';

const RUNS = 300;
const stream = vectors.handshakes.find(({ name }) => name === 'stream sealed')!;
const datagram = vectors.handshakes.find(({ name }) => name === 'datagram signed')!;
const WINDOW = stream.challenge.window;

/** A device's session and the reference's view of its frames: which counters it has used, what it last said. */
class Watched {
  readonly device: EngineDevice;
  counter = 0n;
  gatewayCounter = 1n;

  constructor(
    readonly v: HandshakeVector,
    now: number,
    roundTrip: number,
  ) {
    this.device = vectorDevice(v, { now, roundTrip: 10_000 });
    this.device.start();
    this.device.connected();
    this.device.now += roundTrip;
    this.device.receive(unhex(v.frames.challenge));
    const { toDevice } = this.directions;
    this.device.receive(seal(toDevice, { counter: 0n, time: Math.max(0, Math.floor(roundTrip / 2)), type: TYPE.READY, body: unhex(v.ready.body) }));
    assert.is(this.device.state, abi.STATE_ONLINE);
  }

  get directions() {
    return handshakes.find(({ name }) => name === this.v.name)!;
  }

  /** Opens what the device said, frame by frame; `own` only has to be near. */
  said(told: Told, own: number): { type: number; time: number; body: Uint8Array }[] {
    const frames: { type: number; time: number; body: Uint8Array }[] = [];
    for (let bytes of told.output) {
      while (bytes.length > 0) {
        const receiver = {
          ...this.directions.toGateway, next: this.counter, window: new ReplayWindow(), own, life: 2 ** 40, largest: 16_383,
        };
        const opened = open(receiver, bytes)!;
        frames.push({ type: opened.type & 0x1f, time: opened.time, body: opened.body });
        this.counter++;
        bytes = bytes.slice(opened.size);
      }
    }
    return frames;
  }

  /** The device's session clock, as its next frame tells it. */
  clock(near: number): number {
    return this.said(this.device.send(ascii('?')), near)[0]!.time;
  }

  frame(type: number, body: Uint8Array, time: number): Uint8Array {
    return seal(this.directions.toDevice, { counter: this.gatewayCounter++, time, type, body });
  }
}

test('the clock at CHALLENGE is half the round trip', () => {
  fc.assert(
    fc.property(fc.oneof(fc.integer({ min: 0, max: 9_999 }), fc.constantFrom(0, 1, 2, 3, 1_999, 2_000)), fc.constantFrom(1_000, 2 ** 32 - 500, 2 ** 31 - 7), (trip, now) => {
      const watched = new Watched(stream, now, trip);
      const expected = challenged(now, now + trip, 10_000);
      assert.is(watched.clock(trip), read(expected, watched.device.now));
    }),
    { numRuns: RUNS, includeErrorInReport: true },
  );
  for (const each of vectors.numbers.challenge) {
    if (typeof each.clock === 'number') assert.is(new Watched(stream, 5_000, each.roundTrip).clock(0), each.clock);
  }
});

test('PONG sets the clock as the model says, once, and only within the window', () => {
  const delay = fc.oneof(fc.integer({ min: 0, max: 2_100 }), fc.constantFrom(0, 1, 1_999, 2_000, 2_001, 9_000));
  const held = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2_200 }));
  const shift = fc.oneof(fc.integer({ min: -1_900, max: 1_900 }), fc.constant(0));
  const round = fc.tuple(delay, held, shift, fc.integer({ min: -1, max: 1 }));
  fc.assert(
    fc.property(fc.boolean(), fc.constantFrom(1_000, 2 ** 32 - 40_000), fc.array(round, { maxLength: 6, size: 'max' }), (packets, now, rounds) => {
      const v = packets ? datagram : stream;
      const watched = new Watched(v, now, 20);
      const { device } = watched;
      let clock: Clock = challenged(now, now + 20, 10_000);
      for (const [wait, hold, drift, echo] of rounds) {
        // Whatever else is due, the loop below ends at a PING.
        let ping: bigint | undefined, sentAt = 0;
        for (let i = 0; i < 10 && ping === undefined; i++) {
          const told = device.poll();
          for (const { type, body } of watched.said(told, read(clock, device.now))) {
            if (type !== TYPE.PING) continue;
            ping = readPing(body);
            sentAt = device.now;
          }
          if (ping === undefined) device.now += told.wait;
        }
        assert.is(ping, BigInt(sentAt % 2 ** 32), "t1 is the device's own timer");
        // The gateway is `drift` ahead, gets PING at once and holds it for `hold` ms.
        const receive = Math.max(0, read(clock, device.now) + drift);
        const pong = { receive, send: receive + hold };
        device.now += wait;
        // One that echoes something else is no answer; the second is one where the first was none.
        let outstanding: bigint | undefined = BigInt(sentAt);
        for (const t1 of [outstanding + BigInt(echo), outstanding]) {
          let expected: ReturnType<typeof ponged> | undefined;
          try {
            expected = ponged(clock, device.now, outstanding, { ...pong, t1 }, WINDOW);
          } catch (error) {
            if (!(error instanceof Refusal)) throw error;
          }
          if (t1 === outstanding) outstanding = undefined;
          const before = device.counters()[abi.REFUSED_PONG]!;
          const told = device.receive(watched.frame(TYPE.PONG, writePong({ ...pong, t1: BigInt.asUintN(32, t1) }), pong.send));
          assert.is(device.counters()[abi.REFUSED_PONG]! - before, expected ? 0 : 1);
          const set = told.events.filter(({ kind }) => kind === abi.EV_CLOCK);
          assert.equal(set.map(({ d, e }) => [d | 0, e]), expected ? [[expected.correction, expected.roundTrip]] : []);
          if (expected) clock = expected.clock;
          if (read(clock, device.now) >= 0) assert.is(watched.clock(read(clock, device.now)), read(clock, device.now));
        }
        if (device.state !== abi.STATE_ONLINE) return;
        device.now += 1;
      }
    }),
    { numRuns: RUNS, includeErrorInReport: true },
  );
});

test('PONG vectors', () => {
  for (const each of vectors.numbers.pong) {
    const watched = new Watched(stream, 4_990, 20);
    const { device } = watched;
    device.now = each.t1;
    const pings = watched.said(device.poll(), 55_000).filter(({ type }) => type === TYPE.PING);
    assert.is(pings.length, 1);
    device.now = each.now;
    const told = device.receive(watched.frame(TYPE.PONG, writePong({ t1: BigInt(each.t1), receive: each.receive, send: each.send }), each.send));
    const set = told.events.some(({ kind }) => kind === abi.EV_CLOCK);
    assert.is(set, typeof each.clock === 'number', JSON.stringify(each));
    if (set) assert.is(watched.clock(55_000), each.clock);
  }
});

test('PING is answered at once, also when it is old; the gateway never sets its clock', () => {
  const gateway = vectorGateway(stream);
  const slot = proveToGateway(gateway, stream);
  const { toGateway, toDevice } = handshakes.find(({ name }) => name === stream.name)!;
  gateway.now += 60_000;
  let counter = 0n;
  for (const time of [60_023, 0, 70_000]) {
    const told = gateway.receive(slot, seal(toGateway, { counter, time, type: TYPE.PING, body: writePing(5n) }));
    assert.is(told.output.length, 1);
    assert.is(told.events.length, 0);
    const pong = open({ ...toDevice, next: 1n + counter++, window: new ReplayWindow(), own: 60_023, life: 2 ** 31, largest: 64 }, told.output[0]!)!;
    assert.is(pong.time, 60_023);
  }
  const told = gateway.receive(slot, seal(toGateway, { counter, time: 60_023, type: TYPE.PONG, body: writePong({ t1: 5n, receive: 1, send: 1 }) }));
  assert.equal(told.events.map(({ kind, a }) => [kind, a]), [[abi.EV_REFUSED, abi.REFUSED_PONG]]);
});

test('clock lost: PING, PONG and CLOSE alone, until a PONG has set it', () => {
  const watched = new Watched(stream, 1_000, 20);
  const { device } = watched;
  device.now += 5_000;
  const [ping] = watched.said(device.clockLost(), 5_000);
  assert.is(ping!.type, TYPE.PING);
  const own = 5_010;
  const data = device.receive(watched.frame(TYPE.DATA, ascii('x'), own));
  assert.equal(data.events.map(({ kind, a }) => [kind, a]), [[abi.EV_REFUSED, abi.REFUSED_CLOCK_LOST]]);
  const wanted = device.receive(watched.frame(TYPE.DATA | WANTED, writeLed(1, 0, ascii('x')), own));
  assert.equal(wanted.events.map(({ kind, a, d }) => [kind, a, d]), [[abi.EV_REFUSED, abi.REFUSED_CLOCK_LOST, 1]]);
  const [ack] = watched.said(wanted, own);
  assert.equal(readAck(ack!.body), { id: 1, status: STATUS.stale });
  assert.is(watched.said(device.receive(watched.frame(TYPE.PING, writePing(9n), own)), own)[0]!.type, TYPE.PONG);
  device.receive(watched.frame(TYPE.PONG, writePong({ t1: readPing(ping!.body), receive: 9_000, send: 9_000 }), 9_000));
  assert.is(watched.clock(9_000), 9_000);
  assert.equal(device.receive(watched.frame(TYPE.DATA, ascii('x'), 9_000)).events.map(({ kind }) => kind), [abi.EV_MESSAGE]);
  device.clockLost();
  const closed = device.receive(watched.frame(TYPE.CLOSE, writeClose(1, 0), 9_000));
  assert.equal(closed.events.map(({ kind }) => kind), [abi.EV_CLOSED, abi.EV_DISCONNECT]);
});

test('a device pings after a third of the idle time, every 10 s, and gives up after three', () => {
  const watched = new Watched(stream, 1_000, 20);
  const { device } = watched;
  const start = device.now;
  const pings: number[] = [];
  for (let i = 0; i < 50 && device.state === abi.STATE_ONLINE; i++) {
    const told = device.poll();
    for (const { type } of watched.said(told, device.now - start)) if (type === TYPE.PING) pings.push(device.now - start);
    if (device.state === abi.STATE_ONLINE) device.now += told.wait;
    else assert.equal([told.events[0]!.kind, told.events[0]!.a], [abi.EV_DISCONNECT, abi.DOWN_TIMEOUT]);
  }
  assert.equal(pings, [30_000, 40_000, 50_000]);
  assert.is(device.now - start, 60_000);
});

test('a device that only listens pings too, so that the gateway hears it', () => {
  const watched = new Watched(stream, 1_000, 20);
  const { device } = watched;
  let quiet = 0;
  for (let i = 0; i < 40; i++) {
    device.now += 1_000;
    quiet += 1_000;
    device.receive(watched.frame(TYPE.DATA, ascii('x'), device.now - 1_010));
    const [said] = watched.said(device.poll(), device.now - 1_010);
    if (!said) continue;
    assert.is(said.type, TYPE.PING);
    break;
  }
  assert.is(quiet, 30_000);
});

test('a device that hears and speaks pings before its clock can be off by a quarter of the window', () => {
  for (const drift of [10_000, 9_720_000]) {
    const device = vectorDevice(stream, { drift });
    readyAtDevice(device, stream);
    const set = device.now;
    const { toDevice } = handshakes.find(({ name }) => name === stream.name)!;
    let counter = 1n;
    for (let i = 0; i < 1_000; i++) {
      const { wait, output } = device.poll();
      if (output.length > 0) break;
      device.now += Math.min(wait, 20_000);
      if (device.now - set >= drift) continue;
      device.receive(seal(toDevice, { counter: counter++, time: device.now - 1_000, type: TYPE.DATA, body: ascii('x') }));
      device.send(ascii('y'));
    }
    assert.is(device.now - set, drift);
  }
});

test('idle and life end a session at the gateway, life a little earlier at the device', () => {
  const v = { ...stream, ready: { ...stream.ready, life: 600 } };
  for (const [quiet, reason, why] of [[90_000, abi.CLOSE_IDLE, abi.DOWN_TIMEOUT], [600_000, abi.CLOSE_EXPIRED, abi.DOWN_EXPIRED]] as const) {
    const gateway = vectorGateway(v);
    const slot = proveToGateway(gateway, v);
    const { toGateway, toDevice } = handshakes.find(({ name }) => name === v.name)!;
    const start = reason === abi.CLOSE_IDLE ? gateway.now : 5_000;
    let counter = 0n;
    while (reason === abi.CLOSE_EXPIRED && gateway.now - start < quiet - 30_000) {
      gateway.now += 30_000;
      gateway.receive(slot, seal(toGateway, { counter: counter++, time: gateway.now - 5_000, type: TYPE.DATA, body: ascii('x') }));
      assert.is(gateway.tick().size, 0);
    }
    gateway.now = start + quiet - 1;
    assert.is(gateway.tick().size, 0);
    gateway.now = start + quiet;
    const told = gateway.tick().get(slot)!;
    assert.equal(told.events.map(({ kind, a, b }) => [kind, a, b]), [[abi.EV_DISCONNECT, why, reason]]);
    const close = open({ ...toDevice, next: 1n, window: new ReplayWindow(), own: gateway.now - 5_000, life: 2 ** 31, largest: 64 }, told.output[0]!)!;
    assert.equal([close.type, ...close.body], [0x80 | TYPE.CLOSE, reason, 0, 0]);
  }
  const device = vectorDevice(v);
  device.start();
  device.connected();
  device.now += 22;
  device.receive(unhex(v.frames.challenge));
  const { toDevice } = handshakes.find(({ name }) => name === v.name)!;
  const body = unhex(v.ready.body);
  new DataView(body.buffer).setUint32(0, 600);
  device.receive(seal(toDevice, { counter: 0n, time: 11, type: TYPE.READY, body }));
  device.now = 1_000 + 600_000 - 2 * WINDOW - 1;
  assert.is(device.poll().events.length, 0);
  device.now += 1;
  const told = device.poll();
  assert.equal(told.events.map(({ kind, a }) => [kind, a]).slice(0, 1), [[abi.EV_DISCONNECT, abi.DOWN_EXPIRED]]);
});

test('backoff: full jitter, doubling, at most 120 s; reset by a session of 30 s; retry-after goes before it', () => {
  const device = vectorDevice(stream, { entropy: undefined });
  device.start();
  const waits: number[] = [];
  for (let i = 0; i < 14; i++) {
    const told = device.lost();
    const wait = told.events.find(({ kind }) => kind === abi.EV_DISCONNECT)!.d;
    waits.push(wait);
    device.now += wait;
    const next = device.poll();
    assert.is(next.events[0]!.kind, abi.EV_CONNECT);
  }
  waits.forEach((wait, i) => assert.ok(wait >= 0 && wait <= Math.min(1_000 * 2 ** i, 120_000), `try ${i}: ${wait} ms`));
  assert.ok(new Set(waits.slice(7)).size > 1, 'random');

  const close = (retryAfter: number, reason = 2) => {
    const each = vectorDevice(stream);
    readyAtDevice(each, stream);
    const { toDevice } = handshakes.find(({ name }) => name === stream.name)!;
    const told = each.receive(seal(toDevice, { counter: 1n, time: 20, type: TYPE.CLOSE, body: writeClose(reason, retryAfter) }));
    return told.events.find(({ kind }) => kind === abi.EV_DISCONNECT)!.d;
  };
  for (const [told, most] of [[1, 1], [60, 60], [300, 300], [301, 300], [65_535, 300]] as const) {
    const wait = close(told);
    assert.ok(wait >= most * 1_000 && wait <= 2 * most * 1_000, `retry-after ${told}: ${wait} ms`);
  }
  assert.is(close(0, abi.CLOSE_OUTBOX), 0, 'a renewed outbox needs no wait');
});

test('after a session of 30 s the first try waits its part of the spread', () => {
  for (const [stood, spread, most] of [[30_000, 0, 0], [30_000, 100, 100_000], [29_999, 100, 1_000]] as const) {
    const device = vectorDevice(stream);
    device.start();
    device.connected();
    device.now += 22;
    device.receive(unhex(stream.frames.challenge));
    const body = unhex(stream.ready.body);
    new DataView(body.buffer).setUint16(6, spread);
    const { toDevice } = handshakes.find(({ name }) => name === stream.name)!;
    device.receive(seal(toDevice, { counter: 0n, time: 11, type: TYPE.READY, body }));
    device.now += stood;
    const wait = device.lost().events[0]!.d;
    assert.ok(wait <= most, `${stood} ms, spread ${spread} s: ${wait} ms`);
  }
});

test.run();
