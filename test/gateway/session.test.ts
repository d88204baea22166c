/** A session over real sockets and the real core: what comes, in which suite, with which facts. */
import * as assert from 'uvu/assert';
import type { DeviceChange, Message } from 'tidelock/gateway';
import { closeAll, KEY, listen, makeDevice, pair, test, TestClock, turns, until } from './support.js';

for (const suite of ['sealed', 'signed', 'signed-8'] as const) {
  test(`${suite}: messages without acknowledgement pass both ways`, async () => {
    const { gateway, device } = await pair({ suites: [suite] }, { suites: [suite] });
    const up: Message[] = [], down: string[] = [];
    gateway.on('message', (message) => up.push(message));
    device.on('message', (message) => down.push(message.text()));
    for (let i = 0; i < 100; i++) assert.ok(device.post(`up ${i}`));
    for (let i = 0; i < 100; i++) assert.ok(gateway.post('pump-7', `down ${i}`));
    await until('all messages', () => up.length === 100 && down.length === 100);
    assert.equal(up.map((message) => message.text()), Array.from({ length: 100 }, (_, i) => `up ${i}`));
    assert.equal(down, Array.from({ length: 100 }, (_, i) => `down ${i}`));
    assert.is(gateway.device('pump-7')!.suite, suite);
    assert.is(up[0]!.device, 'pump-7');
    assert.is(up[0]!.id, '');
    assert.is(up[0]!.repeat, false);
    assert.equal(gateway.counters().refused, {});
    await closeAll(device, gateway);
  });
}

test('the strongest suite that both allow is taken', async () => {
  const { gateway, device } = await pair({ suites: ['signed-8', 'signed'] }, { suites: ['signed-8', 'sealed', 'signed'] });
  assert.is(gateway.device('pump-7')!.suite, 'signed');
  await closeAll(device, gateway);
});

test('bodies of every length arrive byte for byte, and stay valid', async () => {
  for (const suite of ['sealed', 'signed'] as const) {
    const { gateway, device } = await pair({ suites: [suite] }, { suites: [suite] });
    const lengths = [0, 1, 15, 16, 127, 128, 1_000, 1_024, 1_025, 16_000, 16_383];
    const bodies = lengths.map((length) => Buffer.alloc(length, length & 0xff));
    const up: Buffer[] = [], down: Buffer[] = [];
    gateway.on('message', (message) => up.push(message.body));
    device.on('message', (message) => down.push(message.body));
    for (const body of bodies) {
      assert.ok(device.post(body));
      assert.ok(gateway.post('pump-7', body));
    }
    await until('all bodies', () => up.length === lengths.length && down.length === lengths.length);
    assert.equal(up, bodies);
    assert.equal(down, bodies);
    await closeAll(device, gateway);
  }
});

test('a body that no frame holds is refused with its length', async () => {
  const { gateway, device } = await pair();
  for (const post of [() => device.post(Buffer.alloc(16_384)), () => gateway.post('pump-7', Buffer.alloc(16_384))]) {
    assert.throws(post, (error: { code: string; details: object }) => error.code === 'TOO_LONG' && 'bytes' in error.details);
  }
  assert.throws(() => device.post(17 as never), /string or a Uint8Array/);
  assert.throws(() => gateway.post('pump-7', undefined as never), /string or a Uint8Array/);
  await closeAll(device, gateway);
});

test('the time of a message is the gateway\'s, whatever the device\'s wall clock says', async () => {
  const clock = new TestClock(), deviceClock = new TestClock();
  deviceClock.step(-86_400_000 * 365);
  const { gateway, device } = await pair({ clock }, { clock: deviceClock });
  const times: number[] = [];
  gateway.on('message', (message) => void times.push(message.time));
  await clock.advance(1_000);
  await deviceClock.advance(1_000);
  device.post('x');
  await until('the message', () => times.length === 1);
  assert.is(times[0], clock.unix());
  await closeAll(device, gateway);
});

test('a message that waited out an outage still tells when it was taken', async () => {
  const clock = new TestClock();
  const gateway = await listen({ clock });
  const times: number[] = [];
  gateway.on('message', (message) => void times.push(message.time));
  const device = makeDevice(gateway, { clock, start: false });
  const taken = clock.unix();
  const { acknowledged } = device.send('21.5');
  await clock.advance(10_000);
  device.connect();
  await acknowledged;
  assert.ok(Math.abs(times[0]! - taken) <= 63, `${times[0]! - taken} ms off`); // the age has a unit of 1/16 s
  await closeAll(device, gateway);
});

