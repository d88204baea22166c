/** Discovery over real sockets, on the loopback of this machine; netns.test.ts has IPv6 and whole programs. */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import * as assert from 'uvu/assert';
import { systemClock } from '../../dist/host/clock.js';
import { DiscoveryCore, type OfferedLink } from '../../dist/host/core/index.js';
import { discover, type FoundGateway } from '../../dist/host/discovery/discover.js';
import { DISCOVERY_PORT, GROUP_V4, localLinks } from '../../dist/host/discovery/groups.js';
import { DiscoveryResponder, type DiscoveryOptions } from '../../dist/host/discovery/responder.js';
import { offeredLinks } from '../../dist/host/gateway/discovery.js';
import { listen, test, TestClock, turns, until } from '../gateway/support.js';

const LINKS: OfferedLink[] = [{ link: 0, port: 8_433 }, { link: 1, port: 8_433 }];
const core = new DiscoveryCore();
/** No test asks anybody beyond this machine. */
const LOOPBACK = localLinks().filter(({ local }) => local.startsWith('127.'));

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0);
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

async function withResponder(change: Partial<DiscoveryOptions>, run: (responder: DiscoveryResponder, port: number) => Promise<void>): Promise<void> {
  const port = await freePort();
  const responder = await DiscoveryResponder.listen({
    name: 'gateway-2', port, clock: systemClock, links: () => LINKS, admit: () => true, local: () => LOOPBACK, failed: (error) => { throw error; }, ...change,
  });
  try {
    await run(responder, port);
  } finally {
    await responder.close();
  }
}

/** What is found until `enough`; the time stands still, so nothing but that ends the wait. */
async function find(port: number, enough: (found: FoundGateway[]) => boolean): Promise<FoundGateway[]> {
  const clock = new TestClock();
  const found: FoundGateway[] = [];
  const done = discover({ timeout: 10_000, clock, port, local: LOOPBACK, found: (gateway) => void found.push(gateway) });
  await until('found', () => enough(found));
  for (let i = 0; i < 11; i++) await clock.advance(1_000);
  assert.ok((await done) > 0);
  return found;
}

const byLoopback = (found: FoundGateway[]): FoundGateway | undefined => found.find(({ address }) => address === '127.0.0.1');

test('a gateway is found over the loopback, once, with its name and its ways in', () =>
  withResponder({}, async (responder, port) => {
    const found = await find(port, (all) => byLoopback(all) !== undefined);
    assert.equal(byLoopback(found), {
      name: 'gateway-2', address: '127.0.0.1', links: [{ kind: 'tcp', port: 8_433 }, { kind: 'udp', port: 8_433 }],
      urls: ['tidelock://127.0.0.1:8433', 'tidelock+udp://127.0.0.1:8433'],
    });
    assert.is(new Set(found.map(({ address }) => address)).size, found.length, 'each address once, though asked many times');
    assert.ok(responder.offered > found.length);
  }));

test('several gateways of one machine all answer', () =>
  withResponder({ name: 'one' }, async (_, port) => {
    const other = await DiscoveryResponder.listen({ name: 'two', port, clock: systemClock, links: () => LINKS, admit: () => true, local: () => LOOPBACK, failed: () => undefined });
    const names = (all: FoundGateway[]): string[] => [...new Set(all.map(({ name }) => name))].sort();
    assert.equal(names(await find(port, (all) => names(all).length === 2)), ['one', 'two']);
    await other.close();
  }));

test('nobody there: nothing is found, and it ends', async () => {
  const clock = new TestClock();
  const done = discover({ timeout: 3_000, clock, port: await freePort(), local: LOOPBACK, found: () => assert.unreachable() });
  for (let i = 0, over = false; !over; i++) {
    over = await Promise.race([done.then(() => true), clock.advance(250).then(() => false)]);
    assert.ok(i < 10_000);
  }
});

/** A socket that asks one way only. */
async function asker(prepare: (socket: Socket) => void): Promise<{ socket: Socket; got: Buffer[] }> {
  const socket = createSocket('udp4');
  const got: Buffer[] = [];
  socket.on('message', (bytes) => void got.push(bytes));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  prepare(socket);
  return { socket, got };
}

const ways: [string, string, (socket: Socket) => void][] = [
  ['IPv4 multicast', GROUP_V4, (socket) => socket.setMulticastInterface('127.0.0.1')],
  ['IPv4 broadcast', '127.255.255.255', (socket) => socket.setBroadcast(true)],
];
for (const [name, target, prepare] of ways) {
  test(`${name} reaches it, and the answer comes to who asked, no longer than the question`, () =>
    withResponder({}, async (_, port) => {
      const { socket, got } = await asker(prepare);
      const token = randomBytes(8);
      const question = core.discover(token);
      socket.send(question, port, target);
      await until('an answer', () => got.length > 0);
      socket.close();
      assert.ok(got[0]!.length <= question.length);
      assert.equal(core.read(got[0]!), { type: 'offer', token, links: LINKS, name: 'gateway-2' });
    }));
}

