/** The SNTP client among good, wrong and dead servers, on real sockets; the time is the test's. */
import { randomBytes } from 'node:crypto';
import * as assert from 'uvu/assert';
import { SntpClient, type ServerState } from '../../dist/host/time/client.js';
import { encodePacket } from '../../dist/host/time/packet.js';
import { test, TestClock, turns, until } from '../gateway/support.js';
import { FakeServer, goodAnswer, letters } from './support.js';

interface World {
  clock: TestClock;
  servers: FakeServer[];
  client: SntpClient;
  heard: ServerState[];
}

/** A client of servers whose clocks are ahead of the test's by `offs` ms. `spoil` is done before it asks. */
async function withServers(offs: number[], run: (world: World) => Promise<void>, spoil: (servers: FakeServer[], clock: TestClock) => void = () => undefined): Promise<void> {
  const clock = new TestClock();
  const servers = await Promise.all(offs.map((off) => FakeServer.start(clock, off)));
  spoil(servers, clock);
  const heard: ServerState[] = [];
  const client = new SntpClient({ servers: servers.map(({ address }) => address), clock, told: (server) => void heard.push(server) });
  try {
    await run({ clock, servers, client, heard });
  } finally {
    client.close();
    for (const server of servers) server.close();
  }
}

const near = (value: number | undefined, wanted: number): void => assert.ok(value !== undefined && Math.abs(value - wanted) < 0.01, `${value}, not ${wanted}`);

test('one server: its clock is ahead, so ours is behind', () =>
  withServers([1_500], async ({ client, heard }) => {
    assert.is(client.estimate(), undefined);
    await until('an answer', () => heard.length === 1);
    near(client.estimate()!.error, -1_500);
    assert.is(heard[0]!.problem, undefined);
  }));

test('of three servers one lies: the median is not moved', () =>
  withServers([20, -3_600_000, 21], async ({ client, heard }) => {
    await until('all answers', () => heard.length === 3);
    near(client.estimate()!.error, -20);
    assert.is(client.estimate()!.servers, 3);
  }));

test('two servers that disagree: the middle, and a bound that reaches both', () =>
  withServers([0, 1_000], async ({ client, heard }) => {
    await until('all answers', () => heard.length === 2);
    const { error, bound } = client.estimate()!;
    near(error, -500);
    assert.ok(bound >= 500, `${bound}`);
  }));

test('requests are SNTP clients\', tell no time, and no two are alike', () =>
  withServers([0, 0, 0], async ({ servers, heard }) => {
    await until('all answers', () => heard.length === 3);
    const seen = new Set<string>();
    for (const { requests: [request] } of servers) {
      const { seconds, fraction } = request!.transmit;
      seen.add(`${seconds}.${fraction}`);
      assert.equal({ ...request!, transmit: undefined }, {
        leap: 0, version: 4, mode: 3, stratum: 0, poll: 0, precision: 0, rootDelay: 0, rootDispersion: 0, reference: 0,
        updated: { seconds: 0, fraction: 0 }, origin: { seconds: 0, fraction: 0 }, receive: { seconds: 0, fraction: 0 }, transmit: undefined,
      });
    }
    assert.is(seen.size, 3);
  }));

test('forgeries without our random bits are passed over, and the true answer behind them is taken', () =>
  withServers([0], async ({ client, heard }) => {
    await until('an answer', () => heard.length === 1);
    near(client.estimate()!.error, -7);
    assert.is(heard[0]!.problem, undefined);
  }, ([server], clock) => {
    server!.reply = (request) => [
      { ...goodAnswer(request, clock.unix() + 86_400_000), origin: { seconds: 1, fraction: 2 } },
      { ...goodAnswer(request, 0), stratum: 0, reference: letters('DENY'), origin: { seconds: 0, fraction: 0 } },
      randomBytes(20), randomBytes(48), Buffer.alloc(0), encodePacket(request),
      goodAnswer(request, clock.unix() + 7),
    ];
  }));

test('DENY and RSTR: that server is never asked again, the others are', () =>
  withServers([0, 0, 50], async ({ clock, client, servers, heard }) => {
    await until('all answers', () => heard.length === 3);
    assert.equal(heard.map(({ denied }) => denied).filter(Boolean).length, 2);
    for (let minutes = 0; minutes < 60; minutes++) await clock.advance(60_000);
    await until('asked again', () => servers[2]!.requests.length > 3);
    assert.equal(servers.slice(0, 2).map(({ requests }) => requests.length), [1, 1]);
    near(client.estimate()!.error, -50);
  }, (servers, clock) => {
    for (const [index, code] of ['DENY', 'RSTR'].entries()) {
      servers[index]!.reply = (request) => [{ ...goodAnswer(request, clock.unix()), stratum: 0, leap: 3, reference: letters(code) }];
    }
  }));