test('device events tell who came and why he went', async () => {
  const gateway = await listen();
  const changes: DeviceChange[] = [];
  gateway.on('device', (change) => changes.push(change));
  const device = makeDevice(gateway);
  await device.online();
  await until('online', () => changes.length === 1);
  assert.equal([...gateway.devices()].map(({ id }) => id), ['pump-7']);
  await device.close();
  await until('offline', () => changes.length === 2);
  assert.equal(changes.map(({ online, reason, id }) => [id, online, reason]), [['pump-7', true, ''], ['pump-7', false, 'closed']]);
  assert.match(changes[0]!.address, /^127\.0\.0\.1:\d+$/);
  assert.is(changes[0]!.session, changes[1]!.session);
  assert.is(gateway.device('pump-7'), undefined);
  await closeAll(gateway);
});

test('disconnect ends a session with its reason', async () => {
  const { gateway, device, states } = await pair();
  assert.is(gateway.disconnect('nobody'), false);
  assert.ok(gateway.disconnect('pump-7', { reason: 'busy', retryAfter: 300 }));
  await until('waiting', () => device.state.name === 'waiting');
  const state = states.at(-1)! as unknown as { wait: number; error: { code: string } };
  assert.is(state.error.code, 'GATEWAY_BUSY');
  assert.ok(state.wait >= 300_000 && state.wait <= 600_000, `waits ${state.wait} ms`);
  await closeAll(device, gateway);
});

test('post tells when nobody is there', async () => {
  const { gateway, device } = await pair();
  assert.is(gateway.post('nobody', 'x'), false);
  await device.close();
  await until('offline', () => gateway.device('pump-7') === undefined);
  assert.is(gateway.post('pump-7', 'x'), false);
  assert.is(device.post('x'), false);
  assert.is(gateway.counters().dropped, 2);
  await closeAll(gateway);
});

test('without a listener messages are only counted', async () => {
  const { gateway, device } = await pair();
  for (let i = 0; i < 10; i++) device.post('x');
  await until('ten counted', () => gateway.counters().received === 10);
  await closeAll(device, gateway);
});

test('a handler may disconnect the device in the middle of a chunk', async () => {
  const { gateway, device } = await pair({ suites: ['signed'] }, { suites: ['signed'] });
  let seen = 0;
  gateway.on('message', () => {
    seen += 1;
    gateway.disconnect('pump-7');
  });
  for (let i = 0; i < 500; i++) device.post('x');
  await until('disconnected', () => device.state.name === 'waiting');
  assert.ok(seen >= 1);
  assert.is(gateway.device('pump-7'), undefined);
  await closeAll(device, gateway);
});

test('a handler that throws for a message without acknowledgement is an error event, not a crash', async () => {
  const { gateway, device } = await pair();
  const errors: Error[] = [];
  gateway.on('error', (error) => errors.push(error));
  gateway.on('message', () => {
    throw new Error('a bug');
  });
  gateway.on('message', () => Promise.reject(new Error('another')));
  device.post('x');
  await until('both errors', () => errors.length === 2);
  assert.equal(errors.map((error) => (error as { code?: string }).code), ['HANDLER_FAILED', 'HANDLER_FAILED']);
  assert.is((errors[0]!.cause as Error).message, 'a bug');
  await turns(2);
  assert.ok(gateway.device('pump-7') !== undefined);
  await closeAll(device, gateway);
});

test('what a listener throws is thrown where Node shows it, and nothing else is lost', async () => {
  const { gateway, device } = await pair({ suites: ['signed'] }, { suites: ['signed'] });
  const thrown: unknown[] = [];
  const take = (error: unknown): void => void thrown.push(error);
  process.on('uncaughtException', take);
  let seen = 0;
  gateway.on('message', () => void seen++);
  gateway.on('device', () => {
    throw new Error('a bug in a listener');
  });
  const again = makeDevice(gateway, { suites: ['signed'] });
  for (let i = 0; i < 50; i++) void again.send('x').acknowledged.catch(() => undefined);
  await until('all came', () => seen === 50);
  await until('both throws', () => thrown.length === 2); // one went, one came
  process.off('uncaughtException', take);
  gateway.removeAllListeners('device');
  await closeAll(device, again, gateway);
});

test('two devices do not hear of each other', async () => {
  const other = Buffer.alloc(32, 7);
  const gateway = await listen({ devices: { a: KEY, b: other } });
  const a = makeDevice(gateway, { id: 'a' }), b = makeDevice(gateway, { id: 'b', key: other });
  const heard: string[] = [];
  a.on('message', (message) => heard.push(`a ${message.text()}`));
  b.on('message', (message) => heard.push(`b ${message.text()}`));
  await Promise.all([a.online(), b.online()]);
  await until('both at the gateway', () => gateway.counters().online === 2);
  gateway.post('a', '1');
  gateway.post('b', '2');
  await until('both', () => heard.length === 2);
  assert.equal(heard.sort(), ['a 1', 'b 2']);
  await closeAll(a, b, gateway);
});

test.run();
