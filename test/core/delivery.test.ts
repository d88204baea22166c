// Delivery from device core to gateway core and back, in memory, under a clock that the test owns: links that break,
// packets that get lost, repeated and reordered, sides that start again, receivers that are busy, refuse or wait.

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { abi } from './engine/engine.js';
import type { Inbox, Outbox } from './engine/hosts.js';
import { LINKS, together } from './engine/pair.js';
import { World } from './engine/world.js';

const RUNS = 100;

/** Everything that must hold of one direction at its end. `volatile`: the sender's RAM was lost at times. */
function check(sender: Outbox, receiver: Inbox, sent: string[], label: string): void {
  const taken = receiver.taken;
  assert.is(new Set(taken).size, taken.length, `${label}: nothing is taken twice`);
  const order = taken.map((body) => sent.indexOf(body));
  assert.ok(order.every((place, i) => i === 0 || place > order[i - 1]!), `${label}: in order ${taken}`);
  const ended = (how: string) => sent.filter((body) => sender.ends.get(body) === how);
  for (const body of ended('delivered')) assert.ok(taken.includes(body), `${label}: ${body} was said to be delivered`);
  for (const body of ended('refused')) assert.ok(!taken.includes(body), `${label}: ${body} was said to be refused`);
  for (const body of sent) assert.ok(sender.ends.has(body), `${label}: ${body} has no end`);
}

const step = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.constantFrom('up', 'down'), fc.integer({ min: 1, max: 5 })) },
  { weight: 8, arbitrary: fc.tuple(fc.constantFrom('deliverUp', 'deliverDown', 'part', 'all'), fc.nat(6)) },
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom('lose', 'repeat', 'swap'), fc.nat(3)) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom('wait', 'live'), fc.nat(14)) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom('ok', 'busy', 'refuse', 'later', 'decide'), fc.nat(1)) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('giveUp'), fc.nat(5)) },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom('loseLink', 'restartDevice', 'restartGateway'), fc.nat(1)) },
);

function run(world: World, steps: [string, number][]): { up: string[]; down: string[] } {
  const up: string[] = [], down: string[] = [];
  const packets = world.datagrams;
  for (const [what, n] of steps) {
    const [list, out, inbox] = n % 2 ? [world.up, world.deviceOut, world.gatewayIn] : [world.down, world.gatewayOut, world.deviceIn];
    switch (what) {
      case 'up':
        for (let i = 0; i < n; i++) world.sendUp(up[up.push(`u${up.length}`) - 1]!);
        break;
      case 'down':
        for (let i = 0; i < n; i++) world.sendDownwards(down[down.push(`d${down.length}`) - 1]!);
        break;
      case 'deliverUp': for (let i = 0; i <= n; i++) world.deliverUp(); break;
      case 'deliverDown': for (let i = 0; i <= n; i++) world.deliverDown(); break;
      case 'part': world.deliverUp(n + 1); world.deliverDown(n + 1); break;
      case 'all': world.deliverAll(); break;
      case 'lose': if (packets) list.splice(n, 1); break;
      case 'repeat': if (packets && list[n]) list.push(list[n]); break;
      case 'swap': if (packets && list[n + 1]) list.splice(n, 2, list[n + 1]!, list[n]!); break;
      case 'wait': world.advance(n * 250, () => {}); break;
      case 'live': world.advance(n * 1_000); break;
      case 'ok': inbox.policy = () => abi.ACK_OK; break;
      case 'busy': inbox.policy = () => abi.ACK_BUSY; break;
      case 'refuse': inbox.policy = (body) => (Number(body.slice(1)) % 3 === 0 ? abi.ACK_REFUSED : abi.ACK_OK); break;
      case 'later': inbox.policy = () => 'later'; break;
      case 'decide': inbox.policy = () => abi.ACK_OK; world.decideDevice(); world.decideGateway(); break;
      case 'giveUp': out.giveUp(out.low + (n >> 1)); break;
      case 'loseLink': world.loseLink(n === 0); break;
      case 'restartDevice': world.restartDevice(n === 1); break;
      case 'restartGateway': world.restartGateway(); break;
    }
  }
  // All is well again: everything must come to its end.
  world.deviceIn.policy = world.gatewayIn.policy = () => abi.ACK_OK;
  world.decideDevice();
  world.decideGateway();
  world.advance(400_000);
  assert.ok(world.online, 'they are together again');
  return { up, down };
}

