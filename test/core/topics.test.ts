// ROUTE and DELIVER at the core: which names may be, who may send which, what is answered to one that may not go, and parts.

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { STATUS, TYPE, WANTED, readAck, readLed, writeLed } from '../reference/bodies.js';
import { ascii, concat, hex, uint, unhex } from '../reference/bytes.js';
import { partsFor, readPart, split, writePart } from '../reference/fragments.js';
import { open } from '../reference/frame.js';
import { isTopic, writeDeliver, writeRoute } from '../reference/topics.js';
import { handshakes } from '../reference/vectors-handshake.js';
import { ReplayWindow } from '../reference/window.js';
import { type Told, abi } from './engine/engine.js';
import { EngineGateway } from './engine/gateway.js';
import { ROLES, type Role, type Side, side } from './engine/side.js';
import { proveToGateway, readyAtDevice, vectorDevice, vectorGateway, vectors } from './engine/vector-file.js';

const CLOCK = 1_000;
const stream = vectors.handshakes.find(({ name }) => name === 'stream sealed')!;
const datagram = vectors.handshakes.find(({ name }) => name === 'datagram sealed')!;
const DEVICE_BUILDS = ['core-device', 'core-gateway', 'core-gateway-nosimd'];
const long = 'ü'.repeat(127);

/** What each role takes, and what it sends. */
const TAKES: Record<Role, number> = { gateway: TYPE.ROUTE, device: TYPE.DELIVER };
const make = (type: number, topic: string | Uint8Array, payload = ascii('x')) => (type === TYPE.ROUTE ? writeRoute(5, topic, payload) : writeDeliver(topic, 2, payload));

/** The ACKs in what a side sent. */
function acks(each: Side, v: typeof stream, told: Told, next: bigint): { id: number; status: number }[] {
  const { toGateway, toDevice } = handshakes.find(({ name }) => name === v.name)!;
  return told.output.map((bytes, i) => {
    const receiver = { ...(each.role === 'gateway' ? toDevice : toGateway), next: next + BigInt(i), window: new ReplayWindow(), own: CLOCK, life: 2 ** 40, largest: 512 };
    return readAck(open(receiver, bytes)!.body);
  });
}

test('names: the vectors, every code point at its borders, and what is no UTF-8', () => {
  const gateway = new EngineGateway(), input = gateway.u32(gateway.g + abi.G_IN);
  const judge = (bytes: Uint8Array): void => {
    gateway.write(input, bytes);
    assert.is(gateway.call('is_topic', bytes.length), isTopic(bytes) ? 1 : 0, hex(bytes));
  };
  assert.ok(vectors.numbers.topics.some(({ valid }) => valid));
  for (const { bytes, valid } of vectors.numbers.topics) {
    assert.is(isTopic(unhex(bytes)), valid);
    judge(unhex(bytes));
  }
  for (const point of [0, 0x20, 0x7f, 0x80, 0x9f, 0xa0, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfdd0, 0xfdef, 0xffff, 0x10000, 0x10ffff]) {
    for (let near = Math.max(0, point - 2); near <= Math.min(0x10ffff, point + 2); near++) {
      if (near < 0xd800 || near > 0xdfff) judge(new TextEncoder().encode(`a${String.fromCodePoint(near)}`));
    }
  }
  for (let plane = 0; plane <= 0x10; plane++) judge(new TextEncoder().encode(String.fromCodePoint(plane * 0x10000 + 0xfffe)));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 8 }), judge), { numRuns: 5_000 });
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 8 }), (text) => judge(new TextEncoder().encode(text))), { numRuns: 2_000 });
  for (const bytes of [255, 256]) judge(new Uint8Array(bytes).fill(0x61));
});

