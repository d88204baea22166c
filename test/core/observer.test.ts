// Who reads along: with the device's key it opens every session of the vectors, and of any frame it says what the receiver does.

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Observer, type Direction } from 'tidelock/core';
import { REPEAT, TYPE, WANTED, writeAck, writeClose, writeLed, writePing, writePong } from '../reference/bodies.js';
import { concat, hex, unhex } from '../reference/bytes.js';
import { writeDeliver, writeRoute } from '../reference/topics.js';
import { abi } from './engine/engine.js';
import { REASON, ROLES, side } from './engine/side.js';
import { type HandshakeVector, vectors } from './engine/vector-file.js';

const WINDOW = 2_000;
const observer = new Observer();

/** A handshake frame's body. */
const bodyOf = (v: HandshakeVector, name: 'hello' | 'challenge' | 'proof'): Uint8Array => unhex(v.frames[name]).slice(v.link === 'stream' ? 2 : 1);

/** Session 0 with its key, READY taken. */
function opened(v: HandshakeVector, timed = true): void {
  observer.open(0, { datagram: v.link === 'datagram', timed });
  assert.is(observer.hello(0, bodyOf(v, 'hello')), abi.OK);
  assert.is(observer.challenge(0, bodyOf(v, 'challenge'), 0), abi.OK);
  assert.ok(observer.key(0, unhex(v.deviceKey)));
  assert.is(observer.proof(0, bodyOf(v, 'proof'), 5), abi.OK);
  assert.is(observer.frame(0, 'to device', unhex(v.frames.ready), 0, v.ready.time).status, abi.OK);
}

for (const v of vectors.handshakes) {
  test(`${v.name}: proofs, READY and the first frame hold`, () => {
    opened(v);
    const { status, found } = observer.frame(0, 'to gateway', unhex(v.frames.first), 0, v.first.time);
    assert.is(status, abi.OK);
    assert.is(hex(found.body), v.first.body);
    assert.is(found.time, v.first.time);
    assert.is(found.counter, 0n);
    assert.is(found.total, unhex(v.frames.first).length);
  });

  test(`${v.name}: another key is told, and wipes nothing that the right one needs`, () => {
    observer.open(1, { datagram: v.link === 'datagram', timed: false });
    observer.hello(1, bodyOf(v, 'hello'));
    observer.challenge(1, bodyOf(v, 'challenge'), 0);
    const wrong = unhex(v.deviceKey);
    wrong[31]! ^= 1;
    assert.not(observer.key(1, wrong));
    assert.is(observer.frame(1, 'to device', unhex(v.frames.ready), 0, 0).status, abi.E_STATE);
    assert.ok(observer.key(1, unhex(v.deviceKey)));
    const spoiled = bodyOf(v, 'proof');
    spoiled[spoiled.length - 1]! ^= 1;
    assert.is(observer.proof(1, spoiled, 0), abi.REFUSED_BAD_PROOF);
    assert.is(observer.proof(1, bodyOf(v, 'proof'), 0), abi.OK);
    assert.is(observer.frame(1, 'to device', unhex(v.frames.ready), 0, 0).status, abi.OK);
  });

  test(`${v.name}: no spoiled byte of a handshake leads to a session`, () => {
    for (const name of ['hello', 'challenge'] as const) {
      const length = bodyOf(v, name).length;
      for (let at = 0; at < length; at++) {
        observer.open(1, { datagram: v.link === 'datagram', timed: false });
        const bodies = { hello: bodyOf(v, 'hello'), challenge: bodyOf(v, 'challenge') };
        bodies[name][at]! ^= 0x10;
        const taken = observer.hello(1, bodies.hello) === abi.OK && observer.challenge(1, bodies.challenge, 0) === abi.OK;
        assert.not(taken && observer.key(1, unhex(v.deviceKey)), `${name}, byte ${at}`);
      }
    }
  });

  if (v.link === 'datagram') {
    test(`${v.name}: PROOF alone, which brings H and C, is enough`, () => {
      observer.open(2, { datagram: true, timed: false });
      assert.is(observer.proof(2, bodyOf(v, 'proof'), 0), abi.OK);
      assert.ok(observer.key(2, unhex(v.deviceKey)));
      assert.is(observer.frame(2, 'to device', unhex(v.frames.ready), 0, 0).status, abi.OK);
      const other = bodyOf(v, 'proof');
      other[3]! ^= 1; // a nonce of another HELLO
      assert.is(observer.proof(2, other, 0), abi.REFUSED_OLD_CHALLENGE);
    });
  }
}