/** Asks counted over ten virtual hours, each answer waited for. */
async function asksIn(world: World, hours: number): Promise<number[]> {
  const { clock, servers, heard } = world;
  const at: number[] = [];
  const end = clock.now() + hours * 3_600_000;
  let requests = 0, told = 0;
  while (clock.now() < end) {
    await clock.advance(1_000);
    if (servers[0]!.requests.length > requests) {
      requests = servers[0]!.requests.length;
      at.push(clock.now());
    }
    if (heard.length > told) told = heard.length;
  }
  return at.slice(1).map((time, index) => time - at[index]!);
}

test('a good server is asked less and less, from about a minute to about 17', () =>
  withServers([0], async (world) => {
    await until('an answer', () => world.heard.length === 1);
    const gaps = await asksIn(world, 6);
    assert.ok(gaps[0]! >= 57_000 && gaps[0]! <= 73_000, `${gaps[0]}`);
    assert.ok(gaps.at(-1)! >= 920_000 && gaps.at(-1)! <= 1_130_000, `${gaps.at(-1)}`);
    assert.ok(gaps.every((gap) => gap >= 15_000));
  }));

for (const [name, code] of [['RATE', 'RATE'], ['silence', '']] as const) {
  test(`${name}: the interval doubles at once, the last time is kept, and it comes back`, () =>
    withServers([0], async (world) => {
      const { clock, client, servers, heard } = world;
      await until('an answer', () => heard.length === 1);
      servers[0]!.reply = (request) => (code === '' ? [] : [{ ...goodAnswer(request, 0), stratum: 0, leap: 3, reference: letters(code) }]);
      const gaps = await asksIn(world, 1);
      // Seen to the second, by which a gap may look shorter than it is.
      for (const [index, gap] of gaps.slice(1, 4).entries()) assert.ok(gap + 1_000 > 0.9 * 64_000 * 2 ** (index + 1) && gap < 1.2 * 64_000 * 2 ** (index + 1), `${gaps}`);
      near(client.estimate()!.error, 0);
      assert.match(heard.at(-1)!.problem!, code === '' ? /no answer/ : /RATE/);
      servers[0]!.right(clock, 250);
      const before = heard.length;
      for (let minutes = 0; heard.length < before + 2 && minutes < 60; minutes++) await clock.advance(60_000);
      await until('well again', () => heard.at(-1)!.problem === undefined);
    }));
}

test('a server that stays silent is followed for 68 minutes, not longer', () =>
  withServers([5], async ({ clock, client, servers, heard }) => {
    await until('an answer', () => heard.length === 1);
    servers[0]!.reply = () => [];
    for (let minutes = 0; minutes < 67; minutes++) await clock.advance(60_000);
    near(client.estimate()!.error, -5);
    assert.ok(client.estimate()!.bound > 60, 'drift is counted');
    await clock.advance(3 * 60_000);
    assert.is(client.estimate(), undefined);
  }));

test('our clock is set, or the machine slept: what was known is dropped, and asked for anew after 15 s at the earliest', () =>
  withServers([0], async ({ clock, client, servers, heard }) => {
    await until('an answer', () => heard.length === 1);
    servers[0]!.reply = (request) => [goodAnswer(request, clock.unix() - 9_000)]; // the true time went on as before
    clock.step(9_000);
    assert.is(client.estimate(), undefined);
    await clock.advance(14_000);
    assert.is(servers[0]!.requests.length, 1);
    await clock.advance(1_001);
    await until('asked anew', () => heard.length === 2);
    near(client.estimate()!.error, 9_000);
  }));

test('an address where nobody listens, and a name that cannot exist', async () => {
  const clock = new TestClock();
  const heard: ServerState[] = [];
  const gone = await FakeServer.start(clock);
  const { address } = gone;
  gone.close();
  const client = new SntpClient({ servers: [address, { host: 'a..b', port: 123 }], clock, told: (server) => void heard.push(server) });
  for (let i = 0; heard.length < 2 && i < 10_000; i++) {
    await clock.advance(1);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.match(heard.find(({ server }) => server.includes('a..b'))!.problem!, /name cannot be resolved/);
  assert.match(heard.find(({ server }) => server.includes('127'))!.problem!, /ECONNREFUSED|no answer/);
  assert.is(client.estimate(), undefined);
  client.close();
});

test('close in the middle of a question: nothing is told, nothing is asked', () =>
  withServers([0], async ({ clock, client, servers, heard }) => {
    client.close();
    await turns(20);
    for (let i = 0; i < 10; i++) await clock.advance(60_000);
    assert.equal([heard.length, servers[0]!.requests.length <= 1], [0, true]);
  }));

test.run();
