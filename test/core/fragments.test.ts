// Messages larger than a datagram: sent in parts, put together, repeated, and everything a peer with the key can get wrong.

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { STATUS, TYPE, TYPE_MASK, WANTED, readAck, readLed, writeLed } from '../reference/bodies.js';
import { ascii, hex } from '../reference/bytes.js';
import { NaiveAssembly, type Part, partsFor, readPart, split, writePart } from '../reference/fragments.js';
import { type Opened, accept, open } from '../reference/frame.js';
import { handshakes, WINDOW_MS } from '../reference/vectors-handshake.js';
import { pattern } from '../reference/vectors-frame.js';
import { ReplayWindow } from '../reference/window.js';
import { type Told, abi } from './engine/engine.js';
import { ROLES, type Side, side } from './engine/side.js';
import { proveToGateway, readyAtDevice, vectorDevice, vectorGateway, vectors } from './engine/vector-file.js';
import { World } from './engine/world.js';

const datagrams = vectors.handshakes.filter(({ link }) => link === 'datagram');
const sealed = datagrams.find(({ suite }) => suite === 'sealed')!;
const CLOCK = 1_000;
const FRAGMENT = TYPE.FRAGMENT | WANTED;

/** Frames that a side sent, opened by the reference. */
function opener(v: (typeof datagrams)[number], from: 'device' | 'gateway') {
  const { toGateway, toDevice } = handshakes.find(({ name }) => name === v.name)!;
  let receiver = { ...(from === 'device' ? toGateway : toDevice), next: 0n, window: new ReplayWindow(), own: CLOCK, life: 2 ** 40, largest: 16_383 };
  return (frames: Uint8Array[]): Opened[] =>
    frames.map((bytes) => {
      const opened = open(receiver, bytes)!;
      receiver = accept(receiver, opened.counter);
      return opened;
    });
}

function fragment(each: Side, id: number, part: Partial<Part> & { bytes: Uint8Array }, counter: bigint): Uint8Array {
  return each.fromPeer({ type: FRAGMENT, time: CLOCK, counter, body: writeLed(id, 0, writePart({ type: TYPE.DATA, count: 2, total: 5, index: 0, ...part })) });
}

const messages = (told: Told) => told.events.filter(({ kind }) => kind === abi.EV_MESSAGE);
/** Neither role's core answers before its host decides, so what is said is an ACK. */
const kinds = (told: Told) => told.events.map(({ kind }) => kind);

for (const v of datagrams) {
  test(`${v.name}: each side's parts, read and put together by the reference, at every border of the budget`, () => {
    const tag = v.suite === 'signed-8' ? 8 : 16;
    for (const build of ['core-device', 'core-gateway', 'core-gateway-nosimd']) {
      for (const budget of build === 'core-device' ? [200, 300] : [200, 576, 1_200]) {
        const room = budget - 10 - tag - 5;
        const sizes = [0, 1, room, room + 1, 2 * (room - 5), 2 * (room - 5) + 1, ...(build === 'core-device' ? [400] : [9_000])];
        for (const size of sizes.filter((bytes) => build !== 'core-device' || bytes <= 400)) {
          const label = `${build}, ${size} bytes in datagrams of ${budget}`;
          const body = pattern(size);
          for (const role of build === 'core-device' ? (['device'] as const) : ROLES) {
            let output: Uint8Array[];
            if (role === 'device') {
              const device = vectorDevice(v, { build, outNext: 2, budget });
              readyAtDevice(device, v);
              device.now = 1_000 + CLOCK;
              output = device.send(body, 1).output;
              assert.is(device.status, abi.OK, label);
            } else {
              const gateway = vectorGateway(v, { build }, { outNext: 2 });
              const slot = proveToGateway(gateway, v);
              gateway.view.setUint32(gateway.slotAddress(slot) + abi.S_LARGEST, 16_383, true);
              gateway.setBudget(slot, budget);
              gateway.now = 5_000 + CLOCK;
              // Between two that need no parts, so that a batch of tags is under way.
              const small = { id: 0, body: ascii('21.5') };
              output = gateway.send(slot, [small, { id: 1, body }, small]).output;
              assert.is(gateway.status, 3, label);
              assert.is(opener(v, 'gateway')([output[0]!, output.at(-1)!]).length, 2);
              output = output.slice(1, -1);
            }
            const frames = opener(v, role)(output);
            const count = partsFor(size, budget, 5, tag);
            assert.is(frames.length, count, label);
            assert.ok(output.every(({ length }) => length <= budget), label);
            const assembly = new NaiveAssembly();
            let whole: Uint8Array | undefined;
            for (const { type, body: led } of frames) {
              assert.is(type & TYPE_MASK, count > 1 ? TYPE.FRAGMENT : TYPE.DATA, label);
              const { id, payload } = readLed(led);
              assert.is(id, 1);
              whole = count > 1 ? assembly.add(id, readPart(payload)) : payload;
            }
            assert.is(hex(whole!), hex(body), label);
          }
        }
      }
    }
  });
}

