// HELLO, CHALLENGE and PROOF where something is wrong with them: every bit, every length, every field.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ascii, concat, unhex } from '../reference/bytes.js';
import { challengeFrame, helloFrame, proofFrame, readChallengeBody, readHello, writeHello } from '../reference/handshake.js';
import { isIdentity } from '../reference/identity.js';
import { schedule } from '../reference/keys.js';
import { abi } from './engine/engine.js';
import { ADDRESS, EngineGateway } from './engine/gateway.js';
import { both, challengedDevice, challengingGateway, datagram, refused, stream } from './engine/handshakes.js';
import { vectorGateway, vectors } from './engine/vector-file.js';

const flipped = (bytes: Uint8Array, bit: number) => bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));

test('identities', () => {
  const gateway = new EngineGateway();
  const input = gateway.u32(gateway.g + abi.G_IN);
  for (const { bytes, valid } of vectors.numbers.identities) {
    const identity = unhex(bytes);
    gateway.write(input, identity);
    assert.is(gateway.call('is_identity', identity.length), valid ? 1 : 0, bytes);
  }
  // Every byte alone, and behind a letter: nothing but what the reference takes.
  for (let byte = 0; byte < 256; byte++) {
    for (const identity of [Uint8Array.of(byte), Uint8Array.of(0x61, byte), Uint8Array.of(0xc2, byte), Uint8Array.of(0x61, 0x2f, byte)]) {
      gateway.write(input, identity);
      assert.is(gateway.call('is_identity', identity.length), isIdentity(identity) ? 1 : 0, identity.join());
    }
  }
});

test('HELLO: what a gateway refuses, in silence', () => {
  for (const v of both) {
    const h = readHello(unhex(v.frames.hello).slice(v.link === 'stream' ? 2 : 1), v.hello.link);
    const bytes = writeHello(h);
    const frame = (change: Partial<typeof h>) => helloFrame(v.link, writeHello({ ...h, ...change }));
    const raw = (body: Uint8Array) => (v.link === 'stream' ? concat(Uint8Array.of(0x81, body.length), body) : concat(Uint8Array.of(0x81), body));
    const padding = v.link === 'stream' ? 0 : 48 - bytes.length;
    const spoiledPadding = concat(bytes, new Uint8Array(padding));
    spoiledPadding[47] = 1;
    const cases: [string, Uint8Array, number][] = [
      ['version 0', frame({ version: 0 }), abi.REFUSED_HELLO],
      ['version 2', frame({ version: 2 }), abi.REFUSED_HELLO],
      ['the other link', frame({ link: h.link ^ abi.LINK_DATAGRAM }), abi.REFUSED_HELLO],
      ['inside TLS', frame({ link: h.link ^ abi.LINK_TLS }), abi.REFUSED_HELLO],
      ['unknown link bit', frame({ link: h.link | 4 }), abi.REFUSED_HELLO],
      ['no suites', frame({ suites: 0 }), abi.REFUSED_NO_SUITE],
      ['unknown suites', frame({ suites: 0xf8 }), abi.REFUSED_NO_SUITE],
      ['suites that are not allowed', frame({ suites: 6 }), abi.REFUSED_NO_SUITE],
      ['identity of 65 bytes', frame({ identity: ascii('p'.repeat(65)) }), abi.REFUSED_HELLO],
      ['identity with a control character', frame({ identity: ascii('pump\n') }), abi.REFUSED_HELLO],
      ['no identity', raw(concat(bytes.slice(0, 26), new Uint8Array(v.link === 'stream' ? 1 : 22))), abi.REFUSED_HELLO],
      ['identity longer than the frame', raw(concat(bytes.slice(0, 26), Uint8Array.of(64), bytes.slice(27), new Uint8Array(padding))), abi.REFUSED_HELLO],
      ['shorter than its fields', raw(bytes.slice(0, 20)), abi.REFUSED_HELLO],
      ['empty', raw(new Uint8Array()), abi.REFUSED_HELLO],
      ...(v.link === 'stream'
        ? ([
            ['padding', raw(concat(bytes, new Uint8Array(1))), abi.REFUSED_HELLO],
            ['length in a longer form', concat(Uint8Array.of(0x81, bytes.length | 128, 0), bytes), abi.REFUSED_HELLO],
            ['length of 92', Uint8Array.of(0x81, 92), abi.REFUSED_HELLO],
            ['length of 16,383', Uint8Array.of(0x81, 0xff, 0x7f), abi.REFUSED_HELLO],
          ] as [string, Uint8Array, number][])
        : ([
            ['a byte short of CHALLENGE', raw(concat(bytes, new Uint8Array(padding - 1))), abi.REFUSED_HELLO],
            ['padding that is not zero', raw(spoiledPadding), abi.REFUSED_HELLO],
          ] as [string, Uint8Array, number][])),
      ['another type', concat(Uint8Array.of(0x82), frame({}).slice(1)), abi.REFUSED_STATE],
      ['a flag', concat(Uint8Array.of(0xa1), frame({}).slice(1)), abi.REFUSED_STATE],
      ['DATA', concat(Uint8Array.of(0x88), frame({}).slice(1)), abi.REFUSED_STATE],
    ];
    for (const [name, bad, reason] of cases) {
      const gateway = vectorGateway(v, { suites: abi.SUITE_SEALED, suitesTls: abi.SUITE_SEALED });
      const slot = gateway.open(v.hello.link);
      refused(gateway, gateway.receive(slot, bad), reason, v, `${v.link}, ${name}`);
      if (v.link === 'datagram') assert.is(gateway.receive(slot, unhex(v.frames.hello)).output.length, 1, 'the next HELLO is answered');
    }
  }
});

