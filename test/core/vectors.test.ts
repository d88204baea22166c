// The core against the vectors of the independent reference, byte for byte, in both roles and in every build.

import { sha256 } from '@noble/hashes/sha2.js';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TYPE, TYPE_MASK, WANTED, readPong } from '../reference/bodies.js';
import { hex, unhex } from '../reference/bytes.js';
import { readPart } from '../reference/fragments.js';
import { open } from '../reference/frame.js';
import { handshakes } from '../reference/vectors-handshake.js';
import { ReplayWindow } from '../reference/window.js';
import { type Event, type Told, abi } from './engine/engine.js';
import { target } from './engine/instances.js';
import {
  type FrameVector, type HandshakeVector, ROUND_TRIP, ZERO, bodyOf, ledBytes, proveToGateway, readyAtDevice, vectorDevice,
  vectorGateway, vectors,
} from './engine/vector-file.js';

const GATEWAY_BUILDS = ['core-gateway', 'core-gateway-nosimd'];
/** The device's machine stands in the gateway builds too, with longer buffers. */
const LONG_DEVICE = 'core-gateway';

function deviceBuilds(v: HandshakeVector): string[] {
  const small = v.name === 'stream sealed' ? ['core-device-small'] : [];
  return target ? ['core-device', 'core-device-hal', ...small] : ['core-device', ...GATEWAY_BUILDS, ...small];
}

const handshakeOf = (vector: { session: string }) => vectors.handshakes.find((v) => v.name === vector.session)!;
const one = (told: Told) => {
  assert.is(told.output.length, 1);
  return hex(told.output[0]!);
};
const only = (told: { events: Event[] }, kind: number) => {
  assert.equal(told.events.map((event) => event.kind), [kind]);
  return told.events[0]!;
};

for (const v of vectors.handshakes) {
  test(`handshake, device, ${v.name}`, () => {
    for (const build of deviceBuilds(v)) {
      const device = vectorDevice(v, { build });
      only(device.start(), abi.EV_CONNECT);
      assert.is(one(device.connected()), v.frames.hello, build);
      device.now += ROUND_TRIP;
      assert.is(one(device.receive(unhex(v.frames.challenge))), v.frames.proof, build);
      assert.is(one(device.send(unhex(v.first.body))), v.frames.first, build);
      const online = only(device.receive(unhex(v.frames.ready)), abi.EV_ONLINE);
      assert.is(online.d, v.challenge.session);
      assert.is(online.a, v.challenge.suite);
      assert.is(device.u32(device.slot + abi.S_LARGEST), v.ready.largest);
      assert.is(device.inOutbox, v.ready.outbox);
      assert.is(device.view.getBigUint64(device.slot + abi.S_EPOCH), BigInt(v.challenge.time));
      assert.equal(device.counters().filter(Boolean), []);
    }
  });

  test(`handshake, gateway, ${v.name}`, () => {
    for (const build of GATEWAY_BUILDS) {
      const gateway = vectorGateway(v, { build });
      const slot = gateway.open(v.hello.link);
      assert.is(one(gateway.receive(slot, unhex(v.frames.hello))), v.frames.challenge, build);
      gateway.now += v.ready.time;
      const told = gateway.receive(slot, unhex(v.frames.proof));
      assert.is(one(told), v.frames.ready, build);
      const proved = told.events.find((event) => event.kind === abi.EV_PROVED)!;
      assert.is(proved.d, v.challenge.session);
      assert.is(proved.e, v.hello.outbox);
      const message = only(gateway.receive(slot, unhex(v.frames.first)), abi.EV_MESSAGE);
      assert.is(hex(message.bytes!), v.first.body);
      assert.is(message.e, v.first.time);
      assert.equal(gateway.counters().filter(Boolean), []);
    }
  });
}

/** The frame of a vector that is not written out, made by the reference and checked by the digest of the file. */
function frameOf(vector: FrameVector): Uint8Array {
  if (vector.frame !== undefined) return unhex(vector.frame);
  const handshake = handshakes.find(({ name }) => name === vector.session)!;
  const body = bodyOf(vector);
  // Only the body is missing in the file, and only `sealed` changes it on its way.
  if (handshake.suite !== 'sealed') return Uint8Array.from([...unhex(vector.header!), ...body, ...unhex(vector.tag!)]);
  const device = sealer(vector);
  return device.output;
}

/** The same frame from the core, as the side that sends it. */
function sealer(vector: FrameVector): { output: Uint8Array } {
  const v = handshakeOf(vector);
  const kind = vector.type & TYPE_MASK;
  const payload = bodyOf(vector).slice(ledBytes(vector));
  const id = vector.id ?? 0;
  const device = vectorDevice(v, { build: LONG_DEVICE, ...(id && { outLow: id, outNext: id + 1 }) });
  readyAtDevice(device, v);
  device.now = ZERO.device + vector.time;
  device.view.setBigUint64(device.slot + abi.S_TX_COUNTER, BigInt(vector.counter), true);
  const told = device.send(payload, id, vector.age ?? 0, (vector.type & ~WANTED) | kind);
  assert.is(device.status, abi.OK, vector.name);
  assert.is(told.output.length, 1);
  return { output: told.output[0]! };
}

