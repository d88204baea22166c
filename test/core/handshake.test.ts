// The handshake as a whole: its deadlines, its clock, its order, who is taken in, and what is left when it is over.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TYPE, WANTED, writeClose, writeLed, writeReady } from '../reference/bodies.js';
import { ascii, concat, unhex } from '../reference/bytes.js';
import { open, seal } from '../reference/frame.js';
import { helloFrame, proofFrame, readChallengeBody } from '../reference/handshake.js';
import { fakeKey, schedule } from '../reference/keys.js';
import { handshakes } from '../reference/vectors-handshake.js';
import { ReplayWindow } from '../reference/window.js';
import { abi } from './engine/engine.js';
import { NO_RECEIPTS } from './engine/gateway.js';
import { both, challengedDevice, challengingGateway, refused, stream } from './engine/handshakes.js';
import { ROUND_TRIP, proveToGateway, readyAtDevice, vectorDevice, vectorGateway } from './engine/vector-file.js';

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

test('a largest body above what the length can tell counts as 16,383', () => {
  for (const told of [16_382, 16_383, 16_384, 65_535]) {
    const gateway = vectorGateway(stream);
    const slot = gateway.open(0);
    const h = unhex(stream.H);
    new DataView(h.buffer).setUint16(23, told);
    gateway.receive(slot, helloFrame('stream', h));
    assert.is(gateway.u32(gateway.slotAddress(slot) + abi.S_LARGEST), Math.min(told, 16_383));
    const device = challengedDevice(stream);
    device.receive(unhex(stream.frames.challenge));
    const { toDevice } = handshakes.find(({ name }) => name === stream.name)!;
    device.receive(seal(toDevice, { counter: 0n, time: 11, type: TYPE.READY, body: writeReady({ ...stream.ready, largest: told }) }));
    assert.is(device.u32(device.slot + abi.S_LARGEST), Math.min(told, 16_383));
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
