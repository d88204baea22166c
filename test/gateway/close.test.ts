/** How a gateway begins and ends: its options, its addresses, and what `close` finishes. */
import { createServer, type AddressInfo } from 'node:net';
import * as assert from 'uvu/assert';
import { Gateway, TidelockError, type GatewayOptions } from 'tidelock/gateway';
import { closeAll, codeOf, KEY, listen, makeDevice, pair, test, TestClock, turns, until } from './support.js';

test('it listens at several addresses, and says where', async () => {
  const gateway = await listen({ listen: ['tidelock://127.0.0.1:0', 'tidelock://127.0.0.2:0'] });
  assert.is(gateway.addresses.length, 2);
  assert.match(gateway.address, /^tidelock:\/\/127\.0\.0\.1:\d+$/);
  assert.is(gateway.durable, false);
  let told: readonly string[] = [];
  gateway.on('listening', (addresses) => (told = addresses));
  await until('listening', () => told.length === 2);
  for (const url of gateway.addresses) {
    const device = makeDevice(url);
    await device.online();
    await closeAll(device);
  }
  await closeAll(gateway);
});

test('a port that is taken is named, and nothing is left open', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const error = await listen({ listen: ['tidelock://127.0.0.1:0', `tidelock://127.0.0.1:${port}`] }).then(
    () => undefined,
    (reason: TidelockError) => reason,
  );
  assert.is(error?.code, 'PORT_IN_USE');
  assert.match(error!.message, new RegExp(`${port}`));
  server.close();
});

for (const [what, options, code, word] of [
  ['no source of keys', { devices: undefined }, 'BAD_OPTION', /registry, lookup and devices/],
  ['two sources of keys', { devices: {}, lookup: () => KEY }, 'BAD_OPTION', /exactly one/],
  ['an unknown option', { devices: {}, windo: 1 }, 'UNKNOWN_OPTION', /windo/],
  ['an unknown limit', { devices: {}, limits: { halfopen: 1 } }, 'UNKNOWN_OPTION', /halfopen/],
  ['a window out of range', { devices: {}, window: 99 }, 'BAD_OPTION', /window/],
  ['a limit that is no number', { devices: {}, limits: { unsent: NaN } }, 'BAD_OPTION', /limits\.unsent/],
  ['an unknown suite', { devices: {}, suites: ['open'] }, 'BAD_OPTION', /suites/],
  ['another scheme', { devices: {}, listen: 'http://0.0.0.0' }, 'BAD_ADDRESS', /http/],
  ['a bad port', { devices: {}, listen: 'tidelock://0.0.0.0:99999' }, 'BAD_ADDRESS', /99999/],
  ['a short key', { devices: { 'pump-7': Buffer.alloc(31) } }, 'BAD_KEY', /31 bytes/],
  ['an address that is not ours', { devices: {}, listen: 'tidelock://192.0.2.1:0' }, 'LISTEN_FAILED', /192\.0\.2\.1/],
] as [string, GatewayOptions, string, RegExp][]) {
  test(`${what} is named`, async () => {
    try {
      await closeAll(await Gateway.listen({ listen: 'tidelock://127.0.0.1:0', ...options }));
      assert.unreachable();
    } catch (error) {
      assert.is((error as TidelockError).code, code);
      assert.match((error as Error).message, word);
    }
  });
}

test('close waits for handlers at work, and their ACKs leave', async () => {
  const { gateway, device } = await pair();
  let fulfil!: () => void;
  gateway.on('message', () => new Promise<void>((resolve) => (fulfil = resolve)));
  const sending = device.send('x');
  await until('the handler', () => fulfil !== undefined);
  let closed = false;
  const closing = gateway.close().then(() => (closed = true));
  assert.is(gateway.close(), gateway.close()); // a second call joins the first
  await turns(30);
  assert.is(closed, false);
  fulfil();
  assert.is(await codeOf(sending.acknowledged), 'fulfilled');
  await closing;
  assert.is(device.state.name, 'waiting');
  assert.match(device.state.reason, /going away/);
  await closeAll(device);
});

test('what comes while it drains is answered busy, not lost', async () => {
  const { gateway, device } = await pair();
  let fulfil!: () => void;
  const seen: string[] = [];
  gateway.on('message', (message) => {
    seen.push(message.text());
    return new Promise<void>((resolve) => (fulfil = resolve));
  });
  const first = device.send('first');
  await until('the handler', () => fulfil !== undefined);
  const closing = gateway.close();
  await turns(5);
  const late = device.send('late');
  await turns(20);
  fulfil();
  await first.acknowledged;
  await closing;
  assert.equal(seen, ['first']);
  assert.is(device.waiting.messages, 1);
  const end = codeOf(late.acknowledged);
  await closeAll(device);
  assert.ok(['CLOSED', 'IN_DOUBT'].includes(await end));
});

