/** What a device tells of its connection: each thing that can go wrong has a code and a text of its own. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import * as assert from 'uvu/assert';
import { Device, TidelockError, type DeviceOptions, type DeviceState } from 'tidelock/device';
import { advanceUntil, closeAll, codeOf, KEY, listen, makeDevice, pair, test, TestClock, turns, until } from '../gateway/support.js';

async function waitingError(device: Device): Promise<TidelockError> {
  await until('waiting', () => device.state.name === 'waiting');
  return (device.state as Extract<DeviceState, { name: 'waiting' }>).error as TidelockError;
}

/** A server that does with each connection what it is told. */
async function server(handle: (socket: Socket) => void): Promise<{ url: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const listening = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    handle(socket);
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return {
    url: `tidelock://127.0.0.1:${(listening.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => {
      for (const socket of sockets) socket.destroy();
      listening.close(() => resolve());
    }),
  };
}

test('connecting, online, stopped', async () => {
  const gateway = await listen();
  const device = makeDevice(gateway, { start: false });
  assert.equal(device.state, { name: 'stopped', reason: 'not started' });
  const states: DeviceState[] = [];
  device.on('state', (state) => states.push(state));
  device.connect();
  await device.online();
  await device.close();
  assert.equal(states.map(({ name }) => name), ['connecting', 'online', 'stopped']);
  const online = states[1] as Extract<DeviceState, { name: 'online' }>;
  assert.equal([online.suite, online.url], ['sealed', gateway.address]);
  assert.equal(states[2], { name: 'stopped', reason: 'closed' });
  await closeAll(gateway);
});

test('a wrong key and an unknown identity look alike, and the error says just that', async () => {
  const gateway = await listen();
  for (const options of [{ key: Buffer.alloc(32, 1) }, { id: 'nobody' }, { keyId: 3 }]) {
    const device = makeDevice(gateway, options);
    const error = await waitingError(device);
    assert.is(error.code, 'HANDSHAKE_REFUSED');
    assert.match(error.message, /the key is not the one of this identity, the gateway does not know the identity/);
    assert.ok(!error.message.includes(Buffer.alloc(32, 1).toString('hex')));
    assert.ok(device.counters().refused['bad challenge']! >= 1);
    await closeAll(device);
  }
  await closeAll(gateway);
});

test('nobody at the port, a name that is none, no answer to the connection', async () => {
  const closed = await server(() => undefined);
  await closed.close();
  const refused = makeDevice(closed.url);
  assert.is((await waitingError(refused)).code, 'HOST_UNREACHABLE');
  await closeAll(refused);

  const unknown = makeDevice('tidelock://no-such-host.invalid');
  assert.ok(['HOST_UNKNOWN', 'HOST_UNREACHABLE'].includes((await waitingError(unknown)).code));
  await closeAll(unknown);

  const clock = new TestClock();
  const silent = makeDevice('tidelock://192.0.2.1', { clock, connectTimeout: 3_000 }); // TEST-NET-1: goes nowhere
  await turns(5);
  if (silent.state.name === 'connecting') { // where the system has no route it says so at once
    await clock.advance(3_001);
    assert.is((await waitingError(silent)).code, 'CONNECT_TIMEOUT');
  }
  await closeAll(silent);
});

test('a server that is no gateway: it closes, it says something else, it says nothing', async () => {
  const closing = await server((socket) => socket.end());
  const a = makeDevice(closing.url);
  assert.is((await waitingError(a)).code, 'HANDSHAKE_CLOSED');
  await closeAll(a);
  await closing.close();

  const talking = await server((socket) => void socket.write('220 smtp.example ESMTP\r\n'));
  const b = makeDevice(talking.url);
  assert.ok(['PROTOCOL_BROKEN', 'HANDSHAKE_REFUSED'].includes((await waitingError(b)).code));
  await closeAll(b);
  await talking.close();

  const silent = await server((socket) => void socket.resume());
  const clock = new TestClock();
  const c = makeDevice(silent.url, { clock });
  await until('HELLO was sent', () => c.counters().bytesOut > 0);
  await clock.advance(10_001);
  assert.is((await waitingError(c)).code, 'HANDSHAKE_TIMEOUT');
  await closeAll(c);
  await silent.close();
});

test('no common suite', async () => {
  const gateway = await listen({ suites: ['signed'] });
  const device = makeDevice(gateway, { suites: ['sealed'] });
  assert.is((await waitingError(device)).code, 'HANDSHAKE_CLOSED');
  assert.is(gateway.counters().refused['no common suite'], 1);
  await closeAll(device, gateway);
});

test('a handshake that takes too long is refused by the device', async () => {
  const clock = new TestClock();
  let answer!: (key: Uint8Array) => void;
  const gateway = await listen({ lookup: () => new Promise((resolve) => (answer = resolve)) });
  const device = makeDevice(gateway, { clock, roundTrip: 500 });
  await until('asked', () => answer !== undefined);
  await clock.advance(501);
  answer(KEY);
  assert.is((await waitingError(device)).code, 'ROUND_TRIP_TOO_LONG');
  await closeAll(device, gateway);
});

test('it comes back by itself, with longer and longer waits, and a message waits for it', async () => {
  let gateway = await listen();
  const port = Number(new URL(gateway.address).port);
  const clock = new TestClock();
  const device = makeDevice(gateway, { clock });
  await device.online();
  await gateway.close({ drain: 0 });
  await until('waiting', () => device.state.name === 'waiting');
  const sending = device.send('while away', { lifetime: Infinity });
  const waits: number[] = [];
  device.on('state', (state) => void (state.name === 'waiting' && waits.push(state.wait)));
  for (let i = 0; waits.length < 10 && i < 5_000; i++) {
    await clock.advance(1_000);
    await until('the try is over', () => device.state.name === 'waiting');
  }
  assert.is(waits.length, 10);
  assert.ok(Math.max(...waits) <= 120_000, `${waits}`);
  assert.ok(Math.max(...waits.slice(5)) > 2_000, `${waits}`);
  gateway = await listen({ listen: `tidelock://127.0.0.1:${port}` });
  const seen: string[] = [];
  gateway.on('message', (message) => void seen.push(message.text()));
  await advanceUntil(clock, 'taken', () => device.waiting.messages === 0, device);
  await sending.acknowledged;
  assert.equal(seen, ['while away']);
  await closeAll(device, gateway);
});