test('what no 64 parts carry, what wants no ACK and what fits no output is too long', () => {
  const device = vectorDevice(sealed, { build: 'core-gateway', outNext: 2, budget: 100 });
  readyAtDevice(device, sealed);
  const most = 64 * (100 - 26 - 5 - 5);
  device.send(new Uint8Array(most + 1), 1);
  assert.is(device.status, abi.E_TOO_LONG);
  device.send(new Uint8Array(100), 0);
  assert.is(device.status, abi.E_TOO_LONG);
  assert.is(device.send(new Uint8Array(most), 1).output.length, 64);
  const small = vectorDevice(sealed, { build: 'core-device', outNext: 2, budget: 60 });
  readyAtDevice(small, sealed);
  small.send(new Uint8Array(500), 1);
  assert.is(small.status, abi.E_TOO_LONG, 'each of 21 parts has its own header and tag, which 640 bytes do not hold');
  small.view.setUint16(small.slot + abi.S_BUDGET, 20, true);
  small.send(new Uint8Array(500), 1);
  assert.is(small.status, abi.E_TOO_LONG, 'no room for a part at all');
});

for (const role of ROLES) {
  for (const v of datagrams) {
    const make = () => side(v, role, { largest: 512, clock: CLOCK });

    test(`${v.name}, ${role}: parts in any order, each any number of times, make the message once`, () => {
      const each = make();
      each.mark();
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 2, maxLength: 400 }), fc.integer({ min: 2, max: 64 }), fc.array(fc.nat(), { maxLength: 30 }), (body, count, more) => {
          const parts = split(TYPE.DATA, body, Math.min(count, body.length));
          fc.pre(parts.every(({ bytes }) => bytes.length > 0));
          each.reset();
          let counter = each.receiver.next, told = 0;
          const send = (index: number) => {
            const reply = each.receive(fragment(each, 1, parts[index]!, counter++));
            for (const event of messages(reply)) {
              told++;
              assert.is(hex(event.bytes!), hex(body));
              assert.is(event.d, 1);
              assert.is(event.a & TYPE_MASK, TYPE.DATA);
            }
            assert.is(reply.output.length, 0);
          };
          for (const place of more) send(place % parts.length);
          for (let index = parts.length - 1; index >= 0; index--) send(index);
          for (const place of more) send(place % parts.length);
          assert.is(told, 1);
          // Once it is taken each part is answered as any frame of its id.
          each.answer(1, abi.ACK_OK);
          const again = each.receive(fragment(each, 1, parts[0]!, counter));
          assert.is(again.output.length, 1);
          assert.equal(messages(again), []);
        }),
        { numRuns: 60 },
      );
    });

    test(`${v.name}, ${role}: ids, refusals and gaps`, () => {
      const each = make(), { next } = each.receiver;
      const first = { index: 0, bytes: ascii('abc') }, last = { index: 1, bytes: ascii('de') };
      // One behind the next is a gap, answered once, and not remembered.
      const gap = each.receive(fragment(each, 2, first, next));
      assert.equal(kinds(gap), [abi.EV_REFUSED]);
      assert.is(gap.output.length, 1);
      assert.equal(each.receive(fragment(each, 2, last, next + 1n)).output, [], 'it says the same');
      assert.equal(kinds(each.receive(fragment(each, 1, last, next + 2n))), [abi.EV_FRAGMENT]);
      // The same id as a whole, before its parts are complete: the message itself.
      const data = each.fromPeer({ type: TYPE.DATA | WANTED, time: CLOCK, counter: next + 3n, body: writeLed(1, 0, ascii('abcde')) });
      assert.is(messages(each.receive(data)).length, 1);
      assert.equal(kinds(each.receive(fragment(each, 1, first, next + 4n))), [], 'it awaits its verdict');
      assert.is(each.answer(1, abi.ACK_BUSY).output.length, 1);
      // Busy forgot it. The part that came before it came whole is the same message's, and counts; then SKIP takes its place.
      assert.equal(kinds(each.receive(fragment(each, 1, first, next + 5n))), [abi.EV_FRAGMENT, abi.EV_MESSAGE]);
      each.answer(1, abi.ACK_BUSY);
      const skip = each.fromPeer({ type: TYPE.SKIP | WANTED, time: CLOCK, counter: next + 6n, body: writeLed(1, 0, new Uint8Array()) });
      assert.is(messages(each.receive(skip)).length, 1);
      each.answer(1, abi.ACK_OK);
      // What was half there of id 1 is no part of id 2.
      assert.equal(kinds(each.receive(fragment(each, 2, last, next + 7n))), [abi.EV_FRAGMENT]);
      const whole = messages(each.receive(fragment(each, 2, first, next + 8n)));
      assert.is(new TextDecoder().decode(whole[0]!.bytes), 'abcde');
      each.answer(2, abi.ACK_REFUSED);
      // A final refusal answers every part, until SKIP.
      const refused = each.receive(fragment(each, 2, first, next + 9n));
      assert.is(refused.output.length, 1);
      assert.equal(kinds(refused), []);
    });

    test(`${v.name}, ${role}: split otherwise after the path changed, it begins anew; a lie of the count never completes`, () => {
      const each = make();
      let counter = each.receiver.next;
      const body = pattern(90);
      const [a0, a1] = split(TYPE.DATA, body, 2), b = split(TYPE.DATA, body, 3);
      const send = (part: Part) => each.receive(fragment(each, 1, part, counter++));
      send(a0!);
      send(b[0]!);
      send(b[1]!);
      assert.equal(messages(send(a1!)), [], 'one of each split is not the whole');
      send(b[2]!);
      assert.equal(messages(send(b[0]!)), []);
      const whole = messages(send(b[1]!));
      assert.is(hex(whole[0]!.bytes!), hex(body));
    });

    test(`${v.name}, ${role}: outside the window a part is answered stale, and counts for nothing`, () => {
      const each = make();
      const stale = each.fromPeer({
        type: FRAGMENT, time: CLOCK + WINDOW_MS + 1, counter: each.receiver.next, body: writeLed(1, 0, writePart(split(TYPE.DATA, ascii('ab'), 2)[0]!)),
      });
      const told = each.receive(stale);
      assert.equal(kinds(told), [abi.EV_REFUSED]);
      const { toDevice, toGateway } = handshakes.find(({ name }) => name === v.name)!;
      const from = { ...(role === 'gateway' ? toDevice : toGateway), window: new ReplayWindow(), own: CLOCK, life: 2 ** 40, largest: 64 };
      const ack = open({ ...from, next: role === 'gateway' ? 1n : 0n }, told.output[0]!)!;
      assert.equal(readAck(ack.body), { id: 1, status: STATUS.stale });
    });
  }
}

