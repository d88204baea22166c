/** Time at the gateway: the wall clock that steps, sessions that are idle or old, devices whose clock is off. */
import * as assert from 'uvu/assert';
import type { Alarm, DeviceChange, Refusal } from 'tidelock/gateway';
import { advanceUntil, closeAll, listen, makeDevice, pair, Relay, test, TestClock, turns, until } from './support.js';

for (const step of [2_001, -2_001, 3_600_000]) {
  test(`wall and monotonic clock part by ${step} ms: all sessions end, an alarm tells it, devices come back`, async () => {
    const clock = new TestClock(), deviceClock = new TestClock();
    const { gateway, device } = await pair({ clock }, { clock: deviceClock });
    const alarms: Alarm[] = [], changes: DeviceChange[] = [], times: number[] = [];
    gateway.on('alarm', (alarm) => alarms.push(alarm)).on('device', (change) => changes.push(change));
    gateway.on('message', (message) => void times.push(message.time));
    clock.step(step);
    await clock.advance(250);
    assert.is(alarms.length, 1);
    assert.is(alarms[0]!.kind, 'clock');
    assert.equal(changes.map(({ online, reason }) => [online, reason]), [[false, 'clock stepped']]);
    await until('told', () => device.state.name === 'waiting');
    await deviceClock.advance(1_000);
    await device.online();
    device.post('x');
    await until('a message', () => times.length === 1);
    // The new wall time is the base; the handshake may have taken up to a second of the device's own time.
    assert.ok(Math.abs(times[0]! - clock.unix()) <= 1_000, `${times[0]! - clock.unix()} ms off`);
    await closeAll(device, gateway);
  });
}

test('a step within the window is borne', async () => {
  const clock = new TestClock();
  const { gateway, device } = await pair({ clock }, { clock: new TestClock() });
  clock.step(2_000);
  await clock.advance(1_000);
  assert.ok(gateway.device('pump-7') !== undefined);
  await closeAll(device, gateway);
});

test('a step is noticed by the first chunk too, before a frame of it is handled', async () => {
  const clock = new TestClock();
  const { gateway, device } = await pair({ clock }, { clock: new TestClock() });
  clock.step(60_000);
  device.post('x');
  await until('ended', () => gateway.device('pump-7') === undefined);
  assert.is(gateway.counters().received, 0);
  await closeAll(device, gateway);
});

test('a session that says nothing for the idle time ends', async () => {
  const clock = new TestClock();
  const { gateway, device } = await pair({ clock, idle: 20 }, { clock: new TestClock() }); // the device's time stands still: no PING
  const reasons: string[] = [];
  gateway.on('device', ({ reason }) => void reasons.push(reason));
  await clock.advance(19_500);
  assert.equal(reasons, []);
  await clock.advance(1_000);
  assert.equal(reasons, ['no answer in time']);
  await until('told', () => device.state.name === 'waiting');
  assert.match(device.state.reason, /idle/);
  await closeAll(device, gateway);
});

test('PING and PONG keep a quiet session alive', async () => {
  const clock = new TestClock();
  const { gateway, device } = await pair({ clock, idle: 20 }, { clock });
  for (let i = 0; i < 600; i++) await clock.advance(250);
  assert.is(gateway.counters().sessions, 1);
  assert.is(device.state.name, 'online');
  await closeAll(device, gateway);
});

test('a session ends with its life, and the device goes on in a new one', async () => {
  const clock = new TestClock();
  const { gateway, device } = await pair({ clock, life: 60 }, { clock });
  const seen: string[] = [];
  gateway.on('message', (message) => void seen.push(message.text()));
  await advanceUntil(clock, 'the second session', () => gateway.counters().sessions === 2 && device.state.name === 'online');
  await device.send('still here').acknowledged;
  assert.equal(seen, ['still here']);
  await closeAll(device, gateway);
});

test('a frame held back longer than the window is refused as stale, and says by how much', async () => {
  const clock = new TestClock();
  const gateway = await listen({ clock });
  const relay = await Relay.to(() => gateway.address);
  const device = makeDevice(relay.url, { clock });
  await device.online();
  await until('online', () => gateway.device('pump-7') !== undefined);
  const refusals: Refusal[] = [];
  gateway.on('refused', (refusal) => refusals.push(refusal));
  const held: Buffer[] = [];
  relay.filterToGateway = (chunk) => void held.push(chunk);
  device.post('unlock');
  await until('held', () => held.length === 1);
  relay.filterToGateway = (chunk) => chunk;
  await clock.advance(2_001);
  for (const chunk of held) relay.inject(chunk);
  await until('refused', () => refusals.length === 1);
  assert.equal([refusals[0]!.reason, refusals[0]!.off, refusals[0]!.device], ['stale', 2_001, 'pump-7']);
  assert.is(gateway.counters().received, 0);
  assert.ok(gateway.device('pump-7') !== undefined, 'the stream stays');
  await closeAll(device, gateway);
  await relay.close();
});

test('a replayed chunk ends the stream and delivers nothing twice', async () => {
  const gateway = await listen();
  const relay = await Relay.to(() => gateway.address);
  const device = makeDevice(relay.url);
  await device.online();
  await until('online', () => gateway.device('pump-7') !== undefined);
  const chunks: Buffer[] = [];
  relay.filterToGateway = (chunk) => (chunks.push(Buffer.from(chunk)), chunk);
  device.post('unlock');
  await until('received', () => gateway.counters().received === 1);
  relay.inject(chunks[0]!);
  await until('ended', () => gateway.device('pump-7') === undefined);
  assert.is(gateway.counters().received, 1);
  await turns(2);
  await closeAll(device, gateway);
  await relay.close();
});

test.run();