test('a datagram is never answered with more than it brought', () => {
  const gateway = vectorGateway(datagram);
  const slot = gateway.open(abi.LINK_DATAGRAM);
  for (const identity of ['p', 'p'.repeat(21), 'p'.repeat(22), 'p'.repeat(64)]) {
    const hello = helloFrame('datagram', writeHello({
      version: 1, link: 1, suites: 7, nonce: new Uint8Array(16).fill(9), outbox: 1, largest: 512, keyId: 0, identity: ascii(identity),
    }));
    const { output } = gateway.receive(slot, hello);
    assert.is(output.length, 1);
    assert.ok(output[0]!.length <= hello.length, identity);
  }
});

test('every bit of HELLO, CHALLENGE, PROOF and READY: no session', () => {
  for (const v of vectors.handshakes) {
    const hello = unhex(v.frames.hello), challenge = unhex(v.frames.challenge), proof = unhex(v.frames.proof), ready = unhex(v.frames.ready);
    // HELLO: the gateway refuses it, or waits for more, or its CHALLENGE fails at the device.
    const gateway = vectorGateway(v);
    const listener = gateway.open(v.hello.link);
    const fresh = gateway.snapshot();
    const device = challengedDevice(v);
    const waiting = device.snapshot();
    for (let bit = 0; bit < hello.length * 8; bit++) {
      gateway.restore(fresh);
      device.restore(waiting);
      const told = gateway.receive(listener, flipped(hello, bit));
      for (const answer of told.output) assert.is(device.receive(answer).output.length, 0, `HELLO, bit ${bit}`);
      assert.is.not(device.state, abi.STATE_PROVED, `${v.name}, HELLO, bit ${bit}`);
    }
    for (let bit = 0; bit < challenge.length * 8; bit++) {
      device.restore(waiting);
      const told = device.receive(flipped(challenge, bit));
      assert.is(told.output.length, 0, `${v.name}, CHALLENGE, bit ${bit}`);
      assert.is.not(device.state, abi.STATE_PROVED);
    }
    gateway.restore(fresh);
    if (v.link === 'stream') gateway.receive(listener, hello);
    const challenged = gateway.snapshot();
    for (let bit = 0; bit < proof.length * 8; bit++) {
      gateway.restore(challenged);
      const told = gateway.receive(listener, flipped(proof, bit));
      assert.is(told.output.length, 0, `${v.name}, PROOF, bit ${bit}`);
      assert.ok(!told.events.some(({ kind }) => kind === abi.EV_PROVED));
    }
    device.restore(waiting);
    device.receive(challenge);
    const proved = device.snapshot();
    for (let bit = 0; bit < ready.length * 8; bit++) {
      device.restore(proved);
      const told = device.receive(flipped(ready, bit));
      assert.is.not(device.state, abi.STATE_ONLINE, `${v.name}, READY, bit ${bit}`);
      assert.ok(!told.events.some(({ kind }) => kind === abi.EV_ONLINE));
    }
  }
});

test('CHALLENGE: what a device refuses', () => {
  for (const v of both) {
    const body = unhex(v.frames.challenge).slice(v.link === 'stream' ? 2 : 1);
    const { challenge, c } = readChallengeBody(body, v.hello.suites);
    const frame = (bytes: Uint8Array, type = 0x82) =>
      v.link === 'stream' ? concat(Uint8Array.of(type, bytes.length), bytes) : concat(Uint8Array.of(type), bytes);
    // Under the right key, but saying something else.
    const said = (change: (bytes: Uint8Array) => void) => {
      const other = c.slice();
      change(other);
      return challengeFrame(v.link, other, schedule(unhex(v.deviceKey), unhex(v.H), other).gatewayProof);
    };
    assert.is(challenge.version, 1);
    const cases: [string, Uint8Array, number][] = [
      ['47 bytes', frame(body.slice(0, 47)), abi.REFUSED_MALFORMED],
      ['49 bytes', frame(concat(body, new Uint8Array(1))), abi.REFUSED_MALFORMED],
      ['version 2', said((bytes) => (bytes[0] = 2)), abi.REFUSED_CHALLENGE],
      ['no suite', said((bytes) => (bytes[1] = 0)), abi.REFUSED_CHALLENGE],
      ['a suite that was not offered', said((bytes) => (bytes[1] = 8)), abi.REFUSED_CHALLENGE],
      ['two suites', said((bytes) => (bytes[1] = 3)), abi.REFUSED_CHALLENGE],
      ['another key', challengeFrame(v.link, c, schedule(new Uint8Array(32), unhex(v.H), c).gatewayProof), abi.REFUSED_CHALLENGE],
      ['the proof of the device', challengeFrame(v.link, c, unhex(v.deviceProof)), abi.REFUSED_CHALLENGE],
      ['READY', frame(body, 0x84), abi.REFUSED_STATE],
      ['HELLO', frame(body, 0x81), abi.REFUSED_STATE],
      ['a flag', frame(body, 0xa2), abi.REFUSED_STATE],
    ];
    for (const [name, bad, reason] of cases) {
      const device = challengedDevice(v);
      const told = device.receive(bad);
      refused(device, told, reason, v, `${v.link}, ${name}`);
      if (v.link === 'datagram') assert.is(device.receive(unhex(v.frames.challenge)).output.length, 1, 'the true one is taken');
    }
  }
});

