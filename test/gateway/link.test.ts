/** What a slow, half-closed or broken link costs, and how many writes the frames of a tick take. */
import * as assert from 'uvu/assert';
import { closeAll, codeOf, KEY, listen, makeDevice, pair, rawSocket, Relay, test, TestClock, turns, until } from './support.js';

const DEVICES = { 'pump-7': KEY, other: KEY };

/** Fills what the system buffers, until a post is refused for good. */
async function fill(post: () => boolean): Promise<number> {
  let bytes = 0;
  for (let refused = 0; refused < 20; ) {
    if (post()) {
      bytes += 1_000;
      refused = 0;
    } else {
      refused += 1;
      await turns(1);
    }
  }
  return bytes;
}

test('a device that stops reading costs bounded memory, blocks nobody, and goes on when it reads again', async () => {
  const gateway = await listen({ devices: DEVICES, limits: { unsent: 50_000 } });
  const relay = await Relay.to(() => gateway.address);
  const slow = makeDevice(relay.url), other = makeDevice(gateway, { id: 'other' });
  await Promise.all([slow.online(), other.online()]);
  await until('both', () => gateway.counters().online === 2);
  let drains = 0, heard = 0;
  gateway.on('drain', (id) => {
    assert.is(id, 'pump-7');
    drains += 1;
  });
  slow.on('message', () => void heard++);
  relay.readGateway(false);
  const body = Buffer.alloc(1_000);
  const posted = await fill(() => gateway.post('pump-7', body));
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 100_000; i++) gateway.post('pump-7', body); // 100 MB, were they kept
  await turns(5);
  assert.ok(process.memoryUsage().rss - before < 50_000_000, `${process.memoryUsage().rss - before} bytes more`);
  const seen: string[] = [];
  other.on('message', (message) => void seen.push(message.text()));
  gateway.post('other', 'free');
  await until('the other device hears', () => seen.length === 1);
  assert.is(drains, 0);
  relay.readGateway(true);
  await until('drain, and all that was taken', () => drains === 1 && heard === posted / 1_000);
  assert.ok(gateway.post('pump-7', body));
  await closeAll(slow, other, gateway);
  await relay.close();
});

test('one that never reads again is ended with a reason', async () => {
  const clock = new TestClock();
  const gateway = await listen({ limits: { unsent: 50_000 }, clock, idle: 3_600 });
  const relay = await Relay.to(() => gateway.address);
  const device = makeDevice(relay.url);
  await device.online();
  await until('online', () => gateway.device('pump-7') !== undefined);
  const reasons: string[] = [];
  gateway.on('device', ({ online, reason }) => void (online || reasons.push(reason)));
  relay.readGateway(false);
  await fill(() => gateway.post('pump-7', Buffer.alloc(1_000)));
  await clock.advance(29_000);
  assert.equal(reasons, []);
  await clock.advance(2_000);
  assert.equal(reasons, ['peer does not read']);
  assert.is(gateway.counters().notReading, 1);
  assert.is(gateway.counters().open, 0);
  await closeAll(device, gateway);
  await relay.close();
});

test('one that reads slowly but steadily is not ended', async () => {
  const clock = new TestClock();
  const gateway = await listen({ limits: { unsent: 64 << 20 }, clock, idle: 3_600 });
  const relay = await Relay.to(() => gateway.address);
  const device = makeDevice(relay.url, { clock: new TestClock() });
  await device.online();
  await until('online', () => gateway.device('pump-7') !== undefined);
  const reasons: string[] = [];
  let drains = 0;
  gateway.on('device', ({ online, reason }) => void (online || reasons.push(reason)));
  gateway.on('drain', () => void drains++);
  let read = 0;
  relay.filterToDevice = (chunk) => {
    read += chunk.length;
    if (read >= 4 << 20) relay.readGateway(false);
    return undefined;
  };
  relay.readGateway(false);
  while (gateway.post('pump-7', Buffer.alloc(16_383)));
  await turns(5);
  for (let i = 0; i < 12; i++) { // 2 minutes, 4 MiB each ten seconds: more than a loopback's window lets wait unseen
    read = 0;
    relay.readGateway(true);
    await until('it has read', () => read >= 4 << 20);
    await turns(20);
    await clock.advance(10_000);
  }
  assert.equal(reasons, []);
  assert.is(drains, 0);
  await clock.advance(31_000);
  assert.equal(reasons, ['peer does not read']);
  await relay.close(); // the device's clock stands still: it would wait for the gateway's FIN
  await closeAll(device, gateway);
});

