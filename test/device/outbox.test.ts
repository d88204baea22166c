/** The device's outbox: bounded, with a named policy; every message has an end. */
import * as assert from 'uvu/assert';
import type { TidelockError } from 'tidelock/device';
import { closeAll, codeOf, listen, makeDevice, pair, Relay, test, TestClock, turns, until } from '../gateway/support.js';

test('messages wait while it is offline, and go in order', async () => {
  const gateway = await listen();
  const seen: string[] = [];
  gateway.on('message', (message) => void seen.push(message.text()));
  const device = makeDevice(gateway, { start: false });
  const sendings = Array.from({ length: 200 }, (_, i) => device.send(`${i}`));
  assert.equal(device.waiting, { messages: 200, bytes: 490 });
  device.connect();
  await Promise.all(sendings.map(({ acknowledged }) => acknowledged));
  assert.equal(device.waiting, { messages: 0, bytes: 0 });
  assert.equal(seen, sendings.map((_, i) => `${i}`));
  await closeAll(device, gateway);
});

test('full: refuse ends the new one, drop-oldest the oldest; both are counted', async () => {
  for (const bounds of [{ messages: 3 }, { bytes: 3 }]) {
    const refuse = makeDevice('tidelock://127.0.0.1:1', { start: false, outbox: bounds });
    const a = Array.from({ length: 4 }, (_, i) => refuse.send(`${i}`));
    const ends = a.map(({ acknowledged }) => codeOf(acknowledged));
    assert.is(await ends[3], 'QUEUE_FULL');
    assert.is(refuse.waiting.messages, 3);
    assert.is(refuse.counters().failed, 1);
    await closeAll(refuse);
    assert.equal(await Promise.all(ends), ['CLOSED', 'CLOSED', 'CLOSED', 'QUEUE_FULL']);

    const drop = makeDevice('tidelock://127.0.0.1:1', { start: false, outbox: { ...bounds, full: 'drop-oldest' } });
    const b = Array.from({ length: 5 }, (_, i) => drop.send(`${i}`));
    const dropEnds = b.map(({ acknowledged }) => codeOf(acknowledged));
    assert.is(drop.counters().failed, 2);
    await closeAll(drop);
    assert.equal(await Promise.all(dropEnds), ['QUEUE_FULL', 'QUEUE_FULL', 'CLOSED', 'CLOSED', 'CLOSED']);
  }
});

test('drop-oldest leaves those that were sent', async () => {
  const { gateway, device } = await pair({}, { outbox: { messages: 2, full: 'drop-oldest' } });
  const resolves: (() => void)[] = [];
  gateway.on('message', () => new Promise<void>((resolve) => resolves.push(resolve)));
  const sent = device.send('sent');
  await until('the handler', () => resolves.length === 1);
  const second = device.send('second');
  await turns(20); // it is sent too
  const third = device.send('third');
  assert.is(await codeOf(third.acknowledged), 'QUEUE_FULL');
  resolves[0]!();
  await sent.acknowledged;
  await until('the second runs', () => resolves.length === 2);
  resolves[1]!();
  await second.acknowledged;
  await closeAll(device, gateway);
});

test('a lifetime ends what was not sent as expired, what was sent as in doubt', async () => {
  const clock = new TestClock();
  const offline = makeDevice('tidelock://127.0.0.1:1', { clock, lifetime: 5_000 });
  const unsent = offline.send('x'), longer = offline.send('y', { lifetime: 50_000 });
  const end = codeOf(unsent.acknowledged), longerEnd = codeOf(longer.acknowledged);
  await turns(2);
  await clock.advance(5_001);
  assert.is(await end, 'EXPIRED');
  assert.is(offline.waiting.messages, 1);
  await closeAll(offline);
  assert.is(await longerEnd, 'CLOSED');

  const { gateway, device } = await pair({ clock }, { clock });
  let started = false;
  gateway.on('message', () => {
    started = true;
    return new Promise(() => undefined);
  });
  const doubt = codeOf(device.send('x', { lifetime: 5_000 }).acknowledged);
  await until('the handler', () => started);
  await clock.advance(5_001);
  assert.is(await doubt, 'IN_DOUBT');
  await closeAll(device, gateway);
});