test('several addresses are tried in turn', async () => {
  const gateway = await listen();
  const dead = await server((socket) => socket.destroy());
  const clock = new TestClock();
  const urls: string[] = [];
  const device = new Device({ url: [dead.url, gateway.address], id: 'pump-7', key: KEY, clock });
  device.on('state', (state) => void (state.name === 'connecting' && urls.push(state.url)));
  await advanceUntil(clock, 'online', () => device.state.name === 'online', device);
  assert.ok(urls.length <= 2);
  assert.is((device.state as { url: string }).url, gateway.address);
  await closeAll(device, gateway);
  await dead.close();
});

test('online() waits, and ends with its signal or with close', async () => {
  const dead = await server((socket) => socket.destroy());
  const device = makeDevice(dead.url, { clock: new TestClock() });
  const abort = new AbortController();
  const aborted = device.online({ signal: abort.signal }).then(() => '', (error: Error) => error.message);
  abort.abort(new Error('enough'));
  assert.is(await aborted, 'enough');
  assert.is(await device.online({ signal: AbortSignal.abort(new Error('before')) }).then(() => '', (error: Error) => error.message), 'before');
  const waiting = codeOf(device.online());
  await device.close();
  assert.is(await waiting, 'CLOSED');
  assert.is(await codeOf(device.online()), 'CLOSED');
  await dead.close();
});