for (const link of LINKS) {
  for (const durable of [true, false]) {
    test(`whatever happens on the way: ${link}, ${durable ? 'a durable' : 'a volatile'} device`, () => {
      let messages = 0;
      fc.assert(
        fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
          const world = new World({ link, durable });
          world.start();
          world.deliverAll();
          const { up, down } = run(world, steps);
          check(world.deviceOut, world.gatewayIn, up, 'up');
          check(world.gatewayOut, world.deviceIn, down, 'down');
          // Only a device that forgets can leave anybody in doubt, and only about what was sent.
          if (durable) {
            const doubts = [...world.deviceOut.ends, ...world.gatewayOut.ends].filter(([, end]) => end === 'in doubt');
            assert.equal(doubts, [], 'nobody is in doubt where nobody forgets');
          }
          messages += up.length + down.length;
        }),
        { numRuns: RUNS, includeErrorInReport: true },
      );
      assert.ok(messages > RUNS, `${messages} messages`);
    });
  }
}

test('a device that loses its RAM between acting and its ACK does not act twice; the sender learns in doubt', () => {
  for (const link of LINKS) {
    const world = together(link, { durable: false });
    world.sendDownwards('d0');
    world.deliverAll();
    world.sendDownwards('d1');
    world.sendDownwards('d2');
    world.deliverDown(); // the device acts on what comes, and its ACK gets lost with its RAM
    if (link === 'datagram') world.deliverDown();
    assert.ok(world.deviceIn.taken.includes('d1'));
    world.up = [];
    world.down = [];
    world.restartDevice();
    const proved = () => world.log.filter(({ kind }) => kind === abi.EV_PROVED).length;
    const before = proved();
    for (let i = 0; i < 10 && proved() === before; i++) if (!world.deliverUp()) world.deliverDown();
    world.sendDownwards('d3'); // first sent in a session whose receiver takes nothing but id 1
    world.advance(60_000);
    assert.is(world.gatewayOut.ends.get('d0'), 'delivered');
    assert.is(world.gatewayOut.ends.get('d1'), 'in doubt');
    assert.is(world.gatewayOut.ends.get('d2'), 'in doubt');
    assert.is(world.gatewayOut.ends.get('d3'), 'delivered', 'what was never taken goes under the new outbox');
    assert.is(world.deviceIn.taken.filter((body) => body === 'd1').length, 1);
  }
});

test('the first command of an outbox is not obeyed twice either', () => {
  for (const link of LINKS) {
    const world = together(link, { durable: false });
    world.sendDownwards('d0');
    world.deliverAll();
    world.restartDevice(true);
    world.advance(60_000);
    assert.equal(world.deviceIn.taken, ['d0']);
    const other = new World({ link, durable: false });
    other.start();
    other.deliverAll();
    other.sendDownwards('d0');
    while (!other.deviceIn.taken.includes('d0')) if (!other.deliverDown()) other.deliverUp();
    other.restartDevice(true); // it has acted, and its ACK is gone
    other.advance(60_000);
    assert.equal(other.deviceIn.taken, ['d0']);
    assert.is(other.gatewayOut.ends.get('d0'), 'in doubt');
  }
});

test('a device that stores its record is spared the doubt', () => {
  for (const link of LINKS) {
    const world = together(link, { durable: true });
    world.sendDownwards('d0');
    world.deliverAll();
    world.sendDownwards('d1');
    world.deliverDown();
    world.up = [];
    world.restartDevice();
    world.advance(60_000);
    assert.equal(world.deviceIn.taken, ['d0', 'd1']);
    assert.is(world.gatewayOut.ends.get('d1'), 'delivered');
  }
});

