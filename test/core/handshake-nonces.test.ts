// Nonce discipline: no (key, counter) pair twice, over restarts, repeated PROOFs and lost READYs; and a PROOF that is
// held back, repeated or sent to another gateway opens nothing.

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hex } from '../reference/bytes.js';
import { EngineDevice } from './engine/device.js';
import { type Told, abi } from './engine/engine.js';
import { EngineGateway } from './engine/gateway.js';
import { Observer } from './engine/observer.js';
import { World } from './engine/world.js';

const RUNS = 60;
const KEY = new Uint8Array(32).fill(0x5a);

const step = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom('up', 'down', 'deliverUp', 'deliverDown'), fc.nat(3)) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom('wait', 'loseUp', 'loseDown', 'repeatUp', 'repeatDown'), fc.nat(12)) },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom('loseLink', 'restartDevice', 'restartGateway', 'all'), fc.nat(1)) },
);

for (const link of ['stream', 'datagram'] as const) {
  for (const suite of [abi.SUITE_SEALED, abi.SUITE_SIGNED, abi.SUITE_SIGNED_8]) {
    test(`no (key, counter) twice: ${link}, suite ${suite}`, () => {
      let frames = 0, sessions = 0;
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60, size: 'max' }), fc.boolean(), (steps, durable) => {
          const world = new World({ link, suite, durable });
          const observer = new Observer(KEY, link);
          world.onOutput = (side, bytes) => void observer.see(side, bytes);
          world.start();
          let sent = 0;
          for (const [what, n] of steps) {
            switch (what) {
              case 'up': world.sendUp(`up ${sent++}`); break;
              case 'down': world.sendDownwards(`down ${sent++}`); break;
              case 'deliverUp': for (let i = 0; i <= n; i++) world.deliverUp(); break;
              case 'deliverDown': for (let i = 0; i <= n; i++) world.deliverDown(); break;
              case 'wait': world.advance(n * 300, () => {}); break;
              case 'loseUp': if (link === 'datagram') world.up.shift(); break;
              case 'loseDown': if (link === 'datagram') world.down.shift(); break;
              case 'repeatUp': if (link === 'datagram' && world.up[0]) world.up.push(world.up[0]); break;
              case 'repeatDown': if (link === 'datagram' && world.down[0]) world.down.push(world.down[0]); break;
              case 'loseLink': world.loseLink(n === 0); break;
              case 'restartDevice': world.restartDevice(); break;
              case 'restartGateway': world.restartGateway(); break;
              case 'all': world.deliverAll(); break;
            }
          }
          world.advance(300_000);
          assert.ok(world.online, 'in the end they are together again');
          frames += observer.frames;
          sessions += observer.sessions.length;
        }),
        { numRuns: RUNS, includeErrorInReport: true },
      );
      assert.ok(frames > 20 * RUNS && sessions > RUNS, `${frames} frames in ${sessions} sessions were watched`);
    });
  }
}

const proofOf = (told: Told) => told.output[0]!;

/** A device that has said PROOF to this gateway's slot. */
function proving(gateway: EngineGateway, link: number): { device: EngineDevice; slot: number; proof: Uint8Array } {
  const device = new EngineDevice({ key: KEY, link });
  device.start();
  const slot = gateway.open(link);
  const { output } = gateway.receive(slot, device.connected().output[0]!);
  return { device, slot, proof: proofOf(device.receive(output[0]!)) };
}

const opened = (told: Told) => told.events.some(({ kind }) => kind === abi.EV_PROVED);

test('a PROOF that was held back opens nothing on another stream', () => {
  const gateway = new EngineGateway({ key: () => KEY });
  const { proof } = proving(gateway, 0);
  const other = proving(gateway, 0);
  const told = gateway.receive(other.slot, proof);
  assert.is(opened(told), false);
  assert.is(gateway.counters()[abi.REFUSED_BAD_PROOF], 1);
  const bare = gateway.open(0);
  gateway.receive(bare, proof);
  assert.is(gateway.counters()[abi.REFUSED_STATE], 1, 'before any HELLO');
});