for (const [what, options, code, word] of [
  ['no address', { url: '' }, 'BAD_ADDRESS', /address ""/],
  ['an empty list of addresses', { url: [] }, 'BAD_OPTION', /url/],
  ['another scheme', { url: 'mqtt://host' }, 'BAD_ADDRESS', /mqtt/],
  ['a path behind the port', { url: 'tidelock://host/x' }, 'BAD_ADDRESS', /after the port/],
  ['a password in the address', { url: 'tidelock://pump:secret@host' }, 'BAD_ADDRESS', /password/],
  ['a short key', { key: Buffer.alloc(16) }, 'BAD_KEY', /16 bytes/],
  ['an identity with a #', { id: 'a#b' }, 'BAD_IDENTITY', /a#b/],
  ['an identity that is too long', { id: 'x'.repeat(65) }, 'BAD_IDENTITY', /64 bytes/],
  ['an unknown option', { ur1: 'x' }, 'UNKNOWN_OPTION', /ur1/],
  ['a key number out of range', { keyId: 256 }, 'BAD_OPTION', /keyId/],
  ['an unknown policy', { outbox: { full: 'drop' } }, 'BAD_OPTION', /outbox\.full/],
  ['a lifetime of nothing', { lifetime: 0 }, 'BAD_OPTION', /lifetime/],
  ['an unknown suite', { suites: ['none'] }, 'BAD_OPTION', /suites/],
] as [string, Partial<DeviceOptions>, string, RegExp][]) {
  test(`${what} is named at once`, () => {
    try {
      void new Device({ url: 'tidelock://127.0.0.1', id: 'pump-7', key: KEY, ...options }).close({ drain: 0 });
      assert.unreachable();
    } catch (error) {
      assert.is((error as TidelockError).code, code);
      assert.match((error as Error).message, word);
      assert.ok(!(error as Error).message.includes('secret'));
    }
  });
}

test('a key of the wrong type is a TypeError', () => {
  assert.throws(() => new Device({ url: 'tidelock://127.0.0.1', id: 'pump-7', key: 'secret' as never }), /Uint8Array/);
});

test('the clock ran through a sleep: nothing is handled until the gateway has answered a PING', async () => {
  const clock = new TestClock();
  const { gateway, device } = await pair({}, { clock });
  const seen: string[] = [];
  device.on('message', (message) => void seen.push(message.text()));
  clock.step(501); // a quarter of the window, and one
  device.post('wakes');
  await until('noticed', () => device.counters().clockLost === 1);
  await until('the clock is set again, and it goes on', () => {
    gateway.post('pump-7', 'x');
    return seen.length > 0;
  });
  assert.is(device.counters().sessions, 1);
  clock.step(-400);
  device.post('borne');
  await turns(10);
  assert.is(device.counters().clockLost, 1);
  await closeAll(device, gateway);
});

test('close ends it at any moment, also before it was started and from inside an event', async () => {
  const gateway = await listen();
  const never = makeDevice(gateway, { start: false });
  await never.close();
  assert.throws(() => never.connect(), (error: TidelockError) => error.code === 'CLOSED');
  const early = makeDevice(gateway);
  await early.close();
  for (const name of ['connecting', 'online'] as const) {
    const device = makeDevice(gateway, { start: false });
    let closed = false;
    device.on('close', () => (closed = true));
    device.on('state', (state) => void (state.name === name && device.close()));
    device.connect();
    await until('closed', () => closed);
    assert.is(device.state.name, 'stopped');
  }
  const device = makeDevice(gateway);
  let closed = false;
  device.on('close', () => (closed = true));
  device.on('message', () => device.close({ drain: 0 }));
  await device.online();
  await until('online at the gateway', () => gateway.device('pump-7') !== undefined);
  gateway.post('pump-7', 'x');
  await until('closed', () => closed);
  await closeAll(gateway);
});

test('a signal closes it; asyncDispose too', async () => {
  const gateway = await listen();
  const abort = new AbortController();
  const device = makeDevice(gateway, { signal: abort.signal });
  await device.online();
  abort.abort();
  await until('stopped', () => device.state.name === 'stopped');
  const aborted = makeDevice(gateway, { signal: AbortSignal.abort() });
  await turns(3);
  assert.is(aborted.state.name, 'stopped');
  const second = makeDevice(gateway);
  await second.online();
  await second[Symbol.asyncDispose]();
  assert.is(second.state.name, 'stopped');
  await until('all are gone', () => gateway.counters().open === 0);
  await closeAll(gateway);
});

test.run();
