/**
 * Strangers by the ten thousand: they cost bounded memory, no work once they are quiet, and keep no device out.
 * The seconds until a device gets in are the bench's; here it must get in at all, on a clock that the test owns.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import type { Order } from './crowd.js';
import { closeAll, KEY, listen, portOf, Relay, test, TestClock, turns, until } from './support.js';
import { Device } from 'tidelock/device';
import type { Gateway } from 'tidelock/gateway';

const MEMORY = 128 * 1024 * 1024;

class Crowd {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(fileURLToPath(new URL('./crowd.ts', import.meta.url)), ['--crowd'], { execArgv: ['--import', 'tsx'] });
  }

  /** Fulfilled when the last one has come. */
  send(order: Order): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.#child.off('exit', gone);
        resolve();
      };
      const gone = (): void => reject(new Error('the crowd has ended'));
      this.#child.once('message', done);
      this.#child.once('exit', gone);
      this.#child.send(order);
    });
  }

  end(): void {
    this.#child.disconnect();
  }
}

function resident(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage().rss;
}

/** A gateway, a crowd that does something, and a device that comes from elsewhere meanwhile and afterwards. */
async function besiege(orders: Omit<Order, 'port'>[], check: (gateway: Gateway) => void): Promise<void> {
  const gateway = await listen({ listen: 'tidelock://0.0.0.0:0' });
  const crowd = new Crowd(), port = portOf(gateway.address);
  await crowd.send({ kind: 'silent', count: 1, port });
  await crowd.send({ kind: 'leave', count: 0, port });
  const idle = resident();
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20);
  const seen: string[] = [];
  gateway.on('message', (message) => void seen.push(message.text()));
  let strangers = 0;
  for (const order of orders) {
    const coming = crowd.send({ ...order, port });
    // It comes while they come.
    const url = `tidelock://127.2.0.1:${port}`;
    const device = new Device({ url, id: 'pump-7', key: KEY });
    await device.send(`during ${order.kind}`).acknowledged;
    await coming;
    strangers += order.count;
    // Those that the system had taken in wait for the gateway to take them.
    await until('every stranger was let to the door', () => gateway.counters().connections >= strangers);
    await device.send(`after ${order.kind}`).acknowledged;
    await device.close();
  }
  clearInterval(watch);
  assert.equal(seen, orders.flatMap(({ kind }) => [`during ${kind}`, `after ${kind}`]));
  assert.ok(most - idle < MEMORY, `${Math.round((most - idle) / 1024)} KiB above idle`);
  assert.ok(gateway.counters().halfOpen <= 1_024);
  check(gateway);
  // Once they are quiet they cost no work: processor time, which other processes do not lengthen.
  await turns(50);
  const before = process.cpuUsage(), started = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const { user, system } = process.cpuUsage(before);
  const share = (user + system) / 1000 / (performance.now() - started);
  assert.ok(share < 0.05, `${(share * 100).toFixed(1)} % of a processor while quiet`);
  await closeAll(gateway);
  crowd.end();
}

test('10,000 connections that never speak', () => besiege([{ kind: 'silent', count: 10_000 }], (gateway) => {
  const { gaveWay, halfOpen } = gateway.counters();
  assert.ok(gaveWay >= 10_000 - 1_024 - 10, `${gaveWay} gave way`);
  assert.ok(halfOpen <= 1_024);
}));

test('10,000 HELLOs that are never proven', () => besiege([{ kind: 'hello', count: 10_000 }], (gateway) => {
  const { gaveWay, overRate, sessions } = gateway.counters();
  assert.ok(gaveWay + overRate > 8_000);
  assert.is(sessions, 1); // the device's
}));

test('a hundred thousand random and mutated byte strings', () => besiege(
  [{ kind: 'random', count: 50_000 }, { kind: 'mutated', count: 50_000 }],
  (gateway) => {
    const { received, sessions, refused } = gateway.counters();
    assert.is(received, 0);
    assert.is(sessions, 2);
    assert.ok(Object.values(refused).reduce((sum, count) => sum + count, 0) > 50_000);
  },
));

test('a crowd that fills every half-open place does not keep a device out: on a clock that stands still', async () => {
  const clock = new TestClock();
  const gateway = await listen({ clock, limits: { halfOpen: 64 } });
  const relay = await Relay.to(() => gateway.address); // the device's way in
  const crowd = new Crowd(), port = portOf(gateway.address);
  let over = false;
  const coming = crowd.send({ kind: 'silent', count: 3_000, port }).then(() => (over = true));
  await until('the places are taken', () => gateway.counters().halfOpen === 64);
  const device = new Device({ url: relay.url, id: 'pump-7', key: KEY, clock });
  await until('it is in', () => {
    if (device.state.name === 'waiting') void clock.advance(100);
    return gateway.device('pump-7') !== undefined;
  });
  await coming;
  assert.ok(over);
  assert.ok(gateway.device('pump-7') !== undefined, 'and stays in');
  await closeAll(device, gateway);
  await relay.close();
  crowd.end();
});

test.run();