test('a PROOF on its own stream, later than a later session, opens nothing', () => {
  let live = 0n;
  const epochs = (slot: number) => gateway.view.getBigUint64(gateway.slotAddress(slot) + abi.S_EPOCH);
  const gateway: EngineGateway = new EngineGateway({
    key: () => KEY,
    accept: (slot) => {
      const liveEpoch = live;
      if (epochs(slot) > live) live = epochs(slot);
      return { inLast: 0, outOutbox: 1, outLow: 1, outSent: 0, outNext: 1, liveEpoch };
    },
    lastEpoch: () => live,
  });
  const held = proving(gateway, 0);
  gateway.now += 5;
  const later = proving(gateway, 0);
  assert.is(gateway.receive(later.slot, later.proof).output.length, 1);
  const told = gateway.receive(held.slot, held.proof);
  assert.is(told.output.length, 0);
  assert.is(gateway.state(held.slot), abi.STATE_ENDED);
  assert.is(gateway.counters()[abi.REFUSED_OLD_CHALLENGE], 1);
});

test('a PROOF to another gateway opens nothing', () => {
  for (const link of [0, abi.LINK_DATAGRAM]) {
    const first = new EngineGateway({ key: () => KEY });
    const second = new EngineGateway({ key: () => KEY });
    const { proof } = proving(first, link);
    const { slot } = link ? { slot: second.open(link) } : proving(second, link);
    assert.is(opened(second.receive(slot, proof)), false);
    assert.is(second.counters()[link ? abi.REFUSED_OLD_CHALLENGE : abi.REFUSED_BAD_PROOF], 1);
  }
});

test('datagrams: a repeated PROOF gets READY again, as a new frame, until the device is heard', () => {
  const observer = new Observer(KEY, 'datagram');
  const gateway = new EngineGateway({ key: () => KEY });
  const device = new EngineDevice({ key: KEY, link: abi.LINK_DATAGRAM });
  device.start();
  const listener = gateway.open(abi.LINK_DATAGRAM);
  const hello = device.connected().output[0]!;
  observer.see('device', hello);
  const challenge = gateway.receive(listener, hello).output[0]!;
  observer.see('gateway', challenge);
  const proof = proofOf(device.receive(challenge));
  observer.see('device', proof);
  const readies = [gateway.receive(listener, proof).output[0]!];
  const next = gateway.open(abi.LINK_DATAGRAM);
  for (let i = 1; i <= 3; i++) {
    device.now += 1_000;
    gateway.now += 1_000;
    const again = device.poll().output[0]!;
    assert.is(hex(again), hex(proof), 'unchanged');
    const told = gateway.receive(next, again);
    assert.is(opened(told), false, 'no second session');
    readies.push(told.output[0]!);
  }
  for (const [i, ready] of readies.entries()) assert.is(observer.see('gateway', ready)[0]!.counter, BigInt(i));
  // Any of them will do; the others then say nothing new.
  assert.is(device.receive(readies[2]!).events[0]!.kind, abi.EV_ONLINE);
  assert.is(device.receive(readies[3]!).events.length, 0);
  // Once the device is heard, a PROOF that comes late is not answered.
  const data = device.send(Uint8Array.of(1)).output[0]!;
  assert.is(gateway.receive(listener, data).events[0]!.kind, abi.EV_MESSAGE);
  const late = gateway.receive(next, proof);
  assert.is(late.output.length, 0);
  assert.is(opened(late), false);
});

test('datagrams: a session number that is in use is not given to a second session', () => {
  const random = Uint8Array.from({ length: 24 }, (_, i) => i + 1);
  const gateway = new EngineGateway({ key: () => KEY, random: () => random });
  const first = proving(gateway, abi.LINK_DATAGRAM);
  const second = proving(gateway, abi.LINK_DATAGRAM);
  assert.is(opened(gateway.receive(first.slot, first.proof)), true);
  const told = gateway.receive(second.slot, second.proof);
  assert.is(opened(told), false);
  assert.is(told.output.length, 0);
  assert.is(gateway.counters()[abi.REFUSED_OLD_CHALLENGE], 1);
  // Once the number is free, a new try gets in.
  gateway.close(first.slot, abi.CLOSE_NORMAL);
  gateway.free(first.slot);
  const third = proving(gateway, abi.LINK_DATAGRAM);
  assert.is(opened(gateway.receive(third.slot, third.proof)), true);
});