/** A world whose links carry `budget` bytes a datagram; its messages are long. */
function world(budget: number): World {
  const made = new World({ link: 'datagram', deviceBuild: 'core-gateway' });
  made.start();
  made.deliverAll();
  made.device.view.setUint16(made.device.slot + abi.S_BUDGET, budget, true);
  return made;
}

const long = (n: number) => `${n} ${'x'.repeat(300)}`;

test('a lost part: what follows it makes the sender go back at once, and the parts that have come still count', () => {
  const each = world(150);
  each.sendUp('first');
  each.deliverAll();
  each.sendUp(long(1));
  each.sendUp(long(2));
  each.up.splice(1, 1);
  each.deliverAll();
  assert.equal(each.gatewayIn.taken, ['first', long(1), long(2)]);
});

test('every part of a message lost again and again: repeated with backoff four times, then the link counts as lost', () => {
  const each = world(150);
  each.sendUp(long(1));
  each.up = [];
  let repeats = 0;
  each.advance(120_000, () => {
    const parts = each.up.filter(({ bytes }) => (bytes[0]! & TYPE_MASK) === TYPE.FRAGMENT).length;
    repeats += parts / 3;
    each.up = [];
    each.down = [];
  });
  assert.is(repeats, 4);
  assert.ok(each.log.some(({ side: at, kind }) => at === 'device' && kind === abi.EV_DISCONNECT));
});