test('CHALLENGE on datagrams: the eighth bad one ends the try', () => {
  const device = challengedDevice(datagram);
  const bad = flipped(unhex(datagram.frames.challenge), 100);
  for (let i = 1; i <= 7; i++) {
    assert.equal(device.receive(bad).events.map(({ kind }) => kind), [abi.EV_REFUSED]);
  }
  const told = device.receive(bad);
  assert.equal(told.events.map(({ kind }) => kind), [abi.EV_REFUSED, abi.EV_DISCONNECT]);
  assert.is(device.state, abi.STATE_WAITING);
  assert.is(device.counters()[abi.REFUSED_CHALLENGE], 8);
});

test('PROOF: wrong length, wrong time, wrong gateway, wrong address', () => {
  const proof = unhex(stream.deviceProof);
  for (const [name, bad, reason] of [
    ['15 bytes', concat(Uint8Array.of(0x83, 15), proof.slice(1)), abi.REFUSED_BAD_PROOF],
    ['empty', Uint8Array.of(0x83, 0), abi.REFUSED_BAD_PROOF],
    ["the gateway's", proofFrame('stream', new Uint8Array(), new Uint8Array(), unhex(stream.gatewayProof)), abi.REFUSED_BAD_PROOF],
    ['a second HELLO', unhex(stream.frames.hello), abi.REFUSED_STATE],
    ['DATA', unhex(stream.frames.first), abi.REFUSED_STATE],
  ] as [string, Uint8Array, number][]) {
    const { gateway, slot } = challengingGateway(stream);
    refused(gateway, gateway.receive(slot, bad), reason, stream, name);
  }

  const h = unhex(datagram.H), c = unhex(datagram.C), good = unhex(datagram.frames.proof);
  const other = schedule(new Uint8Array(32), h, c).deviceProof;
  const cases: [string, Uint8Array, number, { secret?: Uint8Array; wait?: number; address?: Uint8Array }][] = [
    ['another key', proofFrame('datagram', h, c, other), abi.REFUSED_BAD_PROOF, {}],
    ['a byte more', concat(good, new Uint8Array(1)), abi.REFUSED_HELLO, {}],
    ['a byte less', good.slice(0, -1), abi.REFUSED_HELLO, {}],
    ['empty', Uint8Array.of(0x83), abi.REFUSED_HELLO, {}],
    ['another gateway', good, abi.REFUSED_OLD_CHALLENGE, { secret: new Uint8Array(32).fill(1) }],
    ['another address', good, abi.REFUSED_OLD_CHALLENGE, { address: ADDRESS.map((byte, i) => (i === 15 ? 2 : byte)) }],
    ['another port', good, abi.REFUSED_OLD_CHALLENGE, { address: ADDRESS.map((byte, i) => (i === 17 ? byte ^ 1 : byte)) }],
    ['10,001 ms old', good, abi.REFUSED_OLD_CHALLENGE, { wait: 10_001 }],
  ];
  for (const [name, bad, reason, { secret, wait, address }] of cases) {
    const gateway = vectorGateway(datagram, secret && { secret });
    const slot = gateway.open(abi.LINK_DATAGRAM);
    if (!secret) gateway.receive(slot, unhex(datagram.frames.hello));
    gateway.now += wait ?? 20;
    gateway.write(gateway.g + abi.G_ADDRESS, address ?? ADDRESS);
    refused(gateway, gateway.receive(slot, bad, address), reason, datagram, name);
  }
  const gateway = vectorGateway(datagram);
  const slot = gateway.open(abi.LINK_DATAGRAM);
  gateway.receive(slot, unhex(datagram.frames.hello));
  gateway.now += 10_000;
  assert.is(gateway.receive(slot, good).output.length, 1, '10,000 ms old: READY');
});

test.run();