test('frames that are missing are stepped over, and no more than said', () => {
  const v = vectors.handshakes.find(({ link }) => link === 'stream')!;
  const sender = side(v, 'gateway');
  const frame = (counter: number) => sender.fromPeer({ type: TYPE.DATA, body: Uint8Array.of(counter), time: 100, counter: BigInt(counter) });
  opened(v);
  assert.is(observer.frame(0, 'to gateway', frame(3), 0, 100).status, abi.REFUSED_BAD_TAG);
  assert.is(observer.frame(0, 'to gateway', frame(3), 3, 100).status, abi.OK);
  assert.is(observer.frame(0, 'to gateway', frame(4), 0, 100).status, abi.OK);
  assert.is(observer.frame(0, 'to gateway', frame(4), 0, 100).status, abi.REFUSED_BAD_TAG);
});

test('a stream is split without a key, with every length that it may have', () => {
  const v = vectors.handshakes.find(({ name }) => /signed-8/.test(name) && /stream/.test(name)) ?? vectors.handshakes[0]!;
  const sender = side(v, 'gateway');
  for (const bytes of [0, 1, 127, 128, 16_383]) {
    const frame = sender.fromPeer({ type: TYPE.DATA, body: new Uint8Array(bytes), time: 0x123456 });
    const tag = v.suite === 'signed-8' ? 8 : 16;
    for (const available of [frame.length, 6]) {
      const { status, found } = observer.split(frame.slice(0, available), tag);
      assert.is(status, frame.length > available ? abi.E_PARTIAL : abi.OK);
      assert.is(found.total, frame.length);
      assert.is(found.bytes, bytes);
    }
    for (let available = 0; available < 2; available++) assert.ok(observer.split(frame.slice(0, available), tag).found.total === 0);
  }
  assert.is(observer.split(Uint8Array.of(0x48, 0x49), 16).status, abi.REFUSED_MALFORMED);
  assert.is(observer.split(Uint8Array.of(0x88, 0x80, 0), 16).status, abi.REFUSED_MALFORMED);
  assert.is(observer.split(Uint8Array.of(0x88, 0xff, 0xff), 16).status, abi.REFUSED_TOO_LONG);
});

test('a session beyond those that there is room for grows the memory; one beyond all is an error', () => {
  observer.open(3_000, { datagram: false, timed: false });
  assert.is(observer.hello(3_000, bodyOf(vectors.handshakes[0]!, 'hello')), abi.OK);
  assert.throws(() => observer.open(65_536, { datagram: false, timed: false }), /ob_open/);
});

// ---- Of any frame under the right keys it says what the receiver says ----

const CLOCK = 20_000_000; // beyond 24 bits