test('close sends what was posted, and waits for messages that connected devices have not acknowledged', async () => {
  const { gateway, device } = await pair();
  const seen: string[] = [];
  device.on('message', (message) => void seen.push(message.text()));
  gateway.post('pump-7', 'posted');
  const sending = gateway.send('pump-7', 'sent');
  await sending.queued;
  await gateway.close();
  assert.is(await codeOf(sending.acknowledged), 'fulfilled');
  assert.equal(seen.sort(), ['posted', 'sent']);
  await closeAll(device);
});

test('the drain has an end', async () => {
  const clock = new TestClock();
  const { gateway, device } = await pair({ clock });
  let started = false;
  gateway.on('message', () => {
    started = true;
    return new Promise(() => undefined);
  });
  const sending = device.send('x');
  const end = codeOf(sending.acknowledged);
  await until('the handler', () => started);
  let closed = false;
  void gateway.close({ drain: 3_000 }).then(() => (closed = true));
  await turns(2);
  await clock.advance(2_900);
  assert.is(closed, false);
  await clock.advance(200);
  await until('the device is told', () => device.state.name === 'waiting');
  await clock.advance(3_000);
  await until('closed', () => closed);
  await closeAll(device);
  assert.is(await end, 'IN_DOUBT');
});

test('with drain 0 it closes at once, also during a drain', async () => {
  for (const before of [false, true]) {
    const { gateway, device } = await pair();
    let started = false;
    gateway.on('message', () => {
      started = true;
      return new Promise(() => undefined);
    });
    void device.send('x').acknowledged.catch(() => undefined);
    await until('the handler', () => started);
    if (before) {
      void gateway.close();
      await turns(3);
    }
    await gateway.close({ drain: 0 });
    await closeAll(device);
  }
});

test('after close nothing is taken, and everything that waits ends', async () => {
  const { gateway, device } = await pair();
  await device.close();
  await until('offline', () => gateway.device('pump-7') === undefined);
  const waiting = gateway.send('pump-7', 'x');
  await waiting.queued;
  const end = codeOf(waiting.acknowledged);
  let events = 0;
  gateway.on('close', () => void events++);
  await gateway.close();
  assert.is(await end, 'CLOSED');
  assert.is(events, 1);
  assert.is(await codeOf(gateway.send('pump-7', 'x').acknowledged), 'CLOSED');
  assert.is(gateway.post('pump-7', 'x'), false);
  const late = makeDevice(gateway.address, { clock: new TestClock() });
  await until('refused', () => late.state.name === 'waiting');
  assert.is((late.state as unknown as { error: TidelockError }).error.code, 'HOST_UNREACHABLE');
  await closeAll(late);
});

test('a signal closes it, before and after it stands; asyncDispose too', async () => {
  assert.is(await listen({ signal: AbortSignal.abort(new Error('no')) }).then(() => '', (error: Error) => error.message), 'no');
  const abort = new AbortController();
  const { gateway, device } = await pair({ signal: abort.signal });
  let closed = false;
  gateway.on('close', () => (closed = true));
  abort.abort();
  await until('closed', () => closed);
  await closeAll(device);
  const second = await listen();
  await second[Symbol.asyncDispose]();
  assert.is(second.counters().open, 0);
});

test('messages() without a registry says that it needs one', async () => {
  const gateway = await listen();
  assert.throws(() => gateway.messages(), (error: TidelockError) => error.code === 'NOT_DURABLE');
  await closeAll(gateway);
});

test('errors without a listener go to the logger; without both they are thrown where Node shows them', async () => {
  const lines: string[] = [];
  const log = (_fields: object, text: string): void => void lines.push(text);
  const gateway = await listen({ lookup: () => { throw new Error('down'); }, logger: { debug: log, info: log, warn: log, error: log } });
  const device = makeDevice(gateway, { clock: new TestClock() });
  await until('logged', () => lines.some((line) => line.includes('down')));
  await closeAll(device, gateway);

  const bare = await listen();
  bare.on('message', () => { throw new Error('down'); });
  const thrown = new Promise<Error>((resolve) => process.once('uncaughtException', resolve));
  const second = makeDevice(bare, { clock: new TestClock() });
  second.send('x').acknowledged.catch(() => undefined);
  assert.is(((await thrown) as TidelockError).code, 'HANDLER_FAILED');
  await closeAll(second, bare);
});

test.run();
