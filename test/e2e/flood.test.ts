/** Strangers in numbers, under a clock that the test owns: a real device still gets in, and what they sent ends with a reason. */
import type { Socket } from 'node:net';
import { test as uvuTest } from 'uvu';
import * as assert from 'uvu/assert';
import type { Gateway } from 'tidelock/gateway';
import { closeAll, listen, makeDevice, rawSocket, test, TestClock, turns, until } from '../gateway/support.js';
import { skip } from '../support/skip.js';
import { helloFrame, hostileBytes, randomFrom } from './flood-bytes.js';
import { seeded } from './support.js';

const onLinux = process.platform === 'linux' ? test : skip(uvuTest, 'needs 127.0.0.0/8 on loopback');

const HALF_OPEN = 100;
/** Beyond the cap, three times over. */
const CROWD = 300;
const STRINGS = 3_000;
const SEED = Number(process.env['TIDELOCK_SEED'] ?? Date.now() % 100_000);

/** From 127.1.0.0/16, each /24 in its turn, so that no bucket of one network keeps them out. */
function stranger(index: number): { localAddress: string } {
  return { localAddress: `127.1.${index % 200}.${1 + (Math.floor(index / 200) % 250)}` };
}

/** Where a system has 127.0.0.1 alone, everybody comes from there. */
async function connect(gateway: Gateway, index: number): Promise<Socket> {
  return rawSocket(gateway.address, process.platform === 'linux' ? stranger(index) : {});
}

async function crowd(gateway: Gateway, count: number, first: (index: number) => Buffer | undefined): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let i = 0; i < count; i++) {
    const socket = await connect(gateway, i);
    socket.on('data', () => undefined);
    const bytes = first(i);
    if (bytes !== undefined) socket.write(bytes);
    sockets.push(socket);
  }
  return sockets;
}

for (const [name, first] of [
  ['connections that never speak', () => undefined],
  ['HELLOs that are never proven', (index: number) => helloFrame('pump-7', Buffer.alloc(16, index))],
] as const) {
  test(`${CROWD} ${name}, ${HALF_OPEN} may wait: a device gets in at once, and the last of them is gone after 10 s`, async () => {
    const clock = new TestClock();
    const gateway = await listen({ clock, limits: { halfOpen: HALF_OPEN, helloBurst: 100_000, helloBurstTotal: 100_000 } });
    const sockets = await crowd(gateway, CROWD, first);
    await until('the crowd', () => gateway.counters().connections === CROWD);
    assert.is(gateway.counters().halfOpen, HALF_OPEN);
    assert.is(gateway.counters().gaveWay, CROWD - HALF_OPEN);
    const began = clock.now();
    const device = makeDevice(gateway, { clock });
    await device.online();
    assert.is(clock.now() - began, 0, 'ms by the clock');
    const handled: string[] = [];
    gateway.on('message', (message) => void handled.push(message.text()));
    await device.send('here').acknowledged;
    assert.equal(handled, ['here']);
    assert.is(gateway.counters().open, HALF_OPEN); // the device's own took the place of one more
    await clock.advance(11_000);
    assert.is(gateway.counters().halfOpen, 0);
    assert.is(gateway.counters().open, 1);
    assert.is(gateway.counters().online, 1);
    for (const socket of sockets) socket.destroy();
    await closeAll(device, gateway);
  });
}

onLinux('a flood of HELLOs from one network leaves the buckets of another full', async () => {
  const clock = new TestClock();
  const gateway = await listen({ clock, limits: { helloRate: 10, helloBurst: 20, halfOpen: HALF_OPEN } });
  const sockets: Socket[] = [];
  for (let i = 0; i < 60; i++) {
    const socket = await rawSocket(gateway.address, { localAddress: '127.1.0.1' });
    socket.resume().write(helloFrame('pump-7', Buffer.alloc(16, i)));
    sockets.push(socket);
  }
  await until('answered or turned away', () => gateway.counters().overRate === 40);
  const began = clock.now(), device = makeDevice(gateway, { clock });
  await device.online();
  assert.is(clock.now() - began, 0);
  for (const socket of sockets) socket.destroy();
  await closeAll(device, gateway);
});

test(`${STRINGS} random and changed byte strings end with a reason and a counter, and deliver nothing (seed ${SEED})`, async () => {
  const random = seeded(SEED), clock = new TestClock();
  const gateway = await listen({ clock, limits: { helloRate: 100_000, helloBurst: 100_000, helloRateTotal: 100_000, helloBurstTotal: 100_000 } });
  const reasons = new Map<string, number>(), delivered: string[] = [];
  gateway.on('refused', ({ reason, device }) => {
    assert.is(device, undefined);
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  });
  gateway.on('message', (message) => void delivered.push(message.text()));
  gateway.on('device', ({ id }) => void delivered.push(id));
  for (let done = 0; done < STRINGS; ) {
    const sockets = await Promise.all(Array.from({ length: 50 }, (_, i) => connect(gateway, done + i)));
    for (const socket of sockets) {
      const bytes = hostileBytes(random, done++), at = Math.floor(random() * bytes.length);
      socket.resume().write(bytes.subarray(0, at));
      await turns(1);
      if (!socket.destroyed) socket.write(bytes.subarray(at));
      socket.end();
    }
    await until('all gone', () => gateway.counters().open === 0);
    for (const socket of sockets) socket.destroy();
  }
  const counters = gateway.counters();
  assert.is(counters.connections, STRINGS);
  assert.equal(delivered, []);
  assert.is(counters.sessions + counters.received + counters.taken, 0);
  assert.is(counters.halfOpen, 0);
  // Those that were cut off without a wrong byte end with the link, the others with a reason that is counted too.
  const told = [...reasons.values()].reduce((sum, count) => sum + count, 0);
  const counted = Object.values(counters.refused).reduce((sum, count) => sum + count, 0);
  assert.ok(told > STRINGS / 2, `${told} refusals`);
  assert.is(told, counted, 'told and counted');
  for (const [reason, count] of reasons) assert.is(counters.refused[reason], count, reason);
  console.log(`seed ${SEED}: ${STRINGS} strings, ${[...reasons].map(([reason, count]) => `${reason} ${count}`).join(', ')}, the rest cut off`);
  const device = makeDevice(gateway, { clock });
  await device.send(randomFrom(random, 20)).acknowledged;
  assert.is(delivered.length, 2, 'its session and its message');
  await closeAll(device, gateway);
});

test.run();
