/** With a registry: what is acknowledged is in the inbox once, what is queued goes down once, over restarts too. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { Device, DeviceOptions } from 'tidelock/device';
import type { Gateway, GatewayOptions, InboxMessage } from 'tidelock/gateway';
import { openRegistry, type Registry, type RegistryLimits } from 'tidelock/registry';
import { advanceUntil, closeAll, codeOf, KEY, listen, makeDevice, Relay, test, TestClock, turns, until } from './support.js';

/** A database file of its own, opened and closed as often as the test restarts the gateway. */
class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'tidelock-'));
  registry!: Registry;
  gateway!: Gateway;
  readonly clock: TestClock | undefined;

  constructor(clock?: TestClock) {
    this.clock = clock;
  }

  async start(options: Partial<GatewayOptions> = {}, limits: RegistryLimits = {}): Promise<void> {
    const { clock } = this;
    this.registry = await openRegistry(`sqlite:${join(this.folder, 'test.db')}`, { limits, ...(clock && { unix: () => clock.unix() }) });
    // The database has a thread of its own: on a busy machine the test's time would run away from it.
    if (clock !== undefined) clock.settle = () => this.registry.info().catch(() => undefined);
    if ((await this.registry.list()).length === 0) {
      for (const id of ['pump-7', 'other']) await this.registry.add(id, { key: KEY });
    }
    this.gateway = await listen({ registry: this.registry, ...(clock && { clock }), ...options });
  }

  async stop(): Promise<void> {
    await closeAll(this.gateway);
    await this.registry.close();
  }

  async restart(options: Partial<GatewayOptions> = {}, limits: RegistryLimits = {}): Promise<void> {
    await this.stop();
    await this.start(options, limits);
  }

  device(options: Partial<DeviceOptions> = {}): Device {
    return makeDevice(this.gateway, { ...(this.clock && { clock: this.clock }), ...options });
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function take(gateway: Gateway, count: number, done = true): Promise<InboxMessage[]> {
  const messages: InboxMessage[] = [];
  if (count === 0) return messages;
  for await (const message of gateway.messages()) {
    messages.push(message);
    if (done) await message.done();
    if (messages.length === count) break;
  }
  return messages;
}

test('acknowledged messages come by messages(), in order; those without by the event', async () => {
  const place = new Place();
  await place.start();
  const { gateway } = place, device = place.device();
  assert.ok(gateway.durable);
  const posted: string[] = [];
  gateway.on('message', (message) => void posted.push(message.text()));
  await device.online();
  await until('online', () => gateway.device('pump-7') !== undefined);
  device.post('posted');
  const sendings = Array.from({ length: 150 }, (_, i) => device.send(`${i}`));
  const messages = await take(gateway, 150);
  await Promise.all(sendings.map(({ acknowledged }) => acknowledged));
  assert.equal(messages.map((message) => message.text()), sendings.map((_, i) => `${i}`));
  assert.equal(posted, ['posted']);
  assert.is(messages[0]!.device, 'pump-7');
  assert.match(messages[0]!.id, /^pump-7#[0-9a-f]{8}-2$/);
  assert.ok(Math.abs(messages[0]!.time - Date.now()) < 60_000);
  assert.is(gateway.counters().taken, 150);
  assert.equal((await place.registry.info()).inbox, { rows: 0, bytes: 0 });
  await closeAll(device);
  await place.remove();
});

test('what was not marked done comes again after a restart, with the same id; what was done does not', async () => {
  const place = new Place();
  await place.start();
  const device = place.device();
  for (const body of ['a', 'b', 'c']) await device.send(body).acknowledged;
  await closeAll(device);
  const [first] = await take(place.gateway, 1);
  const seen = await take(place.gateway, 2, false);
  assert.equal([first!.text(), ...seen.map((message) => message.text())], ['a', 'b', 'c']);
  await place.restart();
  const again = await take(place.gateway, 2);
  assert.equal(again.map(({ id }) => id), seen.map(({ id }) => id));
  await place.restart();
  assert.is((await place.registry.info()).inbox.rows, 0);
  await place.remove();
});

test('the inbox holds a message once, however often its ACK is lost and the gateway restarts', async () => {
  const place = new Place();
  await place.start();
  const relay = await Relay.to(() => place.gateway.address);
  const clock = new TestClock();
  const device = makeDevice(relay.url, { clock, lifetime: Infinity });
  await device.send('first').acknowledged;
  const sendings: { acknowledged: Promise<void> }[] = [];
  for (let round = 0; round < 5; round++) {
    relay.filterToDevice = () => undefined;
    for (let i = 0; i < 10; i++) sendings.push(device.send(`${round} ${i}`));
    const rows = 1 + sendings.length;
    // Committed, but no ACK arrives.
    for (;;) {
      const { inbox } = await place.registry.info();
      if (inbox.rows === rows) break;
      await turns(2);
    }
    relay.cut();
    await place.restart();
    relay.filterToDevice = (chunk) => chunk;
    await advanceUntil(clock, 'acknowledged', () => device.waiting.messages === 0, device);
  }
  await Promise.all(sendings.map(({ acknowledged }) => acknowledged));
  const messages = await take(place.gateway, 1 + sendings.length);
  assert.equal(messages.map((message) => message.text()), ['first', ...sendings.map((_, i) => `${Math.floor(i / 10)} ${i % 10}`)]);
  assert.is((await place.registry.info()).inbox.rows, 0);
  await closeAll(device);
  await relay.close();
  await place.remove();
});

test('a full inbox tells devices busy; once there is room they come back, and nothing is lost', async () => {
  const clock = new TestClock(), place = new Place(clock);
  await place.start({}, { inboxRowsPerDevice: 5 });
  const { gateway } = place, device = place.device();
  await device.online();
  const sendings = Array.from({ length: 12 }, (_, i) => device.send(`${i}`, { lifetime: Infinity }));
  await until('busy', () => device.counters().busy >= 1);
  assert.ok(gateway.counters().busy >= 1);
  const texts: string[] = [];
  const reading = (async () => {
    for await (const message of gateway.messages()) {
      texts.push(message.text());
      await message.done();
      if (texts.length === 12) break;
    }
  })();
  await advanceUntil(clock, 'all are taken', () => texts.length === 12);
  await reading;
  await Promise.all(sendings.map(({ acknowledged }) => acknowledged));
  assert.equal(texts, sendings.map((_, i) => `${i}`));
  await closeAll(device);
  await place.remove();
});

test('a commit that fails is an error event and busy, never silence; the messages come again', async () => {
  const clock = new TestClock(), place = new Place(clock);
  await place.start();
  const { gateway, registry } = place, device = place.device();
  await device.send('first').acknowledged;
  const errors: (Error & { code?: string })[] = [];
  gateway.on('error', (error) => errors.push(error));
  const commit = registry.commit.bind(registry);
  registry.commit = () => Promise.reject(new Error('disk full'));
  const sendings = [device.send('a'), device.send('b')];
  await until('busy', () => device.counters().busy >= 1);
  assert.is(errors[0]?.code, 'COMMIT_FAILED');
  assert.match(errors[0]!.message, /disk full/);
  registry.commit = commit;
  await advanceUntil(clock, 'taken', () => device.waiting.messages === 0);
  await Promise.all(sendings.map(({ acknowledged }) => acknowledged));
  assert.equal((await take(gateway, 3)).map((message) => message.text()), ['first', 'a', 'b']);
  await closeAll(device);
  await place.remove();
});

test('queued commands survive a restart, go in order and once', async () => {
  const place = new Place();
  await place.start();
  const names: string[] = [];
  for (let i = 0; i < 100; i++) names.push(await place.gateway.send('pump-7', `${i}`, { lifetime: 600_000 }).queued);
  await place.restart();
  const device = place.device();
  const seen: string[] = [];
  device.on('message', (message) => void seen.push(message.text()));
  await until('all', () => seen.length === 100);
  assert.equal(seen, names.map((_, i) => `${i}`));
  for (;;) {
    if ((await place.registry.info()).queue.messages === 0) break;
    await turns(2);
  }
  assert.is((await place.registry.outcome(names[99]!) as { end: string }).end, 'delivered');
  await closeAll(device);
  await place.remove();
});

test('a command that was obeyed before a restart of the gateway is not obeyed again', async () => {
  const place = new Place();
  await place.start();
  const relay = await Relay.to(() => place.gateway.address);
  const clock = new TestClock();
  const device = makeDevice(relay.url, { clock });
  const seen: string[] = [];
  device.on('message', (message) => void seen.push(message.text()));
  await device.online();
  await place.gateway.send('pump-7', 'first').acknowledged;
  relay.filterToGateway = () => undefined; // ACKs are lost
  const names = await Promise.all(['a', 'b'].map((body) => place.gateway.send('pump-7', body, { lifetime: 600_000 }).queued));
  await until('obeyed', () => seen.length === 3);
  relay.cut();
  await place.restart();
  relay.filterToGateway = (chunk) => chunk;
  await advanceUntil(clock, 'back', () => device.state.name === 'online', device);
  await place.gateway.send('pump-7', 'c').acknowledged;
  assert.equal(seen, ['first', 'a', 'b', 'c']);
  for (const name of names) assert.is((await place.registry.outcome(name) as { end: string }).end, 'delivered');
  await closeAll(device);
  await relay.close();
  await place.remove();
});

test('ends of commands: refused, expired, in doubt, cancelled, queue full, unknown device', async () => {
  const clock = new TestClock(), place = new Place(clock);
  await place.start({}, { queueMessagesPerDevice: 3 });
  const { gateway } = place;
  assert.is(await codeOf(gateway.send('nobody', 'x').acknowledged), 'DEVICE_UNKNOWN');
  const cancel = new AbortController();
  const cancelled = gateway.send('other', 'x', { signal: cancel.signal });
  await cancelled.queued;
  cancel.abort();
  assert.is(await codeOf(cancelled.acknowledged), 'CANCELLED');
  const expiring = gateway.send('other', 'x', { lifetime: 5_000 });
  await expiring.queued;
  const expired = codeOf(expiring.acknowledged);
  await advanceUntil(clock, 'expired', () => gateway.counters().failed === 3);
  assert.is(await expired, 'EXPIRED');
  const full = Array.from({ length: 4 }, () => gateway.send('other', 'x'));
  assert.is(await codeOf(full[3]!.queued), 'QUEUE_FULL');
  const device = place.device();
  device.on('error', () => undefined);
  device.on('message', () => {
    throw new Error('no');
  });
  assert.is(await codeOf(gateway.send('pump-7', 'x').acknowledged), 'REFUSED');
  await closeAll(device);
  await place.remove();
});

test('a device that loses its RAM between obeying and its ACK does not obey twice; the sender learns in doubt', async () => {
  for (const before of [0, 2]) {
    const place = new Place();
    await place.start();
    const relay = await Relay.to(() => place.gateway.address);
    let device = makeDevice(relay.url);
    const seen: string[] = [];
    let last = false;
    device.on('message', (message) => {
      seen.push(message.text());
      if (last) relay.filterToGateway = () => undefined;
    });
    await device.online();
    for (let i = 0; i < before; i++) await place.gateway.send('pump-7', `${i}`).acknowledged;
    last = true;
    const doubt = place.gateway.send('pump-7', 'unlock');
    await until('obeyed', () => seen.includes('unlock'));
    await turns(10);
    relay.cut();
    relay.filterToGateway = (chunk) => chunk;
    await closeAll(device);
    await until('offline', () => place.gateway.device('pump-7') === undefined);
    const later = place.gateway.send('pump-7', 'later');
    device = makeDevice(relay.url);
    device.on('message', (message) => void seen.push(message.text()));
    assert.is(await codeOf(doubt.acknowledged), 'IN_DOUBT');
    await later.acknowledged;
    assert.equal(seen.slice(before), ['unlock', 'later']);
    await closeAll(device);
    await relay.close();
    await place.remove();
  }
});

test('a device that is disabled is closed and told, and let in again once enabled', async () => {
  const place = new Place();
  await place.start();
  const clock = new TestClock();
  const device = place.device({ clock }), other = place.device({ id: 'other' });
  await Promise.all([device.online(), other.online()]);
  await until('both', () => place.gateway.counters().online === 2);
  await place.registry.disable('pump-7');
  await until('told', () => device.state.name === 'waiting');
  assert.is((device.state as unknown as { error: { code: string } }).error.code, 'DISABLED');
  await advanceUntil(clock, 'refused', () => (device.state as { error?: { code: string } }).error?.code === 'HANDSHAKE_REFUSED', device);
  assert.is(other.state.name, 'online');
  await place.registry.enable('pump-7');
  await advanceUntil(clock, 'back', () => device.state.name === 'online', device);
  await closeAll(device, other);
  await place.remove();
});

test('a device that is added while the gateway runs gets in', async () => {
  const place = new Place();
  await place.start();
  const key = await place.registry.add('new');
  const device = place.device({ id: 'new', key });
  await device.send('hello').acknowledged;
  await closeAll(device);
  await place.remove();
});

test('messages() waits for new ones, reads ahead no more than it was told, and ends with its signal and with close', async () => {
  const place = new Place();
  await place.start();
  const { gateway, registry } = place, device = place.device();
  const limits: number[] = [];
  const read = registry.read.bind(registry);
  registry.read = (options) => (limits.push(options?.limit ?? -1), read(options));
  const seen: string[] = [];
  const abort = new AbortController();
  const loop = (async () => {
    for await (const message of gateway.messages({ signal: abort.signal, prefetch: 3 })) {
      seen.push(message.text());
      await message.done();
    }
  })();
  for (let i = 0; i < 20; i++) await device.send(`${i}`).acknowledged;
  await until('all', () => seen.length === 20);
  assert.ok(limits.every((limit) => limit === 3));
  abort.abort();
  await loop;
  const second = (async () => {
    for await (const message of gateway.messages()) seen.push(message.text());
  })();
  await turns(5);
  await gateway.close();
  await second;
  assert.is(seen.length, 20);
  await closeAll(device);
  await place.remove();
});

test('two loops each see every message; done by one is done', async () => {
  const place = new Place();
  await place.start();
  const device = place.device();
  const [a, b] = [take(place.gateway, 10), take(place.gateway, 10, false)];
  for (let i = 0; i < 10; i++) await device.send(`${i}`).acknowledged;
  assert.equal((await a).map((message) => message.text()), (await b).map((message) => message.text()));
  await closeAll(device);
  await place.remove();
});

test('close finishes commits under way, and their ACKs leave', async () => {
  const place = new Place();
  await place.start();
  const device = place.device();
  await device.send('first').acknowledged;
  const { bytesIn } = place.gateway.counters();
  const sendings = Array.from({ length: 30 }, (_, i) => device.send(`${i}`));
  await until('some reached the gateway', () => place.gateway.counters().bytesIn > bytesIn);
  await place.gateway.close();
  // Every message that the device knows as taken is in the inbox, and none that is there is missing an ACK.
  const { inbox } = await place.registry.info();
  assert.is(1 + sendings.length - device.waiting.messages, inbox.rows);
  const ends = sendings.map(({ acknowledged }) => codeOf(acknowledged));
  await closeAll(device);
  await Promise.all(ends);
  await place.remove();
});

test('a takeover while a commit is under way: nothing twice, nothing lost', async () => {
  const place = new Place();
  await place.start();
  const relay = await Relay.to(() => place.gateway.address);
  const clock = new TestClock();
  const device = makeDevice(relay.url, { clock });
  await device.send('first').acknowledged;
  const sendings: { acknowledged: Promise<void> }[] = [];
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 5; i++) sendings.push(device.send(`${round}-${i}`, { lifetime: Infinity }));
    await turns(round % 4);
    relay.cut();
    await advanceUntil(clock, 'acknowledged', () => device.waiting.messages === 0, device);
  }
  const messages = await take(place.gateway, 1 + sendings.length);
  assert.equal(messages.map((message) => message.text()), ['first', ...sendings.map((_, i) => `${Math.floor(i / 5)}-${i % 5}`)]);
  assert.is((await place.registry.info()).inbox.rows, 0);
  await closeAll(device);
  await relay.close();
  await place.remove();
});

test.run();
