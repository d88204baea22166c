/** Without a registry the handlers decide: fulfilled is ok, a throw is refused, nobody is busy. */
import * as assert from 'uvu/assert';
import type { Message } from 'tidelock/gateway';
import { advanceUntil, closeAll, codeOf, listen, makeDevice, pair, Relay, test, TestClock, turns, until } from './support.js';

test('acknowledged messages come in order, each once, with stable ids', async () => {
  const { gateway, device } = await pair();
  const messages: Message[] = [];
  gateway.on('message', (message) => messages.push(message));
  const sendings = Array.from({ length: 300 }, (_, i) => device.send(`${i}`));
  await Promise.all(sendings.map(({ acknowledged }) => acknowledged));
  assert.equal(messages.map((message) => message.text()), sendings.map((_, i) => `${i}`));
  assert.is(new Set(messages.map(({ id }) => id)).size, 300);
  assert.match(messages[0]!.id, /^pump-7#[0-9a-f]{8}-2$/); // 1 is the SKIP that every outbox begins with
  assert.is(gateway.counters().taken, 300);
  assert.is(device.counters().delivered, 300);
  await closeAll(device, gateway);
});

test('the ACK waits for the promise of the handler', async () => {
  const { gateway, device } = await pair();
  let fulfil!: () => void;
  gateway.on('message', () => new Promise<void>((resolve) => (fulfil = resolve)));
  let ended = false;
  const sending = device.send('x');
  sending.acknowledged.then(() => (ended = true), () => (ended = true));
  await until('the handler runs', () => fulfil !== undefined);
  await turns(50);
  assert.is(ended, false);
  fulfil();
  await sending.acknowledged;
  await closeAll(device, gateway);
});

test('the next message waits for the promise of the one before', async () => {
  const { gateway, device } = await pair();
  const running: string[] = [], resolves: (() => void)[] = [];
  gateway.on('message', (message) => {
    running.push(message.text());
    return new Promise<void>((resolve) => resolves.push(resolve));
  });
  const sendings = ['a', 'b', 'c'].map((body) => device.send(body));
  for (let i = 0; i < 3; i++) {
    await until('the next one', () => resolves.length === i + 1);
    await turns(20);
    assert.is(running.length, i + 1);
    resolves[i]!();
  }
  await Promise.all(sendings.map(({ acknowledged }) => acknowledged));
  assert.equal(running, ['a', 'b', 'c']);
  await closeAll(device, gateway);
});

for (const [how, fail] of [
  ['throws', () => { throw new Error('no'); }],
  ['rejects', () => Promise.reject(new Error('no'))],
] as const) {
  test(`a handler that ${how} refuses this message alone; those behind it are handled once`, async () => {
    const { gateway, device } = await pair();
    const seen: string[] = [], errors: Error[] = [];
    gateway.on('error', (error) => errors.push(error));
    gateway.on('message', (message) => {
      seen.push(message.text());
      return message.text() === 'bad' ? fail() : undefined;
    });
    const sendings = ['a', 'bad', 'b', 'c'].map((body) => device.send(body));
    const ends = await Promise.all(sendings.map(({ acknowledged }) => codeOf(acknowledged)));
    assert.equal(ends, ['fulfilled', 'REFUSED', 'fulfilled', 'fulfilled']);
    assert.equal(seen, ['a', 'bad', 'b', 'c']);
    assert.is(errors.length, 1);
    assert.is((errors[0] as { code?: string }).code, 'HANDLER_FAILED');
    await closeAll(device, gateway);
  });
}

test('while nobody listens the device is told busy, and comes again', async () => {
  const clock = new TestClock();
  const { gateway, device } = await pair({ clock }, { clock });
  const sending = device.send('x');
  await until('busy', () => device.counters().busy === 1);
  assert.is(gateway.counters().busy, 1);
  const seen: string[] = [];
  gateway.on('message', (message) => void seen.push(message.text()));
  await clock.advance(1_500); // 1 s × random(1..1.5)
  await sending.acknowledged;
  assert.equal(seen, ['x']);
  await closeAll(device, gateway);
});

test('a handler at work when the link is lost is not started again, and its verdict reaches the next session', async () => {
  const gateway = await listen();
  const relay = await Relay.to(() => gateway.address);
  const clock = new TestClock();
  const device = makeDevice(relay.url, { clock });
  let runs = 0;
  let fulfil!: () => void;
  gateway.on('message', () => {
    runs += 1;
    return new Promise<void>((resolve) => (fulfil = resolve));
  });
  const sending = device.send('slow');
  await until('the handler runs', () => runs === 1);
  relay.cut();
  await until('waiting', () => device.state.name === 'waiting');
  await clock.advance(2_000);
  await device.online();
  await turns(50);
  fulfil();
  await sending.acknowledged;
  assert.is(runs, 1);
  await closeAll(device, gateway);
  await relay.close();
});

test('a verdict that falls between two sessions is told to the second', async () => {
  for (const fail of [false, true]) {
    const gateway = await listen();
    gateway.on('error', () => undefined);
    const relay = await Relay.to(() => gateway.address);
    const clock = new TestClock();
    const device = makeDevice(relay.url, { clock });
    let runs = 0;
    let end!: () => void;
    gateway.on('message', () => {
      runs += 1;
      return new Promise<void>((resolve, reject) => (end = fail ? () => reject(new Error('no')) : resolve));
    });
    const sending = device.send('slow');
    await until('the handler runs', () => runs === 1);
    relay.cut();
    await until('the gateway saw it', () => gateway.device('pump-7') === undefined);
    end();
    await until('waiting', () => device.state.name === 'waiting');
    await clock.advance(2_000);
    assert.is(await codeOf(sending.acknowledged), fail ? 'REFUSED' : 'fulfilled');
    assert.is(runs, 1);
    await closeAll(device, gateway);
    await relay.close();
  }
});

test('a message whose ACK was lost is acknowledged again, not handled again', async () => {
  const gateway = await listen();
  const relay = await Relay.to(() => gateway.address);
  const clock = new TestClock();
  const device = makeDevice(relay.url, { clock });
  await device.online();
  const seen: string[] = [];
  gateway.on('message', (message) => void seen.push(message.text()));
  await device.send('first').acknowledged;
  relay.filterToDevice = () => undefined; // ACKs are lost
  const sending = device.send('x');
  await until('handled', () => seen.length === 2);
  relay.cut();
  relay.filterToDevice = (chunk) => chunk;
  await until('waiting', () => device.state.name === 'waiting');
  await clock.advance(2_000);
  await sending.acknowledged;
  assert.equal(seen, ['first', 'x']);
  await closeAll(device, gateway);
  await relay.close();
});

test('a volatile gateway that restarts leaves the device in doubt, or has it repeat', async () => {
  let gateway = await listen();
  const relay = await Relay.to(() => gateway.address);
  const clock = new TestClock();
  const device = makeDevice(relay.url, { clock });
  let seen: Message[] = [];
  gateway.on('message', (message) => void seen.push(message));
  await device.send('first').acknowledged;
  relay.filterToDevice = () => undefined;
  const report = device.send('report'), repeat = device.send('repeat', { doubt: 'repeat' });
  await until('handled', () => seen.length === 3);
  const unsent = Array.from({ length: 3 }, (_, i) => `later ${i}`);
  relay.cut();
  relay.filterToDevice = (chunk) => chunk;
  await until('waiting', () => device.state.name === 'waiting');
  const later = unsent.map((body) => device.send(body));
  await closeAll(gateway);
  seen = [];
  gateway = await listen();
  gateway.on('message', (message) => void seen.push(message));
  await advanceUntil(clock, 'all ends', () => device.waiting.messages === 0, device);
  assert.is(await codeOf(report.acknowledged), 'IN_DOUBT');
  await repeat.acknowledged;
  await Promise.all(later.map(({ acknowledged }) => acknowledged));
  assert.equal(seen.map((message) => [message.text(), message.repeat]), [['repeat', true], ...unsent.map((body) => [body, false])]);
  await closeAll(device, gateway);
  await relay.close();
});

test('a device whose RAM is lost begins anew', async () => {
  const gateway = await listen();
  const seen: string[] = [];
  gateway.on('message', (message) => void seen.push(message.text()));
  for (let boot = 0; boot < 3; boot++) {
    const device = makeDevice(gateway);
    await device.send(`boot ${boot}`).acknowledged;
    await closeAll(device);
  }
  assert.equal(seen, ['boot 0', 'boot 1', 'boot 2']);
  await closeAll(gateway);
});

for (const size of [1_000, 2]) test(`bytes that wait for handlers are bounded, for messages of ${size} bytes too: beyond it devices hear busy, and all is handled in the end`, async () => {
  const clock = new TestClock();
  const { gateway, device } = await pair({ limits: { uncommitted: 4_000 }, clock }, { clock });
  const seen: string[] = [], resolves: (() => void)[] = [];
  gateway.on('message', (message) => {
    seen.push(message.text().slice(0, 2));
    return new Promise<void>((resolve) => resolves.push(resolve));
  });
  const sendings = Array.from({ length: 20 }, (_, i) => device.send(`${10 + i}`.padEnd(size)));
  const ends = Promise.all(sendings.map(({ acknowledged }) => acknowledged));
  let done = false;
  ends.then(() => (done = true), () => undefined);
  await until('the first runs', () => resolves.length === 1);
  for (let i = 0; !done && i < 1_000; i++) {
    resolves.shift()?.();
    await turns(3);
    if (resolves.length === 0 && !done) await clock.advance(100);
  }
  await ends;
  assert.equal(seen, sendings.map((_, i) => `${10 + i}`));
  assert.ok(gateway.counters().busy >= 1);
  await closeAll(device, gateway);
});

test.run();
