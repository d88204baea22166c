/** A device on UDP: what keeps it from its gateway is named, and it comes back by itself. */
import * as assert from 'uvu/assert';
import type { DeviceState } from 'tidelock/device';
import { advanceUntil, closeAll, codeOf, KEY, listen, makeDevice, portOf, test, TestClock, turns, until } from '../gateway/support.js';
import { bound, UdpRelay } from '../transport/udp-relay.js';

async function listenUdp(url = 'tidelock+udp://127.0.0.1:0', clock?: TestClock) {
  const gateway = await listen({ listen: url, ...(clock === undefined ? {} : { clock }) });
  gateway.on('message', () => undefined);
  return gateway;
}

/** Why it waits. */
function errorOf(states: DeviceState[]): (Error & { code: string }) | undefined {
  return states.flatMap((state) => (state.name === 'waiting' ? [state.error] : []))[0] as (Error & { code: string }) | undefined;
}

test('nobody listens: HOST_UNREACHABLE with ECONNREFUSED, and it gets in once somebody does', async () => {
  const clock = new TestClock();
  const socket = await bound(), { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  const device = makeDevice(`tidelock+udp://127.0.0.1:${port}`, { clock });
  const states: DeviceState[] = [];
  device.on('state', (state) => void states.push(state));
  const sending = device.send('21.5', { lifetime: 3_600_000 });
  await until('it is refused', () => states.some(({ name }) => name === 'waiting'));
  const error = errorOf(states);
  assert.is(error!.code, 'HOST_UNREACHABLE');
  assert.match(error!.message, /ECONNREFUSED/);
  const gateway = await listenUdp(`tidelock+udp://127.0.0.1:${port}`, clock);
  let over = false;
  void sending.acknowledged.then(() => (over = true));
  await advanceUntil(clock, 'it is acknowledged', () => over, device);
  await closeAll(device, gateway);
});

test('a host that nobody knows: HOST_UNKNOWN', async () => {
  const device = makeDevice('tidelock+udp://no-such-host.invalid');
  const states: DeviceState[] = [];
  device.on('state', (state) => void states.push(state));
  const sending = device.send('21.5');
  const ended = codeOf(sending.acknowledged);
  await until('it waits', () => states.some(({ name }) => name === 'waiting'));
  assert.is(errorOf(states)!.code, 'HOST_UNKNOWN');
  await closeAll(device);
  assert.is(await ended, 'CLOSED');
});

test('a gateway that says nothing: HANDSHAKE_TIMEOUT after 10 s', async () => {
  const clock = new TestClock(), silent = await bound();
  const device = makeDevice(`tidelock+udp://127.0.0.1:${silent.address().port}`, { clock });
  const states: DeviceState[] = [];
  device.on('state', (state) => void states.push(state));
  const ended = codeOf(device.send('21.5').acknowledged);
  let heard = 0;
  silent.on('message', () => void heard++);
  await until('HELLO comes', () => heard === 1);
  await clock.advance(9_900);
  assert.not.ok(states.some(({ name }) => name === 'waiting'));
  await clock.advance(200);
  await until('it waits', () => states.some(({ name }) => name === 'waiting'));
  assert.is(errorOf(states)!.code, 'HANDSHAKE_TIMEOUT');
  await closeAll(device);
  assert.is(await ended, 'CLOSED');
  silent.close();
});

test('the gateway is gone without a word: the device finds out by its own deadlines, and what it sent arrives at the next', async () => {
  const clock = new TestClock();
  const first = await listenUdp(undefined, clock);
  const relay = await UdpRelay.to(first.address);
  const device = makeDevice(relay.url, { clock });
  await device.online();
  relay.up = relay.down = () => [];
  await first.close();
  const sending = device.send('21.5', { lifetime: 3_600_000, doubt: 'repeat' }); // the next gateway has no record
  await advanceUntil(clock, 'it gives the session up', () => device.state.name === 'waiting');
  const second = await listenUdp(first.address, clock);
  relay.up = relay.down = (datagram) => [datagram];
  let over = false;
  void sending.acknowledged.then(() => (over = true));
  await advanceUntil(clock, 'it is acknowledged', () => over, device);
  assert.is(portOf(second.address), portOf(first.address));
  await closeAll(device, second);
  relay.close();
});

test('ICMP ends no session that stands: anybody can send it', async () => {
  const gateway = await listenUdp();
  const relay = await UdpRelay.to(gateway.address);
  const device = makeDevice(relay.url);
  await device.send('one').acknowledged;
  const states: string[] = [];
  device.on('state', ({ name }) => void states.push(name));
  const { url } = relay;
  relay.close(); // from here on the system answers with ICMP
  device.post('lost');
  device.post('lost too');
  for (let i = 0; i < 20; i++) await turns(5);
  assert.equal(states, []);
  assert.ok(url.length > 0);
  await closeAll(device, gateway);
});

test('what wants no acknowledgement and is longer than a datagram is dropped, and counted', async () => {
  const gateway = await listenUdp();
  const heard: number[] = [];
  gateway.on('message', (message) => void heard.push(message.body.length));
  const device = makeDevice(gateway, { key: KEY });
  await device.online();
  device.post(Buffer.alloc(10_000));
  device.post(Buffer.alloc(1_000));
  await until('the short one comes', () => heard.length === 1);
  assert.equal(heard, [1_000]);
  assert.is(device.counters().dropped, 1);
  await closeAll(device, gateway);
});

test.run();
