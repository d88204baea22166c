// The handshake where something is wrong with it: every bit, every length, every age, every order.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TYPE, WANTED, writeClose, writeLed, writeReady } from '../reference/bodies.js';
import { ascii, concat, unhex } from '../reference/bytes.js';
import { open, seal } from '../reference/frame.js';
import { challengeFrame, helloFrame, proofFrame, readChallengeBody, readHello, writeHello } from '../reference/handshake.js';
import { fakeKey, schedule } from '../reference/keys.js';
import { isIdentity } from '../reference/identity.js';
import { handshakes } from '../reference/vectors-handshake.js';
import { ReplayWindow } from '../reference/window.js';
import { type Told, abi } from './engine/engine.js';
import { EngineDevice } from './engine/device.js';
import { ADDRESS, EngineGateway, NO_RECEIPTS } from './engine/gateway.js';
import { type HandshakeVector, ROUND_TRIP, proveToGateway, readyAtDevice, vectorDevice, vectorGateway, vectors } from './engine/vector-file.js';

const stream = vectors.handshakes.find(({ name }) => name === 'stream sealed')!;
const datagram = vectors.handshakes.find(({ name }) => name === 'datagram sealed')!;
const both = [stream, datagram];
const flipped = (bytes: Uint8Array, bit: number) => bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);

/** One refusal for this reason, nothing said; a stream is over. */
function refused(machine: { counters(): number[] }, told: Told, reason: number, v: HandshakeVector, label: string): void {
  const counts = machine.counters();
  assert.is(counts[reason], 1, `${label}: ${counts}`);
  assert.is(sum(counts), 1, `${label}: ${counts}`);
  assert.is(told.output.length, 0, label);
  const kinds = told.events.map(({ kind }) => kind).filter((kind) => kind !== abi.EV_HELLO);
  assert.equal(kinds, v.link === 'stream' ? [abi.EV_REFUSED, abi.EV_DISCONNECT] : [abi.EV_REFUSED], label);
}

function challengedDevice(v: HandshakeVector, more = {}): EngineDevice {
  const device = vectorDevice(v, more);
  device.start();
  device.connected();
  device.now += ROUND_TRIP;
  return device;
}

function challengingGateway(v: HandshakeVector, more = {}): { gateway: EngineGateway; slot: number } {
  const gateway = vectorGateway(v, more);
  const slot = gateway.open(v.hello.link);
  const { output } = gateway.receive(slot, unhex(v.frames.hello));
  assert.is(output.length, 1);
  return { gateway, slot };
}

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