test('the gateway that loses its records: in doubt is what was sent in an earlier session, the rest goes again', () => {
  for (const link of LINKS) {
    const world = together(link, { durable: true });
    for (const body of ['u0', 'u1']) world.sendUp(body);
    world.deliverAll();
    world.gatewayIn.policy = () => 'later';
    for (const body of ['u2', 'u3']) world.sendUp(body);
    world.deliverAll();
    world.restartGateway();
    world.forgetGateway();
    world.gatewayIn.policy = () => abi.ACK_OK;
    world.sendUp('u4');
    world.advance(60_000);
    const ends = Object.fromEntries(world.deviceOut.ends);
    assert.equal(ends, { u0: 'delivered', u1: 'delivered', u2: 'in doubt', u3: 'in doubt', u4: 'delivered' });
    assert.equal(world.gatewayIn.taken, ['u0', 'u1', 'u4']);
  }
});

test('refused: held until SKIP, told once to the application, never delivered by a lost ACK', () => {
  for (const link of LINKS) {
    const world = together(link, { durable: true });
    world.gatewayIn.policy = (body) => (body === 'u1' ? abi.ACK_REFUSED : abi.ACK_OK);
    for (const body of ['u0', 'u1', 'u2']) world.sendUp(body);
    for (let i = 0; i < 3; i++) world.deliverUp();
    world.down = []; // every ACK is lost, the refusal too
    world.advance(200_000);
    assert.equal(Object.fromEntries(world.deviceOut.ends), { u0: 'delivered', u1: 'refused', u2: 'delivered' });
    assert.equal(world.gatewayIn.taken, ['u0', 'u2']);
  }
});

test('a burst that goes stale on its way is not lost, and less is handed over afterwards', () => {
  for (const link of LINKS) {
    const world = together(link);
    for (let i = 0; i < 20; i++) world.sendUp(`u${i}`);
    world.advance(3_000, () => {}); // nothing moves for longer than the window
    world.up.length = link === 'stream' ? world.up.length : 20; // without what a datagram sender repeats meanwhile
    while (world.deliverUp());
    assert.equal(world.gatewayIn.taken, [], 'stale frames are not acted on');
    assert.ok(world.gateway.counters()[abi.REFUSED_STALE]! > 0);
    world.deliverAll();
    for (const [body, end] of world.deviceOut.ends) assert.unreachable(`${body} is said to be ${end}`);
    // Twenty stale answers are one reason to wait, not twenty: 1 s × random(1..1.5).
    world.advance(4_000);
    assert.is(world.gatewayIn.taken.length, 20);
    check(world.deviceOut, world.gatewayIn, Array.from({ length: 20 }, (_, i) => `u${i}`), link);
  }
});

test('an answer to a gap that goes stale on its way is given again', () => {
  for (const link of LINKS) {
    const world = together(link, { durable: false });
    world.restartDevice(); // what it knew of the gateway's outbox is gone
    world.deliverAll();
    world.sendDownwards('d0');
    while (world.deliverDown()); // it is not the first id, so the device answers: unknown outbox
    world.advance(2_500, () => {});
    if (link === 'datagram') world.up = [];
    world.deliverAll();
    world.advance(60_000);
    assert.equal(world.deviceIn.taken, ['d0'], link);
    assert.is(world.gatewayOut.ends.get('d0'), 'delivered');
  }
});

test('SKIP: a message that was given up leaves no gap', () => {
  for (const link of LINKS) {
    const world = together(link, { durable: true });
    world.loseLink();
    for (const body of ['u0', 'u1', 'u2']) world.sendUp(body);
    world.deviceOut.giveUp(2);
    world.advance(60_000);
    assert.equal(world.gatewayIn.taken, ['u0', 'u2']);
    assert.is(world.deviceOut.ends.get('u1'), 'skipped');
    assert.is(world.gatewayIn.last, 3);
  }
});

test('a message that its host fetches too late, after its ACK, is dropped without harm', () => {
  const world = together('stream');
  world.sendUp('u0');
  world.deliverAll();
  const told = world.device.send(new Uint8Array(1), 1);
  assert.is(world.device.status, abi.OK);
  assert.is(told.output.length, 0);
  world.device.send(new Uint8Array(1), 7);
  assert.is(world.device.status, abi.E_ORDER, 'an id that nobody asked for');
});

test.run();