test('a signal takes out what was not sent', async () => {
  const device = makeDevice('tidelock://127.0.0.1:1', { start: false });
  const abort = new AbortController();
  const first = device.send('a', { signal: abort.signal }), second = device.send('b');
  const ends = [first, second].map(({ acknowledged }) => codeOf(acknowledged));
  abort.abort();
  assert.is(await ends[0], 'CANCELLED');
  assert.is(await codeOf(device.send('c', { signal: abort.signal }).acknowledged), 'CANCELLED');
  assert.is(device.waiting.messages, 1);
  await closeAll(device);
  assert.is(await ends[1], 'CLOSED');
});

test('one that was given up leaves no hole: those behind it arrive', async () => {
  const gateway = await listen();
  const seen: string[] = [];
  gateway.on('message', (message) => void seen.push(message.text()));
  const device = makeDevice(gateway, { start: false });
  const aborts = Array.from({ length: 10 }, () => new AbortController());
  const sendings = aborts.map((abort, i) => device.send(`${i}`, { signal: abort.signal }));
  const ends = sendings.map(({ acknowledged }) => codeOf(acknowledged));
  for (const i of [0, 3, 4, 9]) aborts[i]!.abort();
  device.connect();
  await until('all ended', () => device.waiting.messages === 0);
  await Promise.all(ends);
  assert.equal(seen, ['1', '2', '5', '6', '7', '8']);
  await device.send('after').acknowledged;
  await closeAll(device, gateway);
});

test('a body that no frame holds is refused with its length; one that this gateway does not take ends so', async () => {
  const { gateway, device } = await pair({ largest: 1_024 });
  gateway.on('message', () => undefined);
  assert.throws(() => device.send(Buffer.alloc(16_376)), (error: TidelockError) => error.code === 'TOO_LONG');
  const long = device.send(Buffer.alloc(2_000)), short = device.send('short');
  assert.is(await codeOf(long.acknowledged), 'TOO_LONG');
  await short.acknowledged;
  await closeAll(device, gateway);
});

test('the application may change its buffer once it has sent it', async () => {
  const gateway = await listen();
  const seen: string[] = [];
  gateway.on('message', (message) => void seen.push(message.text()));
  const device = makeDevice(gateway, { start: false });
  const body = Buffer.from('before');
  const { acknowledged } = device.send(body);
  body.fill('x');
  device.connect();
  await acknowledged;
  assert.equal(seen, ['before']);
  await closeAll(device, gateway);
});

test('an end that nobody looks at is no unhandled rejection, one that is asked for late is told', async () => {
  const device = makeDevice('tidelock://127.0.0.1:1', { start: false, outbox: { messages: 0 } });
  let unhandled = 0;
  const count = (): void => void unhandled++;
  process.on('unhandledRejection', count);
  const sending = device.send('x');
  await turns(10);
  assert.is(unhandled, 0);
  assert.is(await codeOf(sending.acknowledged), 'QUEUE_FULL');
  process.off('unhandledRejection', count);
  await closeAll(device);
});

test('close waits for the acknowledgements of what was accepted; nothing more is taken', async () => {
  const { gateway, device } = await pair();
  let fulfil!: () => void;
  gateway.on('message', () => new Promise<void>((resolve) => (fulfil = resolve)));
  const sending = device.send('x');
  await until('the handler', () => fulfil !== undefined);
  let closed = false;
  const closing = device.close().then(() => (closed = true));
  await turns(20);
  assert.is(closed, false);
  assert.is(await codeOf(device.send('late').acknowledged), 'CLOSED');
  assert.is(device.post('late'), false);
  fulfil();
  await sending.acknowledged;
  await closing;
  await closeAll(gateway);
});

test('what was posted before close leaves', async () => {
  const { gateway, device } = await pair();
  for (let i = 0; i < 100; i++) device.post('x');
  await device.close();
  await until('all arrived', () => gateway.counters().received === 100);
  await closeAll(gateway);
});

test('the drain has an end: what was sent is in doubt, the rest was not taken', async () => {
  const clock = new TestClock();
  const gateway = await listen();
  const relay = await Relay.to(() => gateway.address);
  const device = makeDevice(relay.url, { clock });
  gateway.on('message', () => new Promise(() => undefined));
  await device.online();
  const sent = codeOf(device.send('sent').acknowledged);
  await until('it is at the gateway', () => relay.toGateway.length > 2);
  await turns(20);
  relay.cut();
  await until('waiting', () => device.state.name === 'waiting');
  const unsent = codeOf(device.send('unsent').acknowledged);
  const closing = device.close({ drain: 200 });
  await turns(2);
  await clock.advance(199);
  await clock.advance(10);
  await closing;
  assert.equal([await sent, await unsent].includes('CLOSED'), true);
  await closeAll(gateway);
  await relay.close();
});

test.run();
