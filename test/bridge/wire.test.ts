/** What the bridge does on the wire, against a broker that a test decides packet by packet. */
import type { IPublishPacket, Packet } from 'mqtt-packet';
import * as assert from 'uvu/assert';
import { TidelockError } from 'tidelock';
import { test } from '../gateway/support.js';
import { Scripted, type Client } from './scripted.js';
import { device, eventually, site } from './support.js';

const up = (packet: IPublishPacket): boolean => packet.topic.endsWith('/up');

test('what stands right behind CONNACK is taken in, and acknowledged after its commit', async () => {
  const broker = await Scripted.start();
  broker.connack = ({ id }) => (id === 'tl-keeper' ? { sessionPresent: true } : {});
  broker.behind = ({ id }) => (id === 'tl-keeper'
    ? Array.from({ length: 20 }, (_, i): Packet => ({ cmd: 'publish', topic: 'tl/-/pump-7/down', payload: `${i}`, qos: 1, messageId: i + 1, dup: false, retain: false }))
    : []);
  const place = await site({ url: broker.url, probe: 0, lifetime: 600_000 });
  await place.registry.add('pump-7');
  await eventually('all are acknowledged', () => broker.acknowledged.length >= 20);
  assert.equal(broker.acknowledged.slice(0, 20).map(({ id }) => id), Array.from({ length: 20 }, (_, i) => i + 1));
  await place.close();
  await broker.close();
});

test('PUBACK is withheld while the database cannot commit, and order is kept', async () => {
  const broker = await Scripted.start(), place = await site({ url: broker.url, probe: 0 });
  await place.registry.add('pump-7');
  await eventually('the keeper', () => place.bridge.counters().keeper);
  const keeper = broker.clients.find(({ id }) => id === 'tl-keeper')!;
  const intake = place.registry.bridge.intake.bind(place.registry.bridge);
  let failures = 0;
  place.gateway.on('error', () => undefined);
  place.registry.bridge.intake = (lease, commands) => (++failures <= 2 ? Promise.reject(new Error('the disk is full')) : intake(lease, commands));
  for (let i = 1; i <= 3; i++) keeper.send({ cmd: 'publish', topic: 'tl/-/pump-7/down', payload: `${i}`, qos: 1, messageId: 100 + i, dup: false, retain: false });
  await eventually('it failed', () => failures >= 1);
  assert.is(broker.acknowledged.filter(({ id }) => id > 100).length, 0);
  await eventually('acknowledged after all', () => broker.acknowledged.filter(({ id }) => id > 100).length === 3);
  assert.is((await place.registry.waiting()).length, 3);
  await place.close();
  await broker.close();
});

test('topics of devices that the broker refuses keep none of the others away', async () => {
  const broker = await Scripted.start();
  broker.suback = (filter) => (filter === 'b/#' ? 0x87 : 1);
  const place = await site({ url: broker.url, probe: 0 });
  await place.registry.add('pump-7');
  await eventually('it is connected', () => place.bridge.counters().keeper);
  for (const filter of ['a', 'b/#', 'c', 'd']) await place.registry.bridge.subscribe('pump-7', filter);
  await eventually('all are asked for', () => ['a', 'b/#', 'c', 'd'].every((filter) => broker.subscribed.includes(filter)), 5_000);
  const before = broker.subscribed.length, lane = broker.clients.find(({ id }) => id === 'tl-local-0')!;
  lane.end();
  await eventually('all are asked for again', () => ['a', 'b/#', 'c', 'd'].every((filter) => broker.subscribed.slice(before).includes(filter)), 5_000);
  assert.ok(place.alarms.some((text) => text.includes('b/#')), place.alarms.join('; '));
  await place.close();
  await broker.close();
});