test('what is no DISCOVER gets no answer: random bytes, OFFERs, HELLOs', () =>
  withResponder({}, async (responder, port) => {
    const { socket, got } = await asker(() => undefined);
    const inputs: Uint8Array[] = [core.offer(randomBytes(8), LINKS, 'x'), Buffer.alloc(128, 0x81), Buffer.alloc(0), Buffer.concat([core.discover(randomBytes(8)), Buffer.alloc(1)])];
    for (let i = 0; i < 300; i++) inputs.push(randomBytes(Math.floor(Math.random() * 200)));
    for (const [index, bytes] of inputs.entries()) {
      socket.send(bytes, port, '127.0.0.1');
      if (index % 20 === 19) await turns(5);
    }
    await until('all seen', () => responder.dropped === inputs.length);
    assert.equal([got.length, responder.offered], [0, 0]);
    socket.close();
  }));

test('over the rate, or with nothing to offer: silence', async () => {
  for (const change of [{ admit: () => false }, { links: () => [] }] as Partial<DiscoveryOptions>[]) {
    await withResponder(change, async (responder, port) => {
      const { socket, got } = await asker(() => undefined);
      socket.send(core.discover(randomBytes(8)), port, '127.0.0.1');
      await until('seen', () => responder.dropped === 1);
      await turns(5);
      assert.is(got.length, 0);
      socket.close();
    });
  }
});

test('who finds is told of nothing that does not bear its token, nor of more than 256', () =>
  withResponder({ links: () => [] }, async (_, port) => {
    const forger = createSocket({ type: 'udp4', reuseAddr: true });
    forger.bind(port, '0.0.0.0');
    await once(forger, 'listening');
    forger.addMembership(GROUP_V4, '127.0.0.1');
    const seen = new Set<string>();
    forger.on('message', (bytes, from) => {
      const frame = core.read(bytes);
      if (frame?.type !== 'discover' || seen.has(`${from.port}`)) return;
      seen.add(`${from.port}`);
      forger.send(core.offer(randomBytes(8), LINKS, 'forged'), from.port, from.address);
      for (let i = 0; i < 400; i++) forger.send(core.offer(frame.token, LINKS, `flood-${i}`), from.port, from.address);
    });
    const found = await find(port, (all) => all.length >= 100);
    forger.close();
    assert.ok(found.length <= 256, `${found.length}`);
    assert.ok(found.every(({ name }) => name.startsWith('flood')));
  }));

test('what is offered, and to whom: loopback listeners to this machine, others to others, wildcards to all', () => {
  const urls = ['tidelock://0.0.0.0:8433', 'tidelock://127.0.0.1:1', 'tidelock://[::1]:2', 'tidelock://192.0.2.1:3', 'tidelock://[::]:4'];
  assert.equal(offeredLinks(urls, true).map(({ port }) => port), [8_433, 1, 2, 4]);
  assert.equal(offeredLinks(urls, false).map(({ port }) => port), [8_433, 3, 4]);
  assert.is(offeredLinks(Array<string>(12).fill('tidelock://0.0.0.0:5'), false).length, 8);
});

test('a gateway answers only where it was given a name; the counters tell', async () => {
  const silent = await listen();
  assert.is(silent.counters().offers, 0);
  await silent.close();
  const name = `g-${randomBytes(6).toString('hex')}`; // other gateways of this machine may answer at the same port
  const gateway = await listen({ discovery: name });
  const port = Number(new URL(gateway.address.replace('tidelock:', 'http:')).port);
  const found = await find(DISCOVERY_PORT, (all) => all.some((each) => each.name === name && each.address === '127.0.0.1'));
  assert.equal(byLoopback(found.filter((each) => each.name === name))!.links, [{ kind: 'tcp', port }]);
  assert.ok(gateway.counters().offers > 0);
  await gateway.close();
  for (const bad of ['', 'a\nb', 'x'.repeat(65), 'a/b/c', 7]) {
    const error = await listen({ discovery: bad as string }).then(() => undefined, (reason: unknown) => reason as { code: string });
    assert.is(error?.code, 'BAD_OPTION', JSON.stringify(bad));
  }
});

test('the links of a machine: an IPv4 address each, a zone for each interface with IPv6, broadcast by the mask', () => {
  const v4 = (address: string, netmask: string, internal = false) => ({ address, netmask, family: 'IPv4' as const, mac: '', internal, cidr: null });
  const v6 = (address: string, scopeid: number, internal = false) => ({ address, netmask: '', family: 'IPv6' as const, mac: '', internal, cidr: null, scopeid });
  const interfaces = {
    lo: [v4('127.0.0.1', '255.0.0.0', true), v6('::1', 0, true)],
    eth0: [v4('192.168.1.9', '255.255.255.0'), v4('10.1.2.3', '255.255.254.0'), v6('2001:db8::9', 0), v6('fe80::9', 2)],
    ppp0: [v4('10.0.0.2', '255.255.255.255')],
  };
  assert.equal(localLinks(interfaces, false), [
    { family: 4, local: '127.0.0.1', broadcast: '127.255.255.255' },
    { family: 6, local: 'lo', broadcast: undefined },
    { family: 4, local: '192.168.1.9', broadcast: '192.168.1.255' },
    { family: 4, local: '10.1.2.3', broadcast: '10.1.3.255' },
    { family: 6, local: 'eth0', broadcast: undefined },
    { family: 4, local: '10.0.0.2', broadcast: undefined },
  ]);
  assert.equal(localLinks(interfaces, true).filter(({ family }) => family === 6).map(({ local }) => local), ['0', '2']);
});

test.run();