const small = fc.oneof(fc.constantFrom(0, 1, 2, 64, 2 ** 31, 2 ** 32 - 1), fc.nat(10));
const body = fc.oneof(
  fc.uint8Array({ maxLength: 24 }),
  fc.tuple(small, fc.oneof(fc.nat(300), fc.constantFrom(2 ** 21, 2 ** 28 - 1)), fc.uint8Array({ maxLength: 24 })).map(([id, age, rest]) => writeLed(id, age, rest)),
  fc.tuple(small, fc.nat(255)).map(([id, status]) => writeAck({ id, status })),
  fc.bigInt(0n, 2n ** 64n - 1n).map(writePing),
  fc.tuple(small, small).map(([receive, send]) => writePong({ t1: 1n, receive, send })),
  fc.tuple(fc.nat(255), fc.nat(65_535)).map(([reason, after]) => writeClose(reason, after, 'why')),
  // Parts of messages, right and wrong.
  fc.tuple(fc.nat(40), fc.nat(5), fc.nat(20), fc.nat(5), fc.uint8Array({ maxLength: 12 })).map(([type, count, length, index, rest]) => writeLed(1, 0, Uint8Array.of(type, count, 0, length, index, ...rest))),
  fc.tuple(fc.boolean(), fc.constantFrom('a', 'temp/inlet', '', '#', 'a\0', 'ü', '\uffff'), fc.nat(2)).map(([up, topic, value]) => (up ? writeRoute(value, topic, Uint8Array.of(1)) : writeDeliver(topic, value, Uint8Array.of(1)))),
  fc.constantFrom(new Uint8Array(14), new Uint8Array(512), new Uint8Array(513), new Uint8Array(16_383)),
);
const step = fc.record({
  type: fc.oneof({ weight: 3, arbitrary: fc.nat(31) }, { weight: 1, arbitrary: fc.constantFrom(TYPE.PING as number, 19, TYPE.ROUTE, TYPE.DELIVER) }),
  flags: fc.constantFrom(0, 0, WANTED, WANTED, REPEAT, WANTED | REPEAT),
  body: fc.tuple(body, fc.constantFrom('', '', '', 'cut', 'more')).map(([made, how]) => (how === 'cut' ? made.slice(0, -1) : how === 'more' ? concat(made, Uint8Array.of(0)) : made)),
  off: fc.constantFrom(0, 0, 0, WINDOW, WINDOW + 1, -WINDOW, -WINDOW - 1, 2 ** 23 - 1, 2 ** 23, -(2 ** 23)),
  ahead: fc.constantFrom(0, 0, 0, 0, -1, -63, -64, -65, 1, 64),
  flip: fc.option(fc.nat(400), { freq: 6 }),
});
/** What a receiver knows and who reads along does not: the record of ids, and the one PING that is outstanding. */
const PRIVATE = [REASON.order, REASON.pong];

test('of any frame the observer says what its receiver does with it', () => {
  const sides = vectors.handshakes.flatMap((v) => ROLES.map((role) => ({ v, role, each: side(v, role, { clock: CLOCK }) })));
  fc.assert(
    fc.property(fc.integer({ min: 0, max: sides.length - 1 }), fc.array(step, { minLength: 1, maxLength: 8 }), (index, steps) => {
      const { v, role, each } = sides[index]!;
      const direction: Direction = role === 'gateway' ? 'to gateway' : 'to device';
      each.reset();
      opened(v);
      let next = each.receiver.next;
      for (const { type, flags, body: made, off, ahead, flip } of steps) {
        const counter = next + BigInt(ahead);
        if (counter < 0n || (v.link === 'datagram' && type >= 1 && type <= 3)) continue;
        const frame = each.fromPeer({ type: type | flags, body: made, time: CLOCK + off, counter });
        if (flip !== null) frame[flip % frame.length]! ^= 1 << (flip & 7);
        if (v.link === 'datagram' && frame[0]! <= 0x83) continue;
        if (v.link === 'datagram' && role === 'device' && frame.length > 540) continue; // does not fit this device's buffer
        const before = each.refusals();
        each.receive(frame);
        const reasons = each.refusals().flatMap((count, reason) => (count > before[reason]! ? [reason] : []));
        const { status } = observer.frame(0, direction, frame, 0, CLOCK);
        const label = `${v.name}, ${role}: ${hex(frame).slice(0, 80)}`;
        // What a spoiled length asks for has not come.
        if (status === abi.E_PARTIAL) {
          assert.equal(reasons, [], label);
          return;
        }
        assert.equal(status === abi.OK ? [] : [status], reasons.filter((reason) => !PRIVATE.includes(reason)), label);
        if (!each.online()) return;
        if (!reasons.some((reason) => [REASON['bad tag'], REASON.replay, REASON['too long'], REASON['time out of range'], REASON.state].includes(reason)) && counter >= next) next = counter + 1n;
      }
    }),
    { numRuns: 4_000, seed: 8_433 },
  );
});

test.run();