test('through: what an earlier run left in the inbox is not overtaken where the broker takes it only after a while', async () => {
  const broker = await Scripted.start();
  broker.connack = () => undefined;
  const before = await site({ url: broker.url, probe: 0, down: false, protocol: '5' });
  for (const id of ['a', 'b']) {
    const early = await device(before, id);
    await early.publish('t', `old ${id}`).acknowledged;
    await early.close();
  }
  await before.close();
  const taken: string[] = [];
  let refusals = 0;
  broker.connack = () => ({});
  broker.puback = ({ topic, payload }) => {
    if (!topic.endsWith('/up/t')) return 0;
    const text = payload.toString();
    if (text === 'old a' && ++refusals <= 2) return 0x97;
    taken.push(text);
    return 0;
  };
  const place = await site({ url: broker.url, probe: 0, down: false, protocol: '5', mode: 'through', connections: 1 }, { place: before.place });
  await eventually('the other went', () => taken.includes('old b'));
  const a = await device(place, 'a');
  await a.publish('t', 'new a').acknowledged;
  assert.equal(taken, ['old b', 'old a', 'new a']);
  assert.is(refusals, 3);
  await a.close();
  await place.close();
  await broker.close();
});

test('a status that has to be told again says why and when the session ended, as the first did', async () => {
  const broker = await Scripted.start();
  let cuts = 0;
  broker.puback = ({ topic, payload }) => (topic.endsWith('/pump-7/status') && payload.includes('"connected":false') && ++cuts === 1 ? 'end' : 0);
  const place = await site({ url: broker.url, probe: 0 }), pump = await device(place, 'pump-7');
  await place.registry.disable('pump-7');
  await place.gateway.refresh('pump-7');
  const ends = (): { since: number; reason: string }[] => broker.published.filter(({ packet }) => packet.topic.endsWith('/pump-7/status'))
    .map(({ packet }) => JSON.parse(packet.payload.toString()) as { connected: boolean; since: number; reason: string }).filter(({ connected }) => !connected);
  await eventually('it is told again', () => ends().length >= 2, 10_000);
  const [first, second] = ends();
  assert.match(first!.reason, /./);
  assert.equal(second, first);
  await pump.close();
  await place.close();
  await broker.close();
});

test('correlation data without a response topic is no name of a command, and its result says so', async () => {
  const broker = await Scripted.start(), place = await site({ url: broker.url, probe: 0 });
  await eventually('the keeper', () => place.bridge.counters().keeper);
  const keeper = broker.clients.find(({ id }) => id === 'tl-keeper')!, correlationData = Buffer.from('c');
  [{ correlationData }, { correlationData, responseTopic: 'app/r' }, { correlationData, userProperties: { 'tl-id': 'i' } }].forEach((properties, i) => keeper.send({
    cmd: 'publish', topic: 'tl/-/nobody/down', payload: 'x', qos: 1, messageId: 1 + i, dup: false, retain: false, properties,
  }));
  const results = (): { once?: boolean }[] => broker.published.filter(({ packet }) => /\/result$|^app/.test(packet.topic)).map(({ packet }) => JSON.parse(packet.payload.toString()) as { once?: boolean });
  await eventually('their results', () => results().length === 3);
  assert.equal(results().map(({ once }) => once), [false, undefined, undefined]);
  await place.close();
  await broker.close();
});

