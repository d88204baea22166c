// The device's side over real sockets, towards a server that a test plays; the clock in the test's hands.

import { strict as assert } from 'node:assert';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { IotsocketDevice, type IotsocketDeviceOptions } from 'tidelock/legacy';
import { advanceUntil, test, TestClock, turns, until } from '../../gateway/support.js';
import { towardsDevice } from './conversations.js';
import { fromClient, fromServer, ID, KEY, stamp } from './frames.js';
import { Peer } from './support.js';

class Host {
  readonly peers: Peer[] = [];

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => this.peers.push(new Peer(socket)));
  }

  static async listen(): Promise<Host> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Host(server);
  }

  get url(): string {
    return `iotsocket://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): Promise<void> {
    for (const { socket } of this.peers) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

/** A device that is connected to the host of a test. */
async function connected(options: Partial<IotsocketDeviceOptions> = {}) {
  const clock = new TestClock(), host = await Host.listen();
  const device = new IotsocketDevice({ url: host.url, id: ID, key: KEY, clock, ...options });
  const taken: string[] = [], troubles: string[] = [];
  device.on('message', (message) => {
    assert.equal(message.trust, 'none');
    assert.equal(message.device, ID);
    taken.push(message.text());
  });
  device.on('trouble', ({ code }) => troubles.push(code));
  await until('it is connected', () => device.state.name === 'online' && host.peers.length === 1);
  return { clock, host, device, taken, troubles, peer: host.peers[0]! };
}

async function end({ device, host }: { device: IotsocketDevice; host: Host }): Promise<void> {
  device.close();
  await host.close();
}

for (const { name, steps } of towardsDevice) {
  test(name, async () => {
    const all = await connected(), { clock, device, peer, taken, troubles } = all;
    for (const { wait = 0, say, taken: wanted = [], closed = false } of steps) {
      if (wait > 0) await clock.advance(wait * 1_000);
      const before = taken.length;
      peer.say(say!((off = 0) => stamp(clock.unix(), off)));
      await until('what is to come', () => (closed ? device.state.name !== 'online' : taken.length === before + wanted.length));
      await turns(10);
      assert.deepEqual(taken.slice(before), wanted.map(String));
      assert.equal(device.state.name, closed ? 'waiting' : 'online', device.state.reason);
      if (closed) assert.deepEqual(troubles, ['PROTOCOL_BROKEN']);
    }
    await end(all);
  });
}

test('what it posts is what the Python client sends; the greeting goes first, on each connection', async () => {
  const all = await connected({ greeting: 'hello there' }), { clock, device, host, peer } = all;
  assert.equal(device.post('temp=33.5&humid=40%'), true);
  const start = clock.unix();
  await until('both', () => peer.received.split('|#|').length === 3);
  assert.equal(peer.received, fromClient({ time: stamp(start) }, 'hello there') + fromClient({ time: stamp(start, 0.0001) }, 'temp=33.5&humid=40%'));
  peer.socket.destroy();
  await until('it waits', () => device.state.name === 'waiting');
  assert.equal(device.post('nobody listens'), false);
  await advanceUntil(clock, 'the next connection', () => host.peers.length === 2);
  await until('the greeting', () => host.peers[1]!.received.endsWith('hello there|#|'));
  await end(all);
});

test('each message leaves in a write of its own, and 332 without a pause at most', async () => {
  const all = await connected(), { clock, device, peer } = all;
  for (let i = 0; i < 400; i++) assert.equal(device.post(`message ${i}`), true);
  const frames = (): number => peer.received.split('|#|').length - 1;
  await until('332', () => frames() === 332);
  await clock.advance(6_000);
  assert.equal(frames(), 332);
  assert.equal(device.waiting, 68);
  await clock.advance(100); // the stamps of the first ran ahead of the clock, 0.1 ms each
  await until('the rest', () => frames() === 400);
  assert.equal(device.waiting, 0);
  await end(all);
});

test('what may wait is bounded; a body that no frame carries is refused', async () => {
  const all = await connected({ queue: 2 }), { device } = all;
  for (let i = 0; i < 332; i++) assert.equal(device.post('message'), true);
  assert.deepEqual([device.post('message'), device.post('message'), device.post('message')], [true, true, false]);
  for (const body of ['short', 'a|#|bcdef', Buffer.from('ffffffffffffff', 'hex')]) assert.throws(() => device.post(body), { code: 'IOTSOCKET_BODY' });
  await end(all);
});

test('a lone delimiter after 60 s of silence', async () => {
  const all = await connected(), { clock, device, peer } = all;
  device.post('a message');
  await clock.advance(59_999);
  assert.ok(peer.received.endsWith('a message|#|'));
  await clock.advance(2);
  await until('the delimiter', () => peer.received.endsWith('a message|#||#|'));
  await clock.advance(60_000);
  await until('another', () => peer.received.endsWith('a message|#||#||#|'));
  await end(all);
});

test('a server that closes is told, and tried again, later each time, and never at the same moment by all', async () => {
  const all = await connected(), { clock, device, host, troubles } = all;
  const waits: number[] = [];
  for (let i = 1; i <= 4; i++) {
    host.peers[i - 1]!.say(fromServer({ time: '1.0' }, 'stale message'));
    await until('it waits', () => device.state.name === 'waiting');
    waits.push(clock.untilNext);
    await advanceUntil(clock, 'the next connection', () => host.peers.length === i + 1);
    await until('online', () => device.state.name === 'online');
  }
  waits.forEach((wait, i) => assert.ok(wait >= 500 * 2 ** i && wait <= 1_000 * 2 ** i, `wait ${i}: ${wait} ms`));
  assert.deepEqual(new Set(troubles), new Set(['PROTOCOL_BROKEN']));
  host.peers[4]!.socket.end();
  await until('the last', () => troubles.at(-1) === 'IOTSOCKET_CLOSED');
  await end(all);
});

test('nobody listens: an error that says so, and it keeps trying', async () => {
  const host = await Host.listen(), { url } = host;
  await host.close();
  const clock = new TestClock(), device = new IotsocketDevice({ url, id: ID, key: KEY, clock });
  const troubles: string[] = [];
  device.on('trouble', ({ code }) => troubles.push(code));
  await advanceUntil(clock, 'two tries', () => troubles.length === 2);
  assert.deepEqual(troubles, ['HOST_UNREACHABLE', 'HOST_UNREACHABLE']);
  device.close();
  assert.equal(device.state.name, 'closed');
});

test('options are checked, and named', () => {
  const good = { url: 'iotsocket://localhost', id: ID, key: KEY };
  for (const [options, code] of [
    [{ ...good, id: '42' }, 'BAD_IDENTITY'], [{ ...good, key: 'a:b' }, 'BAD_KEY'], [{ ...good, key: '' }, 'BAD_KEY'], [{ ...good, url: 'tidelock://x' }, 'BAD_ADDRESS'],
    [{ ...good, queue: 0 }, 'BAD_OPTION'], [{ ...good, keys: 1 }, 'UNKNOWN_OPTION'],
  ] as const) {
    assert.throws(() => new IotsocketDevice(options as never), { code });
  }
});

test.run();