test('a device sends ROUTE alone, a gateway DELIVER alone, and neither a head that breaks a rule', () => {
  const heads: [Uint8Array, boolean][] = [
    [writeRoute(0, 'a/b', ascii('x')), true], [writeRoute(65_535, long, new Uint8Array()), true], [writeRoute(0, 'a/#', ascii('x')), false],
    [writeRoute(0, '', ascii('x')), false], [writeRoute(0, 'ab', new Uint8Array()).slice(0, -1), false], [new Uint8Array(), false],
    [concat(uint(0, 2), uint(6, 1), uint(1, 1), ascii('a')), false],
  ];
  for (const build of DEVICE_BUILDS) {
    for (const [body, good] of heads) {
      const device = vectorDevice(stream, { build, outNext: 2 });
      readyAtDevice(device, stream);
      for (const id of [0, 1]) {
        const { output } = device.send(body, id, 0, abi.ROUTE);
        assert.is(device.status, good ? abi.OK : abi.E_TARGET, `${build}, ${hex(body)}`);
        assert.is(output.length, good ? 1 : 0);
      }
      // The id is still to be sent: SKIP goes in its place.
      if (!good) device.send(new Uint8Array(), 1, 0, abi.SKIP);
      if (!good) assert.is(device.status, abi.OK);
    }
    const device = vectorDevice(stream, { build });
    readyAtDevice(device, stream);
    device.send(writeDeliver('a/b', 2, ascii('x')), 0, 0, abi.DELIVER);
    assert.is(device.status, abi.E_TARGET, build);
  }
  for (const build of ['core-gateway', 'core-gateway-nosimd']) {
    const gateway = vectorGateway(stream, { build }), slot = proveToGateway(gateway, stream);
    gateway.send(slot, [{ id: 0, body: writeRoute(0, 'a/b', ascii('x')), type: abi.ROUTE }]);
    assert.is(gateway.status, abi.E_TARGET);
    gateway.send(slot, [{ id: 0, body: writeDeliver('a/+', 0, ascii('x')), type: abi.DELIVER }]);
    assert.is(gateway.status, abi.E_TARGET);
    gateway.send(slot, [{ id: 0, body: writeDeliver('a/b', 0, ascii('x')), type: abi.DELIVER }]);
    assert.is(gateway.status, 1);
  }
});

for (const v of [stream, datagram]) {
  for (const role of ROLES) {
    test(`${v.name}, ${role}: one that wants an ACK and may not be is answered with no such target until SKIP comes`, () => {
      const each = side(v, role, { clock: CLOCK }), first = each.receiver.next;
      const bad = [make(TAKES[role], 'a/+'), make(TAKES[role], ''), make(TAKES[role], 'a').slice(0, 3)];
      each.mark();
      for (const body of [...bad, undefined]) {
        each.reset();
        // The last one goes the wrong way.
        const type = body === undefined ? TAKES[role === 'gateway' ? 'device' : 'gateway'] : TAKES[role];
        const frame = (kind: number, id: number, payload: Uint8Array, at: bigint) => each.fromPeer({ type: kind | WANTED, body: writeLed(id, 0, payload), time: CLOCK, counter: first + at });
        const own = role === 'gateway' ? 1n : 0n;
        const told = each.receive(frame(type, 1, body ?? make(type, 'a'), 0n));
        assert.equal(told.events, []);
        assert.equal(acks(each, v, told, own), [{ id: 1, status: STATUS.noTarget }]);
        assert.equal(each.refusals().filter(Boolean), [], 'it is answered, not refused');
        const again = each.receive(frame(TAKES[role], 1, make(TAKES[role], 'good'), 1n));
        assert.equal(acks(each, v, again, own + 1n), [{ id: 1, status: STATUS.noTarget }], 'a final refusal stays');
        assert.equal(each.receive(frame(TYPE.SKIP, 1, new Uint8Array(), 2n)).events.map(({ kind, d }) => [kind, d]), [[abi.EV_MESSAGE, 1]]);
        const good = each.receive(frame(TAKES[role], 2, make(TAKES[role], 'good'), 3n)).events;
        assert.equal(good.map(({ kind, a, d }) => [kind, a, d]), [[abi.EV_MESSAGE, TAKES[role] | WANTED | 0x80, 2]]);
        assert.is(hex(good[0]!.bytes!), hex(make(TAKES[role], 'good')));
      }
    });

    test(`${v.name}, ${role}: without an ACK it is malformed, or of an unknown type where it goes the wrong way`, () => {
      const each = side(v, role, { clock: CLOCK });
      each.mark();
      const wrongWay = TAKES[role === 'gateway' ? 'device' : 'gateway'];
      for (const [type, body, reason] of [
        [TAKES[role], make(TAKES[role], '#'), abi.REFUSED_MALFORMED], [TAKES[role], new Uint8Array(), abi.REFUSED_MALFORMED],
        [wrongWay, make(wrongWay, 'a'), abi.REFUSED_UNKNOWN_TYPE], [wrongWay, make(wrongWay, '#'), abi.REFUSED_UNKNOWN_TYPE],
      ] as const) {
        each.reset();
        const told = each.receive(each.fromPeer({ type, body, time: CLOCK, counter: each.receiver.next }));
        assert.equal(told.events.map(({ kind, a }) => [kind, a]), [[abi.EV_REFUSED, reason]]);
        assert.equal(told.output, []);
        assert.ok(each.online(), 'its tag held');
      }
    });
  }
}