test('datagrams: a wrong proof does not use up the nonce of the right one', () => {
  const gateway = new EngineGateway({ key: () => KEY });
  const { slot, proof } = proving(gateway, abi.LINK_DATAGRAM);
  const wrong = proof.slice();
  wrong[wrong.length - 1]! ^= 1;
  for (let i = 0; i < 3; i++) {
    gateway.receive(slot, wrong);
    assert.is(gateway.counters()[abi.REFUSED_BAD_PROOF], i + 1, 'each wrong one is a bad proof');
  }
  assert.is(opened(gateway.receive(slot, proof)), true);
});

test('datagrams: strangers who prove nothing cannot fill the table of nonces', () => {
  const gateway = new EngineGateway({ key: () => KEY });
  const listener = gateway.open(abi.LINK_DATAGRAM);
  for (let i = 0; i < 1_100; i++) {
    const device = new EngineDevice({ key: new Uint8Array(32).fill(1), link: abi.LINK_DATAGRAM });
    device.start();
    const hello = device.connected().output[0]!;
    const challenge = gateway.receive(listener, hello).output[0]!;
    const proof = Uint8Array.from([0x83, ...hello.slice(1, 28 + hello[27]!), ...challenge.slice(1, 33), ...new Uint8Array(16)]);
    gateway.receive(listener, proof);
  }
  assert.is(gateway.counters()[abi.REFUSED_BAD_PROOF], 1_100);
  const device = new EngineDevice({ key: KEY, link: abi.LINK_DATAGRAM });
  device.start();
  const challenge = gateway.receive(listener, device.connected().output[0]!).output[0]!;
  assert.is(opened(gateway.receive(listener, proofOf(device.receive(challenge)))), true, 'a real device gets in');
});

test('datagrams: a PROOF that comes again within 10 s opens no second session, also when the first has ended', () => {
  const gateway = new EngineGateway({ key: () => KEY });
  const { slot, proof } = proving(gateway, abi.LINK_DATAGRAM);
  assert.is(opened(gateway.receive(slot, proof)), true);
  gateway.close(slot, abi.CLOSE_NORMAL);
  gateway.free(slot);
  const next = gateway.open(abi.LINK_DATAGRAM);
  for (const wait of [0, 5_000, 4_990, 20]) {
    gateway.now += wait;
    const told = gateway.receive(next, proof);
    assert.is(opened(told), false, `after ${wait} ms more`);
    assert.is(told.output.length, 0);
  }
});

/** True: a device of that name has proved itself by a new handshake, and its session has ended again. */
function provesAgain(gateway: EngineGateway, identity: string): boolean {
  const listener = gateway.open(abi.LINK_DATAGRAM);
  const device = new EngineDevice({ key: KEY, link: abi.LINK_DATAGRAM, identity });
  device.start();
  const challenge = gateway.receive(listener, device.connected().output[0]!).output[0]!;
  const proved = opened(gateway.receive(listener, proofOf(device.receive(challenge))));
  gateway.close(listener, abi.CLOSE_NORMAL);
  gateway.free(listener);
  return proved;
}

test('datagrams: who proves one key again and again keeps nobody else out, and gets in again after 20 s', () => {
  const gateway = new EngineGateway({ key: () => KEY });
  const again = (identity: string): boolean => provesAgain(gateway, identity);
  const first = Array.from({ length: 1_200 }, () => again('pump-7'));
  assert.equal(first, first.map((_, i) => i < 16), 'sixteen');
  assert.is(gateway.counters()[abi.REFUSED_OLD_CHALLENGE], 1_200 - 16);
  for (const other of ['pump-8', 'pump', 'pump-77', 'site/pump-7']) assert.ok(again(other), other);
  gateway.now += 20_001;
  assert.ok(again('pump-7'));
});

test('datagrams: two thousand devices that come back at once all get in', () => {
  const gateway = new EngineGateway({ key: () => KEY });
  for (let i = 0; i < 2_000; i++) assert.ok(provesAgain(gateway, `pump-${i}`), `the ${i}th`);
});

test.run();