/** A datagram sender stops 2^14 frames behind the last one that was confirmed, so these counters can't be set at will. */
const farAhead = (vector: FrameVector) => handshakeOf(vector).link === 'datagram' && BigInt(vector.counter) >= 8_192n;

test('frames that the device seals', () => {
  let made = 0;
  for (const vector of vectors.frames) {
    const kind = vector.type & TYPE_MASK;
    if (vector.direction !== 'to gateway' || (kind !== TYPE.DATA && kind !== TYPE.SKIP && kind !== TYPE.ROUTE) || farAhead(vector)) continue;
    if (vector.id === 2 ** 32 - 1) continue; // a sender begins a new outbox before
    const { output } = sealer(vector);
    if (vector.frame === undefined) assert.is(hex(sha256(output)), vector.frameSha256, `${vector.session}, ${vector.name}`);
    else assert.is(hex(output), vector.frame, `${vector.session}, ${vector.name}`);
    made++;
  }
  assert.ok(made > 250, `${made} frames`);
});

test('frames that the gateway seals', () => {
  for (const build of GATEWAY_BUILDS) {
    for (const vector of vectors.frames) {
      const kind = vector.type & TYPE_MASK;
      if (vector.direction !== 'to device' || (kind !== TYPE.DATA && kind !== TYPE.SKIP && kind !== TYPE.DELIVER)) continue;
      const v = handshakeOf(vector);
      const id = vector.id ?? 0;
      const gateway = vectorGateway(v, { build }, id ? { outLow: id, outSent: id - 1, outNext: id + 1 } : {});
      const slot = proveToGateway(gateway, v);
      gateway.now = ZERO.gateway + vector.time;
      const body = bodyOf(vector).slice(ledBytes(vector));
      const told = gateway.send(slot, [{ id, body, age: vector.age, type: kind, repeat: (vector.type & abi.FLAG_REPEAT) !== 0 }]);
      assert.is(gateway.status, 1);
      assert.is(one(told), vector.frame, `${vector.session}, ${vector.name}, ${build}`);
    }
  }
});

test('ACKs that the device seals', () => {
  const statuses: Record<string, number> = { ok: 0, refused: 1, tooLong: 2, noTarget: 3, stale: 0x80, busy: 0x81, unknownOutbox: 0x82 };
  const FIRST_OF_SESSION = 1n;
  for (const v of vectors.handshakes) {
    for (const [name, status] of Object.entries(statuses)) {
      const expected = vectors.frames.find((each) => each.session === v.name && each.direction === 'to gateway' && each.name === `ACK ${name}`)!;
      // A message under id 7 from the gateway's engine, to a device whose record makes it answer with this status.
      const known = status !== abi.ACK_UNKNOWN_OUTBOX;
      const device = vectorDevice(v, { inOutbox: v.ready.outbox, inLast: known ? 6 : 0 });
      readyAtDevice(device, v);
      const gateway = vectorGateway(v, {}, { outLow: 7, outSent: 6, outNext: 8 });
      const slot = proveToGateway(gateway, v);
      gateway.now = ZERO.gateway + (status === abi.ACK_STALE ? 1_000 : 3_500);
      device.now = ZERO.device + (status === abi.ACK_STALE ? 3_500 : 1_000);
      if (status !== abi.ACK_STALE) gateway.now = ZERO.gateway + 1_000;
      const message = gateway.send(slot, [{ id: 7, body: new Uint8Array(1) }]).output[0]!;
      device.view.setBigUint64(device.slot + abi.S_TX_COUNTER, FIRST_OF_SESSION, true);
      let told = device.receive(message);
      if (status !== abi.ACK_STALE && known) told = device.answer(7, status);
      const direction = handshakes.find(({ name: each }) => each === v.name)!.toGateway;
      if (status === abi.ACK_STALE) {
        // Its time cannot be the vector's: the frame has to be old by then.
        const receiver = { ...direction, next: 1n, window: new ReplayWindow(), own: 3_500, life: 2 ** 31, largest: 512 };
        assert.is(hex(open(receiver, told.output[0]!)!.body), expected.body, v.name);
      } else {
        assert.is(one(told), expected.frame, `${v.name}, ${name}`);
      }
    }
  }
});