test('parts: the first is judged, whenever it comes, and holds the whole head', () => {
  for (const role of ROLES) {
    const each = side(datagram, role, { clock: CLOCK }), first = each.receiver.next;
    each.mark();
    const own = role === 'gateway' ? 1n : 0n;
    const send = (parts: ReturnType<typeof split>, order: number[]) => order.map((index, i) =>
      each.receive(each.fromPeer({ type: TYPE.FRAGMENT | WANTED, time: CLOCK, counter: first + BigInt(i), body: writeLed(1, 0, writePart(parts[index]!)) })));
    for (const order of [[0, 1], [1, 0]]) {
      each.reset();
      const whole = make(TAKES[role], 'a/b', ascii('0123456789'));
      const told = send(split(TAKES[role], whole, 2), order).at(-1)!.events;
      assert.equal(told.map(({ kind }) => kind), [abi.EV_FRAGMENT, abi.EV_MESSAGE]);
      assert.is(told[1]!.a, TAKES[role] | WANTED | 0x80);
      for (const bad of [make(TAKES[role], 'a/#', ascii('0123456789')), make(TAKES[role], 'longer than half', ascii('x'))]) {
        each.reset();
        const answers = send(split(TAKES[role], bad, 2), order);
        assert.ok(!answers.some(({ events }) => events.some(({ kind }) => kind === abi.EV_MESSAGE)));
        const at = order.indexOf(0);
        assert.equal(acks(each, datagram, answers[at]!, own), [{ id: 1, status: STATUS.noTarget }]);
      }
    }
  }
});

test('a sender makes no parts whose first would not hold the head', () => {
  const device = vectorDevice(datagram, { build: 'core-device', outNext: 2, budget: 120 });
  readyAtDevice(device, datagram);
  const fits = writeRoute(0, 'a/b', new Uint8Array(100)), longName = writeRoute(0, 'n'.repeat(90), new Uint8Array(10));
  device.send(longName, 1, 0, abi.ROUTE);
  assert.is(device.status, abi.E_TARGET);
  const { output } = device.send(fits, 1, 0, abi.ROUTE);
  assert.is(output.length, partsFor(fits.length, 120, 5, 16));
  const { toGateway } = handshakes.find(({ name }) => name === datagram.name)!;
  const receiver = { ...toGateway, next: 0n, window: new ReplayWindow(), own: device.now, life: 2 ** 40, largest: 512 };
  const parts = output.map((bytes, i) => readPart(readLed(open({ ...receiver, next: BigInt(i) }, bytes)!.body).payload));
  assert.equal(parts.map(({ type }) => type), output.map(() => TYPE.ROUTE));
  assert.is(hex(concat(...parts.map(({ bytes }) => bytes))), hex(fits));
});

test('the smallest build knows no topics', () => {
  const each = side(stream, 'device', { build: 'core-device-small', clock: CLOCK }), at = each.receiver.next;
  const told = each.receive(each.fromPeer({ type: TYPE.DELIVER | WANTED, body: writeLed(1, 0, writeDeliver('a', 2, ascii('x'))), time: CLOCK, counter: at }));
  assert.equal(acks(each, stream, told, 0n), [{ id: 1, status: STATUS.noTarget }]);
});

test.run();