test('a message for many devices is opened once, and a burst of them waits for room rather than for ever', async () => {
  const broker = await Scripted.start();
  const place = await site({ url: broker.url, probe: 0 }, { registry: { limits: { results: 50 } } });
  const identities = Array.from({ length: 60 }, (_, i) => `pump-${i}`);
  for (const identity of identities) await place.registry.add(identity);
  await place.registry.bridge.addRule({ filter: 'few', identities: identities.slice(0, 10) });
  await place.registry.bridge.addRule({ filter: 'all', identities });
  const keepers = (): Client[] => broker.clients.filter(({ id }) => id === 'tl-keeper');
  await eventually('the keeper', () => place.bridge.counters().keeper);
  keepers()[0]!.end(); // rules are read before each connection
  await eventually('the keeper again', () => keepers().length === 2 && place.bridge.counters().keeper);
  const keeper = keepers()[1]!, groups: number[] = [];
  const intake = place.registry.bridge.intake.bind(place.registry.bridge);
  place.registry.bridge.intake = (lease, commands) => {
    groups.push(commands.length);
    return intake(lease, commands);
  };
  const parse = JSON.parse;
  let opened = 0;
  JSON.parse = (text, ...more) => {
    if (text.includes('tl-id')) opened += 1;
    return parse(text, ...more) as unknown;
  };
  const send = (topic: string, first: number, count: number): void => keeper.send(...Array.from({ length: count }, (_, i): Packet => ({
    cmd: 'publish', topic, payload: `{"tl-id":"${first + i}","text":"x"}`, qos: 1, messageId: first + i, dup: false, retain: false,
  })));
  try {
    place.gateway.on('error', () => undefined);
    send('few', 101, 100);
    await eventually('all are acknowledged', () => broker.acknowledged.filter(({ id }) => id > 100).length === 100);
    assert.is(opened, 100);
    assert.ok(Math.max(...groups) <= 512, `groups of ${groups.join(', ')}`);
    send('all', 201, 1);
    await eventually('more devices than results may wait', () => broker.acknowledged.some(({ id }) => id === 201));
    assert.is((await place.registry.waiting({ limit: 10_000 })).length, 1_060);
  } finally {
    JSON.parse = parse;
  }
  await place.close();
  await broker.close();
});

test('a broker that minds no Receive Maximum is held back, not turned away: nothing is handed over twice, and memory is bounded', async () => {
  const broker = await Scripted.start(), place = await site({ url: broker.url, probe: 0 });
  await place.registry.add('pump-7');
  await eventually('the keeper', () => place.bridge.counters().keeper);
  const keeper = broker.clients.find(({ id }) => id === 'tl-keeper')!, count = 9_000;
  const flood = (payload: Buffer): void => keeper.send(...Array.from({ length: count }, (_, i): Packet => ({ cmd: 'publish', topic: 'tl/-/pump-7/down', payload, qos: 1, messageId: i + 1, dup: false, retain: false })));
  const intake = place.registry.bridge.intake.bind(place.registry.bridge);
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  place.registry.bridge.intake = async (lease, commands) => {
    await gate;
    return intake(lease, commands);
  };
  flood(Buffer.alloc(8_192, 'x'));
  let last = Infinity, same = 0;
  await eventually('no more is taken', () => {
    const unsent = keeper.unsent();
    same = unsent === last ? same + 1 : 0;
    last = unsent;
    return same > 20;
  });
  assert.ok(last > 40e6, `${last} of 74 MB wait at the broker`);
  const answered = (): number => broker.acknowledged.filter(({ client }) => client === 'tl-keeper').length;
  const marked = answered();
  assert.ok(marked <= 1, 'the marker at most');
  open();
  await eventually('all are acknowledged', () => answered() - marked >= count);
  flood(Buffer.from('y'));
  await eventually('again, many small ones', () => answered() - marked >= 2 * count);
  assert.is(broker.clients.filter(({ id }) => id === 'tl-keeper').length, 1);
  await place.close();
  await broker.close();
});

test('a command that the database does not take is refused in the end, and holds nobody back meanwhile', async () => {
  const broker = await Scripted.start(), place = await site({ url: broker.url, probe: 0 });
  await place.registry.add('pump-7');
  place.gateway.on('error', () => undefined);
  await eventually('the keeper', () => place.bridge.counters().keeper);
  const keeper = broker.clients.find(({ id }) => id === 'tl-keeper')!;
  const intake = place.registry.bridge.intake.bind(place.registry.bridge);
  place.registry.bridge.intake = (lease, commands) => (commands.some(({ body }) => Buffer.from(body).toString() === 'poison')
    ? Promise.reject(new TidelockError('DATABASE_FAILED', { database: 'x', reason: 'invalid byte sequence' }))
    : intake(lease, commands));
  ['before', 'poison', 'behind'].forEach((payload, i) => keeper.send({ cmd: 'publish', topic: 'tl/-/pump-7/down', payload, qos: 1, messageId: 201 + i, dup: false, retain: false }));
  await eventually('all three are acknowledged', () => broker.acknowledged.filter(({ id }) => id > 200).length === 3);
  assert.is((await place.registry.waiting()).length, 2);
  assert.equal(place.bridge.counters().commandsRefused, { refused: 1 });
  await place.close();
  await broker.close();
});