test('round trip: the limit, and a millisecond more', () => {
  for (const v of both) {
    for (const [limit, most] of [[0, 2_000], [300, 300], [10_000, 10_000]] as const) {
      for (const more of [0, 1]) {
        const device = vectorDevice(v, { roundTrip: limit });
        device.start();
        device.connected();
        const sent = device.now;
        device.now += most + more;
        if (device.now - sent > 9_999 + more) device.now -= 1; // at 10,000 ms the try has failed anyway
        const trip = device.now - sent;
        const told = device.receive(unhex(v.frames.challenge));
        if (trip <= most) assert.is(told.output.length, 1, `${limit}, ${trip}`);
        else refused(device, told, abi.REFUSED_ROUND_TRIP, v, `${limit}, ${trip}`);
      }
    }
  }
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

test('a stream has 10 s to prove itself', () => {
  for (const said of [0, 1]) {
    const gateway = vectorGateway(stream);
    const slot = gateway.open(0);
    if (said) gateway.receive(slot, unhex(stream.frames.hello));
    gateway.now += 9_999;
    assert.is(gateway.tick().size, 0);
    gateway.now += 1;
    const told = gateway.tick().get(slot)!;
    assert.equal(told.events.map(({ kind, a }) => [kind, a]), [[abi.EV_DISCONNECT, abi.DOWN_TIMEOUT]]);
    assert.is(told.output.length, 0);
    assert.is(gateway.receive(slot, unhex(said ? stream.frames.proof : stream.frames.hello)).output.length, 0, 'too late');
    assert.is(gateway.state(slot), abi.STATE_ENDED);
  }
  // The same where the host's tick has not come yet: C is at most 10 s old.
  const { gateway, slot } = challengingGateway(stream);
  gateway.now += 10_001;
  const told = gateway.receive(slot, unhex(stream.frames.proof));
  assert.ok(!told.events.some(({ kind }) => kind === abi.EV_PROVED), 'a PROOF that comes 10,001 ms after CHALLENGE');
});

test('a device has 10 s for CHALLENGE and 10 s for READY', () => {
  for (const proved of [false, true]) {
    const device = challengedDevice(stream);
    if (proved) device.receive(unhex(stream.frames.challenge));
    device.now += proved ? 9_999 : 9_999 - ROUND_TRIP;
    assert.is(device.poll().wait, 1);
    device.now += 1;
    const told = device.poll();
    assert.equal(told.events.map(({ kind, a }) => [kind, a]), [[abi.EV_DISCONNECT, abi.DOWN_TIMEOUT]]);
    assert.is(device.state, abi.STATE_WAITING);
  }
});

test('an unknown identity is challenged like any other, and fails at PROOF', () => {
  for (const v of both) {
    const known = challengingGateway(v);
    const secret = v.gatewaySecret ? unhex(v.gatewaySecret) : new Uint8Array(32).fill(5);
    const gateway = vectorGateway(v, { key: () => undefined, secret });
    const slot = gateway.open(v.hello.link);
    const { output } = gateway.receive(slot, unhex(v.frames.hello));
    assert.is(output[0]!.length, v.frames.challenge.length / 2);
    const at = v.link === 'stream' ? 2 : 1;
    const c = output[0]!.slice(at, at + 32);
    // Its proof is that of the key that only this gateway can know.
    const fake = schedule(fakeKey(secret, ascii(v.hello.identity)), unhex(v.H), c);
    assert.equal(output[0]!.slice(at + 32), fake.gatewayProof);
    const proof = proofFrame(v.link, unhex(v.H), c, schedule(unhex(v.deviceKey), unhex(v.H), c).deviceProof);
    refused(gateway, gateway.receive(slot, proof), abi.REFUSED_BAD_PROOF, v, v.name);
    assert.is(known.gateway.state(known.slot), v.link === 'stream' ? abi.STATE_CHALLENGED : abi.STATE_FRESH);
  }
});

test('the epoch is raised so that it never repeats, and the clock stands at 0 all the same', () => {
  for (const v of both) {
    const epoch = BigInt(v.challenge.time);
    for (const [last, expected] of [[0n, epoch], [epoch - 1n, epoch], [epoch, epoch + 1n], [epoch + 500n, epoch + 501n]] as const) {
      const gateway = vectorGateway(v, { lastEpoch: () => last });
      const slot = gateway.open(v.hello.link);
      const { output } = gateway.receive(slot, unhex(v.frames.hello));
      const at = v.link === 'stream' ? 2 : 1;
      const { challenge } = readChallengeBody(output[0]!.slice(at), v.hello.suites);
      assert.is(challenge.time, expected);
      const c = output[0]!.slice(at, at + 32);
      const keys = schedule(unhex(v.deviceKey), unhex(v.H), c);
      gateway.now += 40;
      const ready = gateway.receive(slot, proofFrame(v.link, unhex(v.H), c, keys.deviceProof)).output[0]!;
      const direction = { ...handshakes.find(({ name }) => name === v.name)!.toDevice, session: challenge.session, keys: keys.toDevice };
      const opened = open({ ...direction, next: 0n, window: new ReplayWindow(), own: 40, life: 2 ** 31, largest: 512 }, ready)!;
      // On datagrams nothing was kept: the clock follows from C's time, and stands as far back as that was raised.
      const raised = v.link === 'stream' ? 0 : Number(expected - epoch);
      assert.is(opened.time, Math.max(0, 40 - raised), `${v.link}, last epoch ${last - epoch}`);
    }
  }
});

test('a PROOF that is not later than the live session takes nothing over', () => {
  for (const v of both) {
    const epoch = BigInt(v.challenge.time);
    for (const [liveEpoch, taken] of [[0n, true], [epoch - 1n, true], [epoch, false], [epoch + 1n, false]] as const) {
      const gateway = vectorGateway(v, { accept: () => ({ ...NO_RECEIPTS, liveEpoch }) });
      const slot = gateway.open(v.hello.link);
      gateway.receive(slot, unhex(v.frames.hello));
      gateway.now += 20;
      const told = gateway.receive(slot, unhex(v.frames.proof));
      assert.is(told.output.length, taken ? 1 : 0);
      assert.is(gateway.counters()[abi.REFUSED_OLD_CHALLENGE], taken ? 0 : 1);
      assert.is(gateway.state(slot), taken ? abi.STATE_ONLINE : abi.STATE_ENDED);
    }
  }
});

test('the device opens nothing before READY but READY and CLOSE', () => {
  for (const v of both) {
    const { toDevice } = handshakes.find(({ name }) => name === v.name)!;
    const at = { counter: 0n, time: 10 };
    const proved = () => {
      const device = challengedDevice(v);
      device.receive(unhex(v.frames.challenge));
      return device;
    };
    for (const [type, body] of [
      [TYPE.DATA, ascii('x')],
      [TYPE.DATA | WANTED, writeLed(1, 0, ascii('x'))],
      [TYPE.PING, new Uint8Array(8)],
      [TYPE.ACK, new Uint8Array(5)],
    ] as const) {
      const device = proved();
      refused(device, device.receive(seal(toDevice, { ...at, type, body })), abi.REFUSED_STATE, v, `${v.link}, type ${type}`);
      if (v.link === 'datagram') assert.is(device.receive(unhex(v.frames.ready)).events[0]!.kind, abi.EV_ONLINE);
    }
    const closed = proved();
    const told = closed.receive(seal(toDevice, { ...at, type: TYPE.CLOSE, body: writeClose(7, 5) }));
    assert.equal(told.events.map(({ kind, a }) => [kind, a]), [[abi.EV_CLOSED, abi.CLOSE_BUSY], [abi.EV_DISCONNECT, abi.DOWN_CLOSED]]);
    const wait = told.events[1]!.d;
    assert.ok(wait >= 5_000 && wait <= 10_000, `retry-after 5 s: ${wait} ms`);

    const short = proved();
    const ready = unhex(v.ready.body);
    const refusal = short.receive(seal(toDevice, { ...at, type: TYPE.READY, body: ready.slice(0, 13) }));
    assert.is(short.counters()[abi.REFUSED_MALFORMED], 1, 'READY of 13 bytes');
    assert.ok(!refusal.events.some(({ kind }) => kind === abi.EV_ONLINE));

    const longer = proved();
    const online = longer.receive(seal(toDevice, { ...at, type: TYPE.READY, body: concat(ready, ascii('later')) }));
    assert.is(online.events[0]!.kind, abi.EV_ONLINE, 'READY with more than is known');
    const again = longer.receive(seal(toDevice, { counter: 1n, time: 10, type: TYPE.READY, body: writeReady({ ...v.ready, outbox: 5 }) }));
    assert.equal(again, { events: [], output: [] }, 'a repeat says nothing new');
    assert.is(longer.inOutbox, v.ready.outbox);

    const stale = proved();
    stale.now += 5_000;
    stale.receive(seal(toDevice, { ...at, type: TYPE.READY, body: ready }));
    assert.is(stale.counters()[abi.REFUSED_STALE], 1, 'READY obeys the time rule');
    assert.is(stale.state, abi.STATE_PROVED);
  }
});

test('CLOSE in the place of READY', () => {
  for (const v of both) {
    const gateway = vectorGateway(v, { accept: () => false });
    const slot = gateway.open(v.hello.link);
    gateway.receive(slot, unhex(v.frames.hello));
    const told = gateway.receive(slot, unhex(v.frames.proof));
    const device = challengedDevice(v);
    device.receive(unhex(v.frames.challenge));
    const { events } = device.receive(told.output[0]!);
    assert.equal(events.map(({ kind, a }) => [kind, a]), [[abi.EV_CLOSED, abi.CLOSE_BUSY], [abi.EV_DISCONNECT, abi.DOWN_CLOSED]]);
  }
});

test('data behind PROOF: up to 1,024 bytes before READY, up to what READY says behind it', () => {
  for (const v of both) {
    const device = challengedDevice(v, { build: 'core-gateway' });
    device.receive(unhex(v.frames.challenge));
    device.send(new Uint8Array(1_025));
    assert.is(device.status, abi.E_STATE, 'not yet: READY may allow it');
    assert.is(device.send(new Uint8Array(1_024)).output.length, 1);
    device.receive(unhex(v.frames.ready));
    assert.is(device.send(new Uint8Array(1_025)).output.length, 1);
    device.send(new Uint8Array(16_384));
    assert.is(device.status, abi.E_TOO_LONG);
    assert.is(device.send(new Uint8Array(16_383)).output.length, 1);
    device.send(new Uint8Array(16_379), 1);
    assert.is.not(device.status, abi.OK, 'id and age count');
  }
});

test('a handshake byte by byte, and all at once', () => {
  for (const size of [1, 2, 7, 1_000]) {
    const pieces = (bytes: Uint8Array) => Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(i * size, (i + 1) * size));
    const gateway = vectorGateway(stream);
    const slot = gateway.open(0);
    const output: Uint8Array[] = [];
    for (const piece of pieces(unhex(stream.frames.hello))) output.push(...gateway.receive(slot, piece).output);
    gateway.now += stream.ready.time;
    let messages = 0;
    for (const piece of pieces(concat(unhex(stream.frames.proof), unhex(stream.frames.first)))) {
      const told = gateway.receive(slot, piece);
      output.push(...told.output);
      messages += told.events.filter(({ kind }) => kind === abi.EV_MESSAGE).length;
    }
    assert.equal(concat(...output), concat(unhex(stream.frames.challenge), unhex(stream.frames.ready)));
    assert.is(messages, 1);
    const device = challengedDevice(stream);
    for (const piece of pieces(concat(unhex(stream.frames.challenge), unhex(stream.frames.ready)))) device.receive(piece);
    assert.is(device.state, abi.STATE_ONLINE, `pieces of ${size}`);
  }
});

test('no session without randomness', () => {
  const device = vectorDevice(stream, { entropy: () => new Uint8Array(32) });
  device.start();
  assert.is(device.connected().output.length, 0);
  assert.is(device.status, abi.E_ENTROPY);
});

test('keys are gone when the session is', () => {
  const holds = (machine: { snapshot(): Uint8Array }, secret: string) => Buffer.from(machine.snapshot()).includes(Buffer.from(secret, 'hex'));
  const device = vectorDevice(stream);
  readyAtDevice(device, stream);
  assert.is(holds(device, stream.toGateway.key), true, 'while it stands');
  device.stop();
  for (const secret of [stream.toGateway.key, stream.toDevice.key, stream.prk]) assert.is(holds(device, secret), false);
  const gateway = vectorGateway(stream);
  const slot = proveToGateway(gateway, stream);
  assert.is(holds(gateway, stream.toDevice.key), true, 'while it stands');
  assert.is(holds(gateway, stream.deviceKey), false, "the device's own key is only passing through");
  gateway.close(slot, abi.CLOSE_NORMAL);
  gateway.free(slot);
  for (const secret of [stream.toGateway.key, stream.toDevice.key, stream.prk, stream.deviceKey]) assert.is(holds(gateway, secret), false);
});

test.run();