test('while answers wait for a device that does not read, its own bytes are not read', async () => {
  const gateway = await listen({ limits: { unsent: 32_768 } });
  const relay = await Relay.to(() => gateway.address);
  const device = makeDevice(relay.url, { outbox: { bytes: 1e9, messages: 1e6 } });
  gateway.on('message', () => undefined);
  await device.online();
  await until('online', () => gateway.device('pump-7') !== undefined);
  relay.readGateway(false);
  await fill(() => gateway.post('pump-7', Buffer.alloc(1_000)));
  // Each ACK stays behind; once they are more than the bound, nothing more is read.
  let rounds = 0;
  for (let quiet = 0; quiet < 50 && rounds < 20_000; rounds++) {
    const taken = gateway.counters().bytesIn;
    device.post('x');
    void device.send('y').acknowledged.catch(() => undefined);
    await turns(2);
    quiet = gateway.counters().bytesIn === taken ? quiet + 1 : 0;
  }
  assert.ok(rounds < 20_000, 'it never stopped reading');
  const { received } = gateway.counters();
  device.post('z');
  await turns(20);
  assert.is(gateway.counters().received, received);
  relay.readGateway(true);
  await until('it reads again', () => gateway.counters().received > received);
  await closeAll(device, gateway);
  await relay.close();
});

test('a gateway that stops reading costs the device bounded memory; post says so, drain says when it goes on', async () => {
  const { gateway, device } = await pair({}, { unsent: 50_000 });
  let drains = 0;
  device.on('drain', () => void drains++);
  let posted = 0;
  while (device.post(Buffer.alloc(1_000))) posted += 1; // all in one tick: nothing leaves meanwhile
  assert.ok(posted >= 40 && posted <= 50, `${posted} posted`);
  await until('all received', () => gateway.counters().received === posted);
  await until('room again', () => device.post('x'));
  assert.is(device.counters().dropped, 1);
  await closeAll(device, gateway);
});

test('the frames of one tick leave in one write, both ways', async () => {
  const { gateway, device } = await pair();
  gateway.on('message', () => undefined);
  await turns(10);
  const count = async (run: () => void, done: () => boolean, writes: () => number): Promise<number> => {
    const before = writes();
    run();
    await until('arrived', done);
    return writes() - before;
  };
  const post = (peer: () => boolean) => () => {
    for (let i = 0; i < 200; i++) assert.ok(peer());
  };
  assert.is(await count(post(() => device.post('x')), () => gateway.counters().received === 200, () => device.counters().writes), 1);
  assert.is(await count(post(() => gateway.post('pump-7', 'x')), () => device.counters().received === 200, () => gateway.counters().writes), 1);
  await closeAll(device, gateway);
});

test('messages of one tick with acknowledgement take one write, and one ACK answers them', async () => {
  const { gateway, device } = await pair();
  gateway.on('message', () => undefined);
  await device.send('first').acknowledged; // the SKIP that begins an outbox is behind us
  await turns(10);
  const out = gateway.counters(), sent = device.counters().writes;
  await Promise.all(Array.from({ length: 50 }, () => device.send('x').acknowledged));
  assert.is(device.counters().writes - sent, 1);
  assert.is(gateway.counters().writes - out.writes, 1);
  assert.ok(gateway.counters().bytesOut - out.bytesOut <= 30, 'one ACK');
  await closeAll(device, gateway);
});