for (const how of ['by a reason code', 'by closing the connection']) {
  test(`a broker without MQTT 5, which says so ${how}, is spoken to with 3.1.1`, async () => {
    const broker = await Scripted.start();
    broker.connack = ({ version }) => (version === 5 ? (how === 'by a reason code' ? { reasonCode: 0x84 } : undefined) : {});
    const place = await site({ url: broker.url, probe: 0 }), pump = await device(place, 'pump-7');
    await pump.send('x').acknowledged;
    await eventually('it came', () => broker.texts().length === 1);
    assert.is(place.bridge.counters().version, 4);
    assert.match(broker.texts()[0]!, /^\{"tl-id":"[0-9a-f]{8}-\d+","tl-time":"\d+","tl-trust":"proved","tl-suite":"sealed","text":"x"\}$/);
    await pump.close();
    await place.close();
    await broker.close();
  });
}

test('Receive Maximum is obeyed, and what is unanswered goes again in order after the connection was lost', async () => {
  const broker = await Scripted.start();
  broker.connack = () => ({ properties: { receiveMaximum: 3 } });
  let answers = false;
  broker.puback = (packet) => (up(packet) && !answers ? undefined : 0);
  const place = await site({ url: broker.url, probe: 0, connections: 1 }), pump = await device(place, 'pump-7');
  for (let i = 0; i < 10; i++) await pump.send(`${i}`).acknowledged;
  await eventually('three', () => broker.texts().length === 3);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(broker.texts(), ['0', '1', '2']);
  answers = true;
  broker.clients.find(({ id }) => id === 'tl-local-0')!.end();
  await eventually('the inbox is empty', async () => (await place.registry.info()).inbox.rows === 0);
  assert.equal(broker.texts(), ['0', '1', '2', ...Array.from({ length: 10 }, (_, i) => `${i}`)]);
  const ids = broker.published.filter(({ packet }) => up(packet)).map(({ packet }) => (packet.properties!.userProperties as Record<string, string>)['tl-id']);
  assert.is(new Set(ids).size, 10, 'a repeat has the same tl-id');
  await pump.close();
  await place.close();
  await broker.close();
});

test('a mark that the database did not take is made later: the row goes again under its name', async () => {
  const broker = await Scripted.start(), place = await site({ url: broker.url, probe: 0 }), pump = await device(place, 'pump-7');
  place.gateway.on('error', () => undefined);
  const done = place.registry.done.bind(place.registry);
  let failures = 0;
  place.registry.done = (positions, consumer) => (++failures === 1 ? Promise.reject(new Error('the disk is full')) : done(positions, consumer));
  await pump.send('x').acknowledged;
  await eventually('it is done', async () => failures >= 2 && (await place.registry.info()).inbox.rows === 0);
  assert.equal(broker.texts(), ['x', 'x']);
  await pump.close();
  await place.close();
  await broker.close();
});

test('a message that is the oldest in flight at three disconnects is a dead letter; those behind it are not', async () => {
  const broker = await Scripted.start();
  broker.puback = (packet) => (packet.payload.toString() === 'poison' ? 'end' : 0);
  const place = await site({ url: broker.url, probe: 0, connections: 1 }), pump = await device(place, 'pump-7');
  for (const text of ['a', 'poison', 'b', 'c']) await pump.send(text).acknowledged;
  await eventually('the inbox is empty', async () => (await place.registry.info()).inbox.rows === 0);
  assert.is(broker.texts().filter((text) => text === 'poison').length, 3);
  assert.equal((await place.registry.bridge.deadLetters()).map(({ body, reason }) => `${body.toString()}: ${reason}`), ['poison: three connections were lost while it was the one in flight']);
  assert.equal([...new Set(broker.texts())].sort(), ['a', 'b', 'c', 'poison']);
  await pump.close();
  await place.close();
  await broker.close();
});

