/** One identity, several sessions: the later one takes over, and too many raise an alarm. */
import * as assert from 'uvu/assert';
import type { Alarm, DeviceChange } from 'tidelock/gateway';
import { openRegistry, type Registry } from 'tidelock/registry';
import { advanceUntil, closeAll, KEY, listen, makeDevice, pair, Relay, test, TestClock, turns, until } from './support.js';

/** A registry in memory that knows pump-7, with a takeover of the test's. */
async function registryWith(takeover: (real: Registry, ...args: Parameters<Registry['takeover']>) => ReturnType<Registry['takeover']>): Promise<Registry> {
  const real = await openRegistry('sqlite::memory:');
  await real.add('pump-7', { key: KEY });
  return new Proxy(real, {
    get(target, name: keyof Registry) {
      if (name === 'takeover') return (...args: Parameters<Registry['takeover']>) => takeover(real, ...args);
      const value = target[name] as unknown;
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
}

const codeOfState = (state: object): string | undefined => (state as { error?: { code: string } }).error?.code;

test('a later session takes over; the earlier one is told so', async () => {
  const { gateway, device: first } = await pair();
  const changes: DeviceChange[] = [];
  gateway.on('device', (change) => changes.push(change));
  const clock = new TestClock();
  const second = makeDevice(gateway, { clock });
  await second.online();
  await until('the first is told', () => first.state.name === 'waiting');
  assert.is(codeOfState(first.state), 'TAKEN_OVER');
  await closeAll(first);
  await until('its end', () => changes.length >= 2);
  assert.equal(changes.map(({ online, reason }) => [online, reason]), [[false, 'taken over'], [true, '']]);
  assert.is(gateway.counters().takeovers, 1);
  assert.is(gateway.counters().online, 1);
  assert.ok(gateway.post('pump-7', 'x'));
  await closeAll(second, gateway);
});

test('after a takeover the earlier link may end as it likes: the later session stays', async () => {
  const { gateway, device: first } = await pair();
  const second = makeDevice(gateway);
  await second.online();
  await closeAll(first);
  await until('one connection is left', () => gateway.counters().open === 1);
  assert.is(gateway.counters().online, 1);
  assert.ok(gateway.device('pump-7') !== undefined);
  await closeAll(second);
  await until('none is left', () => gateway.counters().online === 0);
  await closeAll(gateway);
});

test('more than three takeovers a minute raise one alarm that names the identity', async () => {
  const clock = new TestClock();
  const gateway = await listen({ clock });
  const alarms: Alarm[] = [];
  gateway.on('alarm', (alarm) => alarms.push(alarm));
  const connect = async (): Promise<void> => {
    const { sessions } = gateway.counters();
    const device = makeDevice(gateway, { clock });
    await until('a session', () => gateway.counters().sessions === sessions + 1);
    devices.push(device);
  };
  const devices: { close(options?: { drain?: number }): Promise<void> }[] = [];
  for (let i = 0; i < 4; i++) await connect();
  assert.is(gateway.counters().takeovers, 3);
  assert.equal(alarms, []);
  await connect();
  await connect();
  assert.is(alarms.length, 1);
  assert.is(alarms[0]!.kind, 'takeovers');
  assert.is(alarms[0]!.device, 'pump-7');
  assert.match(alarms[0]!.text, /two devices/);
  await closeAll(...devices, gateway);
});

test('two devices that take turns: each is told why, and the session stays with one of them at any time', async () => {
  const clock = new TestClock();
  const { gateway, device: a } = await pair({ clock }, { clock });
  const b = makeDevice(gateway, { clock });
  const reasons = new Set<string>();
  a.on('state', (state) => void reasons.add(codeOfState(state) ?? ''));
  await b.online();
  await advanceUntil(clock, 'six takeovers', () => gateway.counters().takeovers >= 6);
  assert.ok(reasons.has('TAKEN_OVER'));
  assert.ok(gateway.counters().online <= 1);
  await closeAll(a, b, gateway);
});

test('many connections of one identity at the same moment end in one session', async () => {
  const gateway = await listen();
  const clock = new TestClock();
  const devices = Array.from({ length: 20 }, () => makeDevice(gateway, { clock }));
  // A proof that is older than the session that stands by now is refused; its device comes back later.
  await until('each had its end', () => devices.every(({ state }) => state.name === 'online' || state.name === 'waiting'));
  await until('one is left', () => gateway.counters().open === 1);
  assert.is(gateway.counters().online, 1);
  assert.is(devices.filter((device) => device.state.name === 'online').length, 1);
  await closeAll(...devices, gateway);
});

test('of two proofs at once the one that was challenged later counts, whichever comes first', async () => {
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const asked: number[] = [];
  const registry = await registryWith(async (real, identity, outbox) => {
    asked.push(outbox);
    await gate;
    return real.takeover(identity, outbox);
  });
  const gateway = await listen({ registry });
  const relays = [await Relay.to(() => gateway.address), await Relay.to(() => gateway.address)];
  const devices = [];
  for (const relay of relays) { // challenged one after the other, their proofs are held back
    relay.filterToGateway = (chunk) => (relay.toGateway.length === 1 ? chunk : undefined);
    const device = makeDevice(relay.url, { clock: new TestClock() });
    await until('its proof', () => relay.toGateway.length >= 2);
    devices.push(device);
  }
  const [earlier, later] = devices;
  relays[1]!.inject(relays[1]!.toGateway[1]!);
  await until('the later one is asked about', () => asked.length === 1);
  relays[0]!.inject(relays[0]!.toGateway[1]!);
  await until('the earlier one is ended', () => earlier!.state.name === 'waiting');
  open();
  await later!.online();
  await turns(10);
  assert.is(asked.length, 1);
  assert.is(gateway.counters().online, 1);
  await closeAll(...devices, gateway, ...relays, registry);
});

for (const [what, takeover, code] of [
  ['was disabled meanwhile', async () => undefined, 'DISABLED'],
  ['meets a database that fails', () => Promise.reject(new Error('disk full')), 'GATEWAY_BUSY'],
] as [string, () => ReturnType<Registry['takeover']>, string][]) {
  test(`a device that proves itself and ${what} hears why it is turned away`, async () => {
    const registry = await registryWith(takeover);
    const gateway = await listen({ registry });
    gateway.on('error', () => undefined);
    const device = makeDevice(gateway, { clock: new TestClock() });
    await until('turned away', () => device.state.name === 'waiting');
    assert.is(codeOfState(device.state), code);
    await closeAll(device, gateway, registry);
  });
}

test.run();