test('PONG and CLOSE that the gateway seals, PING that the device seals', () => {
  for (const v of vectors.handshakes) {
    const own = (name: string, direction: string) =>
      vectors.frames.find((each) => each.session === v.name && each.direction === direction && each.name === name)!;
    const { toGateway, toDevice } = handshakes.find(({ name }) => name === v.name)!;
    const receiver = (direction: typeof toDevice, time: number, next = 1n) => ({
      ...direction, next, window: new ReplayWindow(), own: time, life: 2 ** 31, largest: 512,
    });
    const gateway = vectorGateway(v);
    const slot = proveToGateway(gateway, v);
    gateway.now = ZERO.gateway + 1_000;
    gateway.view.setBigUint64(gateway.slotAddress(slot) + abi.S_RX_COUNTER, 1n, true);
    const pong = open(receiver(toDevice, 1_000), gateway.receive(slot, unhex(own('PING', 'to gateway').frame!)).output[0]!)!;
    assert.is(pong.type & TYPE_MASK, TYPE.PONG);
    assert.equal(readPong(pong.body), { t1: 0x0102030405060708n, receive: 1_000, send: 1_000 });

    const other = vectorGateway(v);
    const otherSlot = proveToGateway(other, v);
    other.now = ZERO.gateway + 1_000;
    assert.is(one(other.close(otherSlot, abi.CLOSE_GOING_AWAY, 30)), own('CLOSE', 'to device').frame);

    const device = vectorDevice(v);
    readyAtDevice(device, v);
    const { wait } = device.poll();
    device.now += wait;
    const ping = open(receiver(toGateway, device.now - ZERO.device, 0n), device.poll().output[0]!)!;
    assert.is(ping.type, TYPE.PING | 0x80);
    assert.is(hex(ping.body), device.now.toString(16).padStart(16, '0'));
  }
});

test('frames that the gateway opens', () => {
  for (const build of GATEWAY_BUILDS) {
    for (const vector of vectors.frames) {
      if (vector.direction !== 'to gateway') continue;
      const v = handshakeOf(vector);
      const label = `${vector.session}, ${vector.name}, ${build}`;
      const gateway = vectorGateway(v, { build }, { inLast: (vector.id ?? 1) - 1 });
      const slot = proveToGateway(gateway, v);
      gateway.now = ZERO.gateway + vector.time;
      gateway.view.setBigUint64(gateway.slotAddress(slot) + abi.S_RX_COUNTER, BigInt(vector.counter), true);
      const told = gateway.receive(slot, frameOf(vector));
      check(vector, told, gateway.counters(), label);
    }
  }
});

test('frames that the device opens', () => {
  for (const vector of vectors.frames) {
    if (vector.direction !== 'to device') continue;
    const v = handshakeOf(vector);
    for (const build of deviceBuilds(v)) {
      const device = vectorDevice(v, { build, inOutbox: v.ready.outbox, inLast: (vector.id ?? 1) - 1 });
      readyAtDevice(device, v);
      device.now = ZERO.device + vector.time;
      const told = device.receive(unhex(vector.frame!));
      check(vector, told, device.counters(), `${vector.session}, ${vector.name}, ${build}`);
    }
  }
});

/** What the receiver must have made of it. */
function check(vector: FrameVector, told: Told, counters: number[], label: string): void {
  const kind = vector.type & TYPE_MASK;
  const refused = counters.reduce((sum, count) => sum + count, 0);
  if (kind === TYPE.DELIVER && label.endsWith('core-device-small')) {
    // A build without topics: of a type that nobody takes.
    assert.is(counters[abi.REFUSED_UNKNOWN_TYPE], vector.id === undefined ? 1 : 0, label);
    assert.is(told.output.length, vector.id === undefined ? 0 : 1, label);
    return;
  }
  if (kind === TYPE.PONG) {
    // Authentic, but nobody asked.
    assert.is(counters[abi.REFUSED_PONG], 1, label);
    assert.is(refused, 1, label);
    return;
  }
  assert.is(refused, 0, label);
  switch (kind) {
    case TYPE.DATA:
    case TYPE.ROUTE:
    case TYPE.DELIVER:
    case TYPE.SKIP: {
      const message = only(told, abi.EV_MESSAGE);
      assert.is(message.a, vector.type | 0x80, label);
      assert.is(message.d, vector.id ?? 0, label);
      assert.is(hex(message.bytes!), hex(bodyOf(vector).slice(ledBytes(vector))), label);
      const age = Math.min(vector.age ?? 0, 2 ** 28 - 1);
      // Signed 32 bits hold 24 days; what is older says the oldest that can be said.
      assert.is(message.e, Math.max(vector.time - Math.floor(age * 62.5), -(2 ** 31)), label);
      return;
    }
    case TYPE.FRAGMENT: {
      // On a stream, and where a build has no memory for parts, it is of a type that nobody takes.
      if (handshakeOf(vector).link === 'stream' || label.endsWith('core-device-hal')) {
        assert.equal(told.events, [], label);
        assert.is(told.output.length, 1, label);
        return;
      }
      const part = only(told, abi.EV_FRAGMENT), { type, index, bytes, count, total } = readPart(bodyOf(vector).slice(ledBytes(vector)));
      assert.equal([part.a, part.d, part.e], [type | 0xa0, vector.id, index * Math.ceil(total / count) + total * 65_536], label);
      assert.is(hex(part.bytes!), hex(bytes), label);
      return;
    }
    case TYPE.PING:
      assert.is(told.output.length, 1, label);
      return;
    case TYPE.CLOSE: {
      assert.equal(told.events.map((event) => event.kind), [abi.EV_CLOSED, abi.EV_DISCONNECT], label);
      const body = bodyOf(vector);
      assert.is(told.events[0]!.a, body[0], label);
      assert.is(told.events[0]!.b, body[1]! * 256 + body[2]!, label);
      return;
    }
    default:
      assert.equal(told.events, [], label); // an ACK for an id that was never sent
  }
}

test.run();