test('a frame in single bytes is a frame', async () => {
  const gateway = await listen();
  const relay = await Relay.to(() => gateway.address);
  let split = false;
  const device = makeDevice(relay.url);
  await device.online();
  const seen: string[] = [];
  gateway.on('message', (message) => void seen.push(message.text()));
  const bytes: Buffer[] = [];
  relay.filterToGateway = (chunk) => (split ? void bytes.push(chunk) : chunk);
  split = true;
  for (const body of ['a', 'b'.repeat(300), 'c']) device.post(body);
  await until('its bytes', () => bytes.length > 0);
  await turns(5);
  split = false;
  const all = Buffer.concat(bytes);
  for (const byte of all) {
    relay.inject(Buffer.of(byte));
    if (byte % 16 === 0) await turns(1);
  }
  await until('all three', () => seen.length === 3);
  assert.equal(seen, ['a', 'b'.repeat(300), 'c']);
  await closeAll(device, gateway);
  await relay.close();
});

test('a FIN before the handshake is over frees the connection at once', async () => {
  const gateway = await listen();
  const socket = await rawSocket(gateway.address, { allowHalfOpen: true });
  await until('accepted', () => gateway.counters().open === 1);
  socket.end();
  await until('gone', () => gateway.counters().open === 0);
  assert.is(gateway.counters().halfOpen, 0);
  socket.destroy();
  await closeAll(gateway);
});

test('a FIN after messages: those are answered before the link is closed, and no session hangs', async () => {
  const gateway = await listen();
  const relay = await Relay.to(() => gateway.address);
  const device = makeDevice(relay.url);
  let fulfil!: () => void;
  gateway.on('message', () => new Promise<void>((resolve) => (fulfil = resolve)));
  await device.online();
  const sending = device.send('last word');
  await until('the handler', () => fulfil !== undefined);
  relay.finToGateway();
  await turns(20);
  assert.ok(gateway.device('pump-7') !== undefined, 'it waits for the handler');
  fulfil();
  assert.is(await codeOf(sending.acknowledged), 'fulfilled');
  await until('gone', () => gateway.counters().open === 0);
  await closeAll(device, gateway);
  await relay.close();
});

test('a FIN from the gateway\'s side makes the device reconnect', async () => {
  const gateway = await listen();
  const relay = await Relay.to(() => gateway.address);
  const clock = new TestClock();
  const device = makeDevice(relay.url, { clock });
  await device.online();
  relay.finToDevice();
  await until('waiting', () => device.state.name === 'waiting');
  assert.is((device.state as unknown as { error: { code: string } }).error.code, 'LINK_LOST');
  await clock.advance(2_000);
  await device.online();
  await closeAll(device, gateway);
  await relay.close();
});

test('a reset ends the session with its reason', async () => {
  const gateway = await listen();
  const relay = await Relay.to(() => gateway.address);
  const device = makeDevice(relay.url);
  await device.online();
  await until('online', () => gateway.device('pump-7') !== undefined);
  const reasons: string[] = [];
  gateway.on('device', ({ online, reason }) => void (online || reasons.push(reason)));
  relay.cut();
  await until('gone', () => reasons.length === 1);
  assert.match(reasons[0]!, /^link lost/);
  assert.is(gateway.counters().open, 0);
  await closeAll(device, gateway);
  await relay.close();
});

test('one changed bit ends the stream, counted as a bad tag, and delivers nothing', async () => {
  const gateway = await listen();
  const relay = await Relay.to(() => gateway.address);
  const device = makeDevice(relay.url);
  await device.online();
  await until('online', () => gateway.device('pump-7') !== undefined);
  const refusals: object[] = [];
  let seen = 0;
  gateway.on('message', () => void seen++);
  gateway.on('refused', (refusal) => refusals.push(refusal));
  relay.filterToGateway = (chunk) => {
    chunk[chunk.length - 20]! ^= 1;
    return chunk;
  };
  device.post('open the valve');
  await until('refused', () => refusals.length === 1);
  assert.is((refusals[0] as { reason: string }).reason, 'bad tag');
  assert.is((refusals[0] as { device: string }).device, 'pump-7');
  assert.is(gateway.counters().refused['bad tag'], 1);
  assert.is(seen, 0);
  await until('gone', () => gateway.device('pump-7') === undefined);
  await closeAll(device, gateway);
  await relay.close();
});

test.run();