test('half of a message is forgotten after 60 s without a new part; its host is told to', () => {
  for (const role of ROLES) {
    const device = role === 'device' ? vectorDevice(sealed, { build: 'core-gateway' }) : undefined;
    const gateway = role === 'gateway' ? vectorGateway(sealed) : undefined;
    const slot = gateway ? proveToGateway(gateway, sealed) : 0;
    if (device) readyAtDevice(device, sealed);
    const machine = (device ?? gateway)!;
    const each = side(sealed, role, { clock: CLOCK });
    machine.now = (role === 'device' ? 1_000 : 5_000) + CLOCK;
    const bytes = fragment(each, 1, { index: 0, bytes: ascii('abc') }, role === 'device' ? 1n : 0n);
    const told = device ? device.receive(bytes) : gateway!.receive(slot, bytes);
    assert.equal(kinds(told), [abi.EV_FRAGMENT], role);
    const due = () => (device ? device.poll().events : (gateway!.tick().get(slot)?.events ?? [])).filter(({ kind }) => kind === abi.EV_FRAGMENT);
    machine.now += 59_999;
    assert.equal(due(), [], role);
    machine.now += 1;
    assert.equal(due().map(({ b, d, e }) => [b, d, e]), [[0, 1, 0]], role);
    assert.equal(due(), [], role);
  }
});

test('100 messages of any length, 30 % of the datagrams lost, some doubled and out of order: each once, in order', () => {
  let seed = 7;
  const random = () => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
  const each = world(200);
  const sent: string[] = [];
  const spoil = (packets: World['up']) => {
    for (let i = packets.length - 1; i >= 0; i--) {
      if (random() < 0.3) packets.splice(i, 1);
      else if (random() < 0.1) packets.splice(i, 0, packets[i]!);
      if (i > 0 && i < packets.length && random() < 0.1) [packets[i], packets[i - 1]] = [packets[i - 1]!, packets[i]!];
    }
  };
  for (let n = 0; n < 100; n++) {
    sent.push(`${n} ${'y'.repeat(Math.floor(random() * 700))}`);
    each.sendUp(sent.at(-1)!);
  }
  for (let turn = 0; turn < 2_000 && each.gatewayIn.taken.length < 100; turn++) {
    each.advance(1_000, () => {
      spoil(each.up);
      spoil(each.down);
      each.deliverAll();
    });
  }
  assert.equal(each.gatewayIn.taken, sent);
});

test.run();