test('a refusal that may pass is tried again, in order; with 0x10 nobody has subscribed, counted or by option refused', async () => {
  const broker = await Scripted.start();
  let refusals = 0;
  broker.puback = (packet) => (packet.payload.toString() === '0' && ++refusals <= 2 ? 0x97 : up(packet) ? 0x10 : 0);
  const place = await site({ url: broker.url, probe: 0 }), pump = await device(place, 'pump-7');
  await pump.send('0').acknowledged;
  await eventually('it went at the third try', () => refusals === 3);
  await pump.send('1').acknowledged;
  await eventually('the inbox is empty', async () => (await place.registry.info()).inbox.rows === 0);
  assert.equal(broker.texts(), ['0', '0', '0', '1']);
  assert.is(place.bridge.counters().nobody, 2);
  await pump.close();
  await place.close();
  const strict = await site({ url: broker.url, probe: 0, requireSubscriber: true }), valve = await device(strict, 'valve');
  await valve.send('2').acknowledged;
  await eventually('it was refused', () => strict.bridge.counters().refused > 0);
  assert.is((await strict.registry.info()).inbox.rows, 1, 'it is tried again');
  await valve.close();
  await strict.close();
  await broker.close();
});

test('through: no ACK without PUBACK; a refusal for good is one for the device, any other is busy', async () => {
  const broker = await Scripted.start();
  const held: string[] = [];
  let quota = true;
  broker.puback = (packet) => {
    const text = packet.payload.toString();
    if (text === 'held') return void held.push(text);
    if (text === 'never') return 0x87;
    if (text === 'later' && quota) return 0x97;
    return 0;
  };
  const place = await site({ url: broker.url, probe: 0, mode: 'through', connections: 1 }), pump = await device(place, 'pump-7');
  await pump.send('first').acknowledged;
  const code = await pump.send('never').acknowledged.then(() => 'ok', (error: { code: string }) => error.code);
  assert.is(code, 'REFUSED');
  const later = pump.send('later').acknowledged, behind = pump.send('behind').acknowledged;
  await eventually('it was told busy', () => place.gateway.counters().busy > 0);
  quota = false;
  await later;
  await behind;
  let acknowledged = false;
  void pump.send('held').acknowledged.then(() => (acknowledged = true), () => undefined);
  await eventually('the broker has it', () => held.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.is(acknowledged, false);
  assert.is((await place.registry.info()).inbox.rows, 0);
  await pump.close();
  await place.close();
  await broker.close();
});

test('another keeper takes the lease: the first commits nothing more, and acknowledges nothing', async () => {
  const broker = await Scripted.start(), place = await site({ url: broker.url, probe: 0 });
  await place.registry.add('pump-7');
  await eventually('the keeper', () => place.bridge.counters().keeper);
  const keeper = broker.clients.find(({ id }) => id === 'tl-keeper')!;
  // By the same gateway's name it is taken at once, as by one that was started anew.
  assert.ok(await place.registry.bridge.keep('all'));
  keeper.send({ cmd: 'publish', topic: 'tl/-/pump-7/down', payload: 'x', qos: 1, messageId: 999, dup: false, retain: false });
  await eventually('it has parted', () => broker.clients.filter(({ id }) => id === 'tl-keeper').length === 2);
  assert.equal(broker.acknowledged.filter(({ id }) => id === 999), []);
  assert.equal(await place.registry.waiting(), []);
  await place.close();
  await broker.close();
});

test.run();
