/** What the registry keeps for a bridge: who is done with a message, commands taken once, results, dead letters, the keeper's lease, rules. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Command, Registry } from 'tidelock/registry';
import { newPlace, open, rejects, session, TestClock } from './support.js';

const NOTHING = new Uint8Array(0);

function command(identity: string, text: string, more: Partial<Command> = {}, now = 0): Command {
  return {
    identity, topic: '', trust: 0, body: Buffer.from(text), made: now, deadline: now + 60_000, once: '', replaces: '', response: '', correlation: NOTHING, tlId: '', ...more,
  };
}

async function received(registry: Registry, texts: string[]): Promise<void> {
  const { lease, receipts } = await session(registry, 'a');
  await registry.commit(texts.map((text, i) => ({ lease, id: receipts.inLast + i + 1, time: 1, repeat: false, suite: 1, topic: 'temp', body: Buffer.from(text) })));
}

test('a row goes when all that it was written for are done with it, each on its own', async () => {
  const url = await newPlace();
  let registry = await open({}, url);
  await received(registry, ['app alone']);
  registry.consumers(['app', 'bridge']);
  await received(registry, ['both', 'both too']);
  registry.consumers(['bridge']);
  await received(registry, ['bridge alone']);
  const texts = async (consumer: 'app' | 'bridge'): Promise<string[]> => (await registry.read({ consumer })).map(({ body }) => body.toString());
  assert.equal(await texts('app'), ['app alone', 'both', 'both too']);
  assert.equal(await texts('bridge'), ['both', 'both too', 'bridge alone']);
  const rows = await registry.read({ consumer: 'bridge' });
  assert.equal(rows.map(({ suite, topic }) => [suite, topic]), [[1, 'temp'], [1, 'temp'], [1, 'temp']]);
  await registry.done(rows.map(({ position }) => position), 'bridge');
  await registry.done(rows.map(({ position }) => position), 'bridge'); // again changes nothing
  assert.equal(await texts('bridge'), []);
  assert.equal(await texts('app'), ['app alone', 'both', 'both too']);
  assert.is((await registry.info()).inbox.rows, 3);
  await registry.close();
  registry = await open({}, url);
  await registry.done((await registry.read()).map(({ position }) => position));
  assert.equal((await registry.info()).inbox, { rows: 0, bytes: 0 });
  assert.throws(() => registry.consumers([]), RangeError);
  await rejects(registry.read({ consumer: 'nobody' as never }), 'BAD_OPTION');
  await registry.close();
});

test('commands: each once, in order, with a result; a repeat queues nothing, also after a restart and after its end', async () => {
  const url = await newPlace(), clock = new TestClock();
  let registry = await open({ unix: clock.unix }, url);
  await registry.add('a');
  let { lease } = (await registry.bridge.keep('all'))!;
  const at = (text: string, more: Partial<Command> = {}): Command => command('a', text, more, clock.now);
  const answers = async (...commands: Command[]): Promise<string[]> => (await registry.bridge.intake(lease, commands))!.map(({ how }) => how);
  const results = async (): Promise<string[]> => (await registry.bridge.results()).map(({ identity, how, tlId }) => `${identity} ${tlId} ${how}`);
  assert.equal(await answers(at('1', { once: 'x', tlId: 'x' }), at('2'), at('1', { once: 'x', tlId: 'x' }), command('nobody', '3', { tlId: 'n' }, clock.now)), ['queued', 'queued', 'repeat', 'refused']);
  assert.equal((await registry.waiting()).map(({ bytes }) => bytes), [1, 1]);
  assert.equal(await results(), ['nobody n refused']);
  assert.equal(await registry.bridge.info(), { deadLetters: { count: 0, bytes: 0 }, commands: 2, results: 1 });
  await registry.bridge.told((await registry.bridge.results()).map(({ position }) => position));
  await registry.close();

  registry = await open({ unix: clock.unix }, url);
  ({ lease } = (await registry.bridge.keep('all'))!);
  assert.equal(await answers(at('1', { once: 'x' })), ['repeat']);
  assert.is((await registry.bridge.info()).commands, 2);
  const device = await session(registry, 'a');
  await device.take(1, 64);
  await registry.delivered(device.lease, 1);
  assert.equal(await device.take(2, 64), [[2, '1'], [3, '2']]);
  await registry.delivered(device.lease, 2);
  clock.now += 61_000;
  await registry.expire();
  assert.equal(await results(), ['a x delivered', 'a  in doubt']);
  assert.equal(await answers(at('1', { once: 'x' })), ['repeat'], 'whatever became of it');
  clock.now += 86_400_001;
  await answers(at('other'));
  assert.equal(await answers(at('1', { once: 'x' })), ['queued'], 'after 24 hours nobody knows it any more');
  await registry.close();
});

test('a command that is refused, expired, replaced or finds no room has a result, and nothing else is written', async () => {
  const clock = new TestClock(), registry = await open({ unix: clock.unix, limits: { queueMessagesPerDevice: 2, queueLifetime: 1_000_000 } });
  await registry.add('a');
  const { lease } = (await registry.bridge.keep('all'))!;
  const at = (tlId: string, more: Partial<Command> = {}): Command => command('a', tlId, { tlId, response: 'r', correlation: Buffer.from(tlId), ...more }, clock.now);
  const how = (await registry.bridge.intake(lease, [
    at('old', { deadline: clock.now }), at('no', { refusal: { how: 'age unknown', reason: 'why' } }), at('one', { replaces: 'k' }), at('two', { replaces: 'k' }), at('three'), at('four'),
  ]))!.map((one) => one.how);
  assert.equal(how, ['expired', 'age unknown', 'queued', 'queued', 'queued', 'queue full']);
  const results = await registry.bridge.results();
  assert.equal(results.map((one) => `${one.tlId} ${one.how} ${one.response} ${Buffer.from(one.correlation).toString()}`), [
    'old expired r old', 'no age unknown r no', 'one replaced r one', 'four queue full r four',
  ]);
  assert.is(results[1]!.reason, 'why');
  assert.equal((await registry.waiting()).map(({ bytes }) => bytes), [3, 5]);
  // What was sent cannot be replaced.
  const device = await session(registry, 'a');
  await device.take(1, 64);
  await registry.delivered(device.lease, 1);
  await device.take(2, 64);
  await registry.bridge.intake(lease, [at('later', { replaces: 'k' })]);
  assert.not.ok((await registry.bridge.results()).some(({ tlId, how: end }) => tlId === 'two' && end === 'replaced'));
  await registry.close();
});

test('the keeper\'s lease: another is kept out while it is renewed; a later one fences the earlier', async () => {
  const clock = new TestClock(), registry = await open({ unix: clock.unix, gateway: 'g1' });
  await registry.add('a');
  const first = (await registry.bridge.keep('all'))!;
  assert.is(first.seen, 0);
  assert.is(await registry.bridge.renewKeeper(first.lease, true), true);
  const second = (await registry.bridge.keep('all'))!;
  assert.is(second.seen, clock.now);
  assert.is(await registry.bridge.renewKeeper(first.lease, false), false);
  assert.is(await registry.bridge.intake(first.lease, [command('a', 'x', {}, clock.now)]), undefined);
  assert.equal(await registry.waiting(), []);
  assert.is((await registry.bridge.intake(second.lease, [command('a', 'x', {}, clock.now)]))!.length, 1);
  await registry.close();
});

test('too many results: nothing is taken in, and nothing is lost', async () => {
  const clock = new TestClock(), registry = await open({ unix: clock.unix, limits: { results: 2 } });
  const { lease } = (await registry.bridge.keep('all'))!;
  await registry.bridge.intake(lease, [command('n', '1', {}, clock.now), command('n', '2', {}, clock.now)]);
  await rejects(registry.bridge.intake(lease, [command('n', '3', {}, clock.now)]), 'QUEUE_FULL', '2 results');
  await registry.bridge.told([(await registry.bridge.results())[0]!.position]);
  const more = ['3', '4', '5'].map((text) => command('n', text, {}, clock.now));
  assert.is((await registry.bridge.intake(lease, more))!.length, 3, 'what belongs together is taken while there is any room: it may need more than there ever is');
  await rejects(registry.bridge.intake(lease, [command('n', '6', {}, clock.now)]), 'QUEUE_FULL', '2 results');
  await registry.close();
});

test('what was refused is remembered in one half of the room alone', async () => {
  const clock = new TestClock(), registry = await open({ unix: clock.unix, limits: { taken: 10 } });
  await registry.add('a');
  const { lease } = (await registry.bridge.keep('all'))!;
  const flood = Array.from({ length: 100 }, (_, i) => command('nobody', 'x', { once: `n${i}` }, clock.now));
  assert.ok((await registry.bridge.intake(lease, flood))!.every(({ how }) => how === 'refused'));
  assert.equal((await registry.bridge.intake(lease, [command('a', 'x', { once: 'a' }, clock.now), command('a', 'x', { once: 'a' }, clock.now)]))!.map(({ how }) => how), ['queued', 'repeat']);
  await registry.close();
});

test('dead letters: set aside, bounded, listed, and back into the inbox for the bridge alone', async () => {
  const registry = await open({ limits: { deadLetters: 1 } });
  registry.consumers(['app', 'bridge']);
  await received(registry, ['1', '2']);
  const [one, two] = await registry.read({ consumer: 'bridge' });
  assert.is(await registry.bridge.dead(one!.position, 'not authorized'), true);
  assert.is(await registry.bridge.dead(two!.position, 'not authorized'), false, 'there is no room');
  const [letter] = await registry.bridge.deadLetters();
  assert.equal([letter!.message, letter!.topic, letter!.body.toString(), letter!.reason], [one!.message, 'temp', '1', 'not authorized']);
  assert.equal((await registry.read({ consumer: 'bridge' })).map(({ body }) => body.toString()), ['2']);
  assert.equal((await registry.read()).map(({ body }) => body.toString()), ['1', '2']);
  assert.is(await registry.bridge.retry([letter!.position]), 1);
  assert.equal((await registry.read({ consumer: 'bridge' })).map(({ message }) => message), [one!.message, two!.message]);
  assert.is((await registry.info()).inbox.rows, 2, 'the row was there yet, for the application');
  assert.is(await registry.bridge.retry('all'), 0);
  assert.equal((await registry.bridge.info()).deadLetters, { count: 0, bytes: 0 });
  await registry.close();
});

test('subscriptions and rules of fan-out are kept, bounded, and told when they change', async () => {
  const registry = await open(), told: string[] = [];
  registry.on('bridge', ({ change }) => void told.push(change));
  await registry.add('a');
  assert.is(await registry.bridge.subscribe('a', 'news/#'), true);
  assert.is(await registry.bridge.subscribe('a', 'news/#'), false);
  await rejects(registry.bridge.subscribe('a', 'news/#/x'), 'BAD_OPTION', 'topic filter');
  await rejects(registry.bridge.subscribe('nobody', 'news'), 'DEVICE_UNKNOWN');
  await rejects(registry.bridge.subscribe('a', '$share/g/news'), 'BAD_OPTION', 'takes messages away');
  await rejects(registry.bridge.addRule({ filter: '$share/g/news', identities: ['a'] }), 'BAD_OPTION', 'takes messages away');
  await rejects(registry.bridge.extendRule({ filter: '$queue/news', identities: ['a'] }), 'BAD_OPTION', 'takes messages away');
  assert.equal(await registry.bridge.subscriptions(), [{ identity: 'a', filter: 'news/#' }]);
  assert.equal(await registry.bridge.subscriptions('b'), []);
  assert.is(await registry.bridge.unsubscribe('a', 'news/#'), true);
  assert.is(await registry.bridge.unsubscribe('a', 'news/#'), false);
  await registry.bridge.addRule({ filter: 'all/+', identities: ['a', 'a'] });
  await rejects(registry.bridge.addRule({ filter: 'all', identities: [] }), 'BAD_OPTION');
  await rejects(registry.bridge.addRule({ filter: 'all', identities: ['nobody'] }), 'DEVICE_UNKNOWN');
  await rejects(registry.bridge.addRule({ filter: 'all', identities: Array.from({ length: 1_001 }, (_, i) => `${i}`) }), 'BAD_OPTION');
  assert.equal(await registry.bridge.rules(), [{ filter: 'all/+', identities: ['a'] }]);
  assert.is(await registry.bridge.removeRule('all/+'), true);
  assert.equal(told, ['subscriptions', 'subscriptions', 'rules', 'rules']);
  told.length = 0;
  await registry.add('b');
  assert.equal(await registry.bridge.extendRule({ filter: 'all/+', identities: ['a'] }), { changed: 1, left: 1 });
  assert.equal(await registry.bridge.extendRule({ filter: 'all/+', identities: ['b', 'a', 'b'] }), { changed: 1, left: 2 });
  assert.equal(await registry.bridge.extendRule({ filter: 'all/+', identities: ['b'] }), { changed: 0, left: 2 });
  await rejects(registry.bridge.extendRule({ filter: 'all/+', identities: ['nobody'] }), 'DEVICE_UNKNOWN');
  await rejects(registry.bridge.extendRule({ filter: 'all/#/x', identities: ['a'] }), 'BAD_OPTION', 'topic filter');
  assert.equal(await registry.bridge.shrinkRule('all/+', ['a', 'nobody']), { changed: 1, left: 1 });
  assert.equal(await registry.bridge.rules(), [{ filter: 'all/+', identities: ['b'] }]);
  assert.equal(await registry.bridge.shrinkRule('all/+', ['a']), { changed: 0, left: 1 });
  assert.equal(await registry.bridge.shrinkRule('all/+'), { changed: 1, left: 0 });
  assert.equal(await registry.bridge.shrinkRule('all/+'), { changed: 0, left: 0 });
  assert.equal([await registry.bridge.rules(), told], [[], ['rules', 'rules', 'rules', 'rules']]);
  const many = Array.from({ length: 1_001 }, (_, i) => `m${i}`);
  for (const identity of many) await registry.add(identity);
  await registry.bridge.extendRule({ filter: 'all', identities: many.slice(0, 1_000) });
  await rejects(registry.bridge.extendRule({ filter: 'all', identities: many.slice(1_000) }), 'BAD_OPTION', 'at most 1000 devices');
  await registry.close();
});

test('through: the record leaves the database at takeover, and `receipt` writes it, by the lease that holds', async () => {
  const registry = await open();
  await received(registry, ['1', '2']);
  const { outbox } = (await session(registry, 'a')).lease;
  const forgotten = (await registry.takeover('a', outbox, undefined, { forget: true }))!;
  assert.is(forgotten.receipts.inLast, 2);
  const later = (await registry.takeover('a', outbox))!;
  assert.is(later.receipts.inLast, 0);
  await registry.receipt(forgotten.lease, 7); // its lease has ended
  assert.is((await registry.takeover('a', outbox))!.receipts.inLast, 0);
  const last = (await registry.takeover('a', outbox))!;
  await registry.receipt(last.lease, 9);
  assert.is((await registry.takeover('a', outbox))!.receipts.inLast, 9);
  await registry.close();
});

test.run();
