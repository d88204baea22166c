/** Messages towards devices, without a registry: queue, order, once, and the end that their sender learns. */
import * as assert from 'uvu/assert';
import { advanceUntil, closeAll, codeOf, listen, makeDevice, pair, Relay, test, TestClock, turns, until } from './support.js';

test('messages for a device that sleeps wait for it, and come in order, each once', async () => {
  const gateway = await listen();
  const sendings = Array.from({ length: 200 }, (_, i) => gateway.send('pump-7', `${i}`));
  const names = await Promise.all(sendings.map(({ queued }) => queued));
  assert.is(new Set(names).size, 200);
  assert.match(names[0]!, /^pump-7#[0-9a-f]{8}-2$/);
  const device = makeDevice(gateway);
  const seen: string[] = [];
  device.on('message', (message) => void seen.push(message.text()));
  await Promise.all(sendings.map(({ acknowledged }) => acknowledged));
  assert.equal(seen, sendings.map((_, i) => `${i}`));
  assert.is(gateway.counters().delivered, 200);
  await closeAll(device, gateway);
});

test('a message to a connected device is acknowledged when its handler has ended', async () => {
  const { gateway, device } = await pair();
  let fulfil!: () => void;
  device.on('message', () => new Promise<void>((resolve) => (fulfil = resolve)));
  const sending = gateway.send('pump-7', 'x');
  let ended = false;
  sending.acknowledged.then(() => (ended = true), () => (ended = true));
  await until('the handler', () => fulfil !== undefined);
  await turns(30);
  assert.is(ended, false);
  fulfil();
  await sending.acknowledged;
  await closeAll(device, gateway);
});

test('a handler at the device that throws refuses this message alone', async () => {
  const { gateway, device } = await pair();
  const seen: string[] = [];
  device.on('error', () => undefined);
  device.on('message', (message) => {
    seen.push(message.text());
    if (message.text() === 'bad') throw new Error('no');
  });
  const sendings = ['a', 'bad', 'b', 'c'].map((body) => gateway.send('pump-7', body));
  assert.equal(await Promise.all(sendings.map(({ acknowledged }) => codeOf(acknowledged))), ['fulfilled', 'REFUSED', 'fulfilled', 'fulfilled']);
  assert.equal(seen, ['a', 'bad', 'b', 'c']);
  await closeAll(device, gateway);
});

test('one that outlives its lifetime unsent is expired; those behind it still come', async () => {
  const clock = new TestClock();
  const gateway = await listen({ clock });
  const short = gateway.send('pump-7', 'short', { lifetime: 5_000 }), long = gateway.send('pump-7', 'long', { lifetime: 600_000 });
  await long.queued;
  const end = codeOf(short.acknowledged);
  await clock.advance(6_000);
  assert.is(await end, 'EXPIRED');
  const device = makeDevice(gateway, { clock });
  const seen: string[] = [];
  device.on('message', (message) => void seen.push(message.text()));
  await long.acknowledged;
  assert.equal(seen, ['long']);
  await closeAll(device, gateway);
});

test('one that outlives its lifetime after it was sent is in doubt', async () => {
  const clock = new TestClock();
  const { gateway, device } = await pair({ clock }, { clock });
  device.on('message', () => new Promise(() => undefined)); // never ends
  const sending = gateway.send('pump-7', 'x', { lifetime: 5_000 });
  const end = codeOf(sending.acknowledged);
  await until('sent', () => device.counters().received === 1);
  await clock.advance(6_000);
  assert.is(await end, 'IN_DOUBT');
  await closeAll(device, gateway);
});

test('a device that was busy did not take it: its end is expired, not in doubt', async () => {
  const clock = new TestClock();
  const { gateway, device } = await pair({ clock }, { clock }); // nobody listens at the device
  const sending = gateway.send('pump-7', 'x', { lifetime: 5_000 });
  const end = codeOf(sending.acknowledged);
  await until('busy', () => device.counters().received === 1);
  await turns(20);
  await clock.advance(500); // the device's next busy would be later: by then the lifetime is over
  await advanceUntil(clock, 'its end', () => gateway.counters().failed === 1);
  assert.is(await end, 'EXPIRED');
  await closeAll(device, gateway);
});

test('a signal takes an unsent message out of the queue, and leaves one that was sent', async () => {
  const { gateway, device } = await pair();
  await device.close();
  await until('offline', () => gateway.device('pump-7') === undefined);
  const cancel = new AbortController();
  const sending = gateway.send('pump-7', 'x', { signal: cancel.signal });
  await sending.queued;
  cancel.abort();
  assert.is(await codeOf(sending.acknowledged), 'CANCELLED');
  assert.is(await codeOf(gateway.send('pump-7', 'x', { signal: cancel.signal }).acknowledged), 'CANCELLED');
  const second = makeDevice(gateway);
  let fulfil!: () => void;
  second.on('message', () => new Promise<void>((resolve) => (fulfil = resolve)));
  const late = new AbortController();
  const sent = gateway.send('pump-7', 'y', { signal: late.signal });
  await until('the handler', () => fulfil !== undefined);
  late.abort();
  await turns(10);
  fulfil();
  assert.is(await codeOf(sent.acknowledged), 'fulfilled');
  await closeAll(second, gateway);
});

test('a full queue refuses the next one, of one device and of all', async () => {
  const keys = { a: Buffer.alloc(32, 1), b: Buffer.alloc(32, 2) };
  const gateway = await listen({ devices: keys, limits: { queueMessages: 3, queueBytes: 1_000, queueBytesTotal: 1_500 } });
  const send = async (id: string, bytes: number): Promise<string> => codeOf(gateway.send(id, Buffer.alloc(bytes)).queued);
  assert.equal([await send('a', 10), await send('a', 10), await send('a', 10), await send('a', 10)], ['fulfilled', 'fulfilled', 'fulfilled', 'QUEUE_FULL']);
  assert.equal([await send('b', 900), await send('b', 200)], ['fulfilled', 'QUEUE_FULL']);
  await closeAll(gateway);
});

test('what cannot be sent is said at once', async () => {
  const gateway = await listen();
  assert.is(await codeOf(gateway.send('unknown', 'x').acknowledged), 'DEVICE_UNKNOWN');
  assert.is(await codeOf(gateway.send('bad id#', 'x').acknowledged), 'BAD_IDENTITY');
  assert.is(await codeOf(gateway.send('pump-7', Buffer.alloc(16_376)).acknowledged), 'TOO_LONG');
  assert.throws(() => gateway.send('pump-7', 'x', { lifetime: 0 }), (error: { code: string }) => error.code === 'BAD_OPTION');
  assert.throws(() => gateway.send('pump-7', 'x', { doubt: 'yes' as never }), (error: { code: string }) => error.code === 'BAD_OPTION');
  assert.is(gateway.counters().failed, 3);
  await closeAll(gateway);
});

test('a message longer than this device takes ends as too long; those behind it come', async () => {
  const { gateway, device } = await pair({}, { largest: 200 });
  const seen: string[] = [];
  device.on('message', (message) => void seen.push(message.text()));
  const long = gateway.send('pump-7', 'y'.repeat(300)), short = gateway.send('pump-7', 'short');
  assert.is(await codeOf(long.acknowledged), 'TOO_LONG');
  await short.acknowledged;
  assert.equal(seen, ['short']);
  await closeAll(device, gateway);
});

test('a message longer than this device takes is not posted, and counted', async () => {
  const { gateway, device } = await pair({}, { largest: 200 });
  const seen: string[] = [];
  device.on('message', (message) => void seen.push(message.text()));
  for (const body of ['a', 'y'.repeat(300), 'b', 'y'.repeat(300), 'c']) gateway.post('pump-7', body);
  await until('the others', () => seen.length === 3);
  assert.equal(seen, ['a', 'b', 'c']);
  assert.is(gateway.counters().dropped, 2);
  await closeAll(device, gateway);
});

test('a link lost before the ACK: the message comes again in the next session, and is obeyed once', async () => {
  const gateway = await listen();
  const relay = await Relay.to(() => gateway.address);
  const clock = new TestClock();
  const device = makeDevice(relay.url, { clock });
  const seen: string[] = [];
  device.on('message', (message) => void seen.push(message.text()));
  await device.online();
  await gateway.send('pump-7', 'first').acknowledged;
  relay.filterToGateway = () => undefined; // ACKs are lost
  const sendings = ['a', 'b', 'c'].map((body) => gateway.send('pump-7', body));
  await until('obeyed', () => seen.length === 4);
  relay.cut();
  relay.filterToGateway = (chunk) => chunk;
  await until('waiting', () => device.state.name === 'waiting');
  await clock.advance(2_000);
  await Promise.all(sendings.map(({ acknowledged }) => acknowledged));
  assert.equal(seen, ['first', 'a', 'b', 'c']);
  await closeAll(device, gateway);
  await relay.close();
});

test('a device that loses its RAM between obeying and its ACK does not obey twice; the sender learns in doubt', async () => {
  // At every number of messages that were acknowledged before, also none: number 1 must not be a command.
  for (let before = 0; before < 3; before++) {
    const gateway = await listen();
    const relay = await Relay.to(() => gateway.address);
    const seen: string[] = [];
    let device = makeDevice(relay.url);
    const obey = (message: { text(): string }): void => void seen.push(message.text());
    device.on('message', obey);
    await device.online();
    for (let i = 0; i < before; i++) await gateway.send('pump-7', `before ${i}`).acknowledged;
    let handled = false;
    device.off('message', obey);
    device.on('message', (message) => {
      obey(message);
      handled = true;
      relay.filterToGateway = () => undefined; // power fails before the ACK
    });
    const doubt = gateway.send('pump-7', 'unlock');
    await until('obeyed', () => handled);
    await turns(10);
    relay.cut();
    relay.filterToGateway = (chunk) => chunk;
    await closeAll(device);
    await until('offline', () => gateway.device('pump-7') === undefined);
    const later = gateway.send('pump-7', 'later');
    device = makeDevice(relay.url); // RAM is lost
    device.on('message', obey);
    assert.is(await codeOf(doubt.acknowledged), 'IN_DOUBT', `after ${before}`);
    await later.acknowledged;
    assert.equal(seen.filter((text) => text === 'unlock').length, 1);
    assert.is(seen.at(-1), 'later');
    await closeAll(device, gateway);
    await relay.close();
  }
});

test('with doubt repeat it goes again, marked as a repeat', async () => {
  const gateway = await listen();
  const relay = await Relay.to(() => gateway.address);
  let device = makeDevice(relay.url);
  const seen: [string, boolean][] = [];
  device.on('message', (message) => {
    seen.push([message.text(), message.repeat]);
    relay.filterToGateway = () => undefined;
  });
  const sending = gateway.send('pump-7', 'x', { doubt: 'repeat' });
  await until('obeyed', () => seen.length === 1);
  await turns(10);
  relay.cut();
  relay.filterToGateway = (chunk) => chunk;
  await closeAll(device);
  device = makeDevice(relay.url);
  device.on('message', (message) => void seen.push([message.text(), message.repeat]));
  await sending.acknowledged;
  assert.equal(seen, [['x', false], ['x', true]]);
  await closeAll(device, gateway);
  await relay.close();
});

test('a device that keeps its record is spared the doubt', async () => {
  const gateway = await listen();
  const relay = await Relay.to(() => gateway.address);
  let stored: { outbox: number; last: number } | undefined;
  const record = { load: () => stored, store: (next: { outbox: number; last: number }) => void (stored = next) };
  let device = makeDevice(relay.url, { record });
  const seen: string[] = [];
  device.on('message', (message) => void seen.push(message.text()));
  await device.online();
  await gateway.send('pump-7', 'first').acknowledged;
  relay.filterToGateway = () => undefined;
  const sending = gateway.send('pump-7', 'unlock');
  await until('obeyed and stored', () => stored?.last === 3);
  await turns(10);
  relay.cut();
  relay.filterToGateway = (chunk) => chunk;
  await closeAll(device);
  device = makeDevice(relay.url, { record });
  device.on('message', (message) => void seen.push(message.text()));
  await sending.acknowledged;
  assert.equal(seen, ['first', 'unlock']);
  await closeAll(device, gateway);
  await relay.close();
});

test.run();
