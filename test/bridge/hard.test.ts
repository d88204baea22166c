/** Bad input from the broker's side, and brokers that are not good: each thing gets a result, a dead letter or a counter that says why. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test as uvuTest } from 'uvu';
import * as assert from 'uvu/assert';
import { test } from '../gateway/support.js';
import { folder } from '../registry/support.js';
import { skipMissing } from '../support/skip.js';
import { haveMosquitto, startAedes, startMosquitto } from './brokers.js';
import { device, eventually, mosquittoPub, mosquittoSub, Other, reading, result, site } from './support.js';

const real = haveMosquitto ? test : skipMissing(uvuTest, 'mosquitto and mosquitto-clients');

real('commands that cannot be: retained, unknown, too long, too deep, too old, no identity; and the others go on', async () => {
  const broker = await startMosquitto(5), place = await site({ url: broker.url });
  const other = await Other.connect(broker, ['tl/+/+/result', 'answers']), taken: string[] = [];
  const pump = await device(place, 'pump-7');
  pump.on('message', (message) => void taken.push(`${message.topic ?? ''}:${message.text()}`));
  await eventually('the keeper', () => place.bridge.counters().keeper);
  const told = new Map<string, string>();
  const send = async (id: string, topic: string, text: string, options: object = {}, user: Record<string, string> = {}): Promise<void> => {
    await other.publish(topic, text, { qos: 1, ...options, properties: { userProperties: { 'tl-id': id, ...user } } });
  };
  await send('retained', 'tl/-/pump-7/down', 'unlock', { retain: true });
  await send('unknown', 'tl/-/nobody/down', 'x');
  await send('long', 'tl/-/pump-7/down', 'x'.repeat(20_000));
  await send('deep', `tl/-/pump-7/down/${'a/'.repeat(150)}z`, 'x');
  await send('old', 'tl/-/pump-7/down', 'x', {}, { 'tl-time': String(Date.now() - 7_200_000) });
  await send('noidentity', `tl/-/${'x'.repeat(80)}/down`, 'x');
  await send('good', 'tl/-/pump-7/down/valve/1', 'open');
  await eventually('their results', () => other.got.length >= 6);
  for (const one of other.got) told.set(result(one)['tl-id']!, `${result(one).result}: ${result(one).reason ?? ''}`);
  assert.match(told.get('retained')!, /^refused: it is retained/);
  assert.match(told.get('unknown')!, /^refused: there is no device nobody/);
  assert.match(told.get('long')!, /^too long: 20000 bytes/);
  assert.match(told.get('deep')!, /^refused: .*no topic/);
  assert.match(told.get('old')!, /^expired: /);
  assert.is(told.get('good'), 'delivered: ');
  assert.equal(taken, ['valve/1:open']);
  const { commandsRefused } = place.bridge.counters();
  assert.equal(commandsRefused, { refused: 3, 'too long': 1, expired: 1, 'bad topic': 1 });
  // A response topic under which it would come back to us as a command is none.
  await other.publish('tl/-/nobody/down', 'x', { qos: 1, properties: { responseTopic: 'tl/-/pump-7/down' } });
  await eventually('its result, elsewhere', () => other.of('tl/-/nobody/result').length >= 2);
  assert.equal(taken.length, 1);
  await pump.close();
  await place.close();
  await other.close();
  await broker.close();
});

real('a flood to one sleeping device blocks nobody: queue full is its result, and others get theirs at once', async () => {
  const broker = await startMosquitto(5);
  const place = await site({ url: broker.url }, { registry: { limits: { queueMessagesPerDevice: 20 } } });
  await place.registry.add('sleeper');
  const other = await Other.connect(broker, ['tl/+/+/result']), pump = await device(place, 'pump-7'), taken: string[] = [];
  pump.on('message', (message) => void taken.push(message.text()));
  await eventually('the keeper', () => place.bridge.counters().keeper);
  await Promise.all(Array.from({ length: 500 }, (_, i) => other.command('tl/-/sleeper/down', `${i}`, { 'tl-id': `s${i}` })));
  await other.command('tl/-/pump-7/down', 'mine', { 'tl-id': 'p' });
  await eventually('the other\'s', () => taken.length === 1);
  await eventually('the results of the rest', () => other.of('tl/-/sleeper/result').length >= 480);
  assert.is(other.of('tl/-/sleeper/result').filter((one) => result(one).result === 'queue full').length, 480);
  assert.is((await place.registry.waiting({ identity: 'sleeper' })).length, 20);
  // A later command replaces an unsent one under the same word.
  await place.registry.cancel((await place.registry.waiting({ identity: 'sleeper' }))[0]!.message);
  await other.command('tl/-/sleeper/down', 'first', { 'tl-id': 'r1', 'tl-replace': 'setpoint' });
  await other.command('tl/-/sleeper/down', 'second', { 'tl-id': 'r2', 'tl-replace': 'setpoint' });
  const of = (id: string): string | undefined => other.of('tl/-/sleeper/result').map(result).find((one) => one['tl-id'] === id)?.result;
  await eventually('the first is replaced', () => of('r1') === 'replaced');
  assert.is(of('s0'), 'cancelled');
  assert.is((await place.registry.waiting({ identity: 'sleeper' })).length, 20);
  await pump.close();
  await place.close();
  await other.close();
  await broker.close();
});

test('a hundred thousand topics leave nothing behind', async () => {
  const broker = await startAedes(), place = await site({ url: broker.url });
  const other = await Other.connect(broker);
  await eventually('the keeper', () => place.bridge.counters().keeper);
  const before = process.memoryUsage().heapUsed;
  const { commandsRefused } = place.bridge.counters();
  assert.equal(commandsRefused, {});
  for (let i = 0; i < 100_000; i++) {
    other.client.publish(`tl/r${i}/d${i}/down/x${i}`, 'x', { qos: 0 });
    if (i % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually('all are dropped', () => place.bridge.counters().downDropped === 100_000);
  globalThis.gc?.();
  assert.ok(process.memoryUsage().heapUsed - before < 256 << 20, 'the heap grew');
  // With acknowledgement: each gets a result, or the broker keeps it.
  await Promise.all(Array.from({ length: 2_000 }, (_, i) => other.publish(`tl/r${i}/d${i}/down/x${i}`, 'x')));
  await eventually('all are refused', () => place.bridge.counters().commandsRefused['refused'] === 2_000);
  await place.close();
  await other.close();
  await broker.close();
});

real('what the broker refuses for good is a dead letter, the others go on, and it can be tried again', async () => {
  const acl = path.join(folder(), 'acl'), settings = ['allow_anonymous true', `acl_file ${acl}`];
  writeFileSync(acl, 'topic readwrite tl/#\ntopic deny tl/-/pump-7/up/secret\n', { mode: 0o600 });
  const broker = await startMosquitto(5, settings), place = await site({ url: broker.url });
  const pump = await device(place, 'pump-7'), other = await Other.connect(broker, ['tl/+/+/up/#', 'tl/+/+/up']);
  await pump.publish('secret', '1').acknowledged;
  await pump.send('2').acknowledged;
  await eventually('the second', () => other.of('tl/-/pump-7/up').length > 0);
  await eventually('the dead letter', async () => (await place.registry.bridge.deadLetters()).length === 1);
  const [dead] = await place.registry.bridge.deadLetters();
  assert.equal([dead!.identity, dead!.topic, dead!.body.toString(), dead!.reason], ['pump-7', 'secret', '1', '0x87 not authorized']);
  assert.is(place.bridge.counters().deadLetters, 1);
  assert.ok(place.alarms.some((text) => text.includes('for good')));
  await eventually('the inbox is empty', async () => (await place.registry.info()).inbox.rows === 0);
  // With the right to it, tried again.
  writeFileSync(acl, 'topic readwrite tl/#\n', { mode: 0o600 });
  await broker.kill();
  await broker.start();
  await eventually('the bridge is back', () => place.bridge.counters().connections === place.bridge.counters().wanted);
  await eventually('the other too', () => other.client.connected);
  assert.is(await place.registry.bridge.retry('all'), 1);
  await eventually('it has gone up', async () => (await place.registry.info()).inbox.rows === 0);
  assert.equal(await place.registry.bridge.deadLetters(), []);
  await pump.close();
  await place.close();
  await other.close();
  await broker.close();
});

real('what is larger than the broker takes is a dead letter', async () => {
  const broker = await startMosquitto(5, ['max_packet_size 2000']), place = await site({ url: broker.url });
  const pump = await device(place, 'pump-7'), sub = mosquittoSub(broker, 'tl/-/pump-7/up', 1);
  await eventually('the bridge is there', () => place.bridge.counters().connections === 5);
  await pump.send('x'.repeat(4_000)).acknowledged;
  await eventually('the dead letter', async () => (await place.registry.bridge.deadLetters()).length === 1);
  await pump.send('small').acknowledged;
  assert.match((await sub)[0]!, /small$/);
  await pump.close();
  await place.close();
  await broker.close();
});

for (const ends of [false, true]) real(`a broker that ${ends ? 'ends the connection' : 'acknowledges and drops'} is found out by a probe`, async () => {
  const acl = path.join(folder(), 'acl');
  writeFileSync(acl, 'topic readwrite tl/$gw/#\ntopic readwrite tl/+/+/status\ntopic readwrite tl/+/+/result\ntopic read tl/#\n', { mode: 0o600 });
  // MQTT 3.1.1: it has no word for a refusal, and acknowledges; mosquitto 2.0 with this bound ends the connection instead.
  const settings = ends ? ['max_queued_messages 0'] : ['max_queued_messages 1000'];
  const broker = await startMosquitto(4, [`acl_file ${acl}`, ...settings]), place = await site({ url: broker.url, protocol: '3.1.1' });
  await eventually('the probe', () => place.bridge.counters().probesFailed.length > 0);
  assert.equal(place.bridge.counters().probesFailed, ['up']);
  assert.ok(place.alarms.some((text) => text.includes(ends ? 'ended the connection' : 'did not hand it on')));
  await eventually('the connections stand', () => place.bridge.counters().connections === 5);
  await place.close();
  await broker.close();
});

real('commands of an absence longer than the lifetime that tell no age are refused, until the backlog is drained', async () => {
  const broker = await startMosquitto(5), options = { url: broker.url, lifetime: 60_000 };
  let skew = 0;
  const unix = (): number => Date.now() + skew;
  let place = await site(options, { registry: { unix } });
  const key = Uint8Array.from(await place.registry.add('pump-7'));
  await eventually('the keeper has drained', () => place.bridge.counters().keeper);
  await eventually('and written so', async () => place.bridge.counters().keeper);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  await place.close();
  await mosquittoPub(broker, 'tl/-/pump-7/down', 'unlock');
  await mosquittoPub(broker, 'tl/-/pump-7/down', 'dated', '-D', 'publish', 'message-expiry-interval', '6000');
  skew = 7_200_000;
  const other = await Other.connect(broker, ['tl/+/+/result']);
  const clock = { now: () => performance.now(), unix, after: (ms: number, run: () => void, ref: boolean) => {
    const timer = setTimeout(run, ms);
    if (!ref) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  } };
  place = await site(options, { place: place.place, registry: { unix }, gateway: { clock } });
  await eventually('both are decided', () => place.bridge.counters().commands + Object.keys(place.bridge.counters().commandsRefused).length >= 2);
  assert.equal(place.bridge.counters().commandsRefused, { 'age unknown': 1 });
  await eventually('its result', () => other.got.some((one) => result(one).result === 'age unknown'));
  // Once the marker has come they are taken again.
  await eventually('it is taken', async () => {
    await mosquittoPub(broker, 'tl/-/pump-7/down', 'now');
    return place.bridge.counters().commands >= 2;
  });
  void key;
  await place.close();
  await other.close();
  await broker.close();
});

real('live subscriptions of devices are changed at run time, and fan-out by rule is durable', async () => {
  const broker = await startMosquitto(5), place = await site({ url: broker.url });
  const taken: string[] = [];
  const [a, b] = [await device(place, 'a'), await device(place, 'b')];
  for (const one of [a, b]) one.on('message', (message) => void taken.push(`${one.id} ${message.topic} ${message.text()}`));
  const other = await Other.connect(broker);
  await eventually('the bridge is there', () => place.bridge.counters().connections === 5);
  assert.is(await place.registry.bridge.subscribe('a', 'weather/+'), true);
  assert.is(await place.registry.bridge.subscribe('a', 'weather/+'), false);
  await place.registry.bridge.subscribe('b', 'weather/berlin');
  await eventually('a hears it', async () => {
    await other.publish('weather/berlin', 'rain');
    return taken.some((text) => text.startsWith('a ')) && taken.some((text) => text.startsWith('b '));
  });
  await place.registry.bridge.unsubscribe('a', 'weather/+');
  await new Promise((resolve) => setTimeout(resolve, 300));
  taken.length = 0;
  await eventually('b alone hears it', async () => {
    await other.publish('weather/berlin', 'sun');
    return taken.length > 0;
  });
  assert.ok(taken.every((text) => text === 'b weather/berlin sun'));
  await place.registry.bridge.addRule({ filter: 'news/#', identities: ['a', 'b'] });
  await new Promise((resolve) => setTimeout(resolve, 300));
  taken.length = 0;
  await other.command('news/today', 'x', { 'tl-id': 'n1' });
  await eventually('both got it', () => taken.length === 2);
  assert.equal(taken.sort(), ['a news/today x', 'b news/today x']);
  await a.close();
  await b.close();
  await place.close();
  await other.close();
  await broker.close();
});

test('the broker is away until every bound is reached: devices hear busy, nothing is lost, the order stays', async () => {
  const broker = await startAedes(), limits = { inboxRows: 300, inboxRowsPerDevice: 200 };
  const place = await site({ url: broker.url }, { registry: { limits } });
  const other = await Other.connect(broker, ['tl/+/+/up'], { clientId: 'keeps', clean: false });
  const pumps = await Promise.all(['a', 'b', 'c'].map((id) => device(place, id, { outbox: { messages: 500 } })));
  await other.close();
  await broker.kill();
  const sent = pumps.map((pump) => Array.from({ length: 200 }, (_, i) => pump.send(`${i}`, { lifetime: 600_000 }).acknowledged));
  await eventually('the inbox is full', async () => (await place.registry.info()).inbox.rows === 300);
  await eventually('devices hear busy', () => place.gateway.counters().busy > 0);
  assert.ok(place.bridge.counters().waiting <= 4_096);
  await broker.start();
  const again = await Other.connect(broker, ['tl/+/+/up'], { clientId: 'keeps', clean: false });
  await Promise.all(sent.flat());
  await eventually('the inbox is empty', async () => (await place.registry.info()).inbox.rows === 0);
  await eventually('all have come', () => new Set(again.got.map((one) => `${one.topic} ${reading(one).id}`)).size >= 600);
  for (const { id } of pumps) {
    let last = 0;
    const seen = again.of(`tl/-/${id}/up`).map(reading).filter((one) => {
      const number = Number(one.id.split('-')[1]);
      return number > last && ((last = number), true);
    });
    assert.equal(seen.map(({ text }) => text), Array.from({ length: 200 }, (_, i) => `${i}`));
  }
  for (const pump of pumps) await pump.close();
  await place.close();
  await again.close();
  await broker.close();
});

test('what a command says of itself is bounded and can be kept, and its answer goes to no topic of a device', async () => {
  const broker = await startAedes(), place = await site({ url: broker.url });
  await place.registry.add('pump-7');
  const other = await Other.connect(broker, ['#']);
  await eventually('the keeper', () => place.bridge.counters().keeper);
  const send = (note: object): Promise<void> => other.publish('tl/-/pump-7/down', JSON.stringify(note));
  await send({ 'tl-id': 'x', 'tl-correlation': 'c'.repeat(100_000), text: 't'.repeat(20_000) });
  await send({ 'tl-id': 'x'.repeat(70_000), text: 'x' });
  await send({ 'tl-id': 'y', 'tl-response': 'r'.repeat(70_000), 'tl-lifetime': 1, 'tl-time': 1, text: 'x' }); // no topic: as if it named none
  await send({ 'tl-id': 'a\0b', text: 'x' });
  await send({ 'tl-id': 'a\ud800', 'tl-replace': '\0', text: 'x' });
  const ours = ['tl/-/pump-7/up/temp', 'tl/-/pump-7/status', 'tl/-/pump-7/down', 'tl/$gw/local/status', 'homeassistant/device/x/config', '$SYS/x', 'tl/x', 'a/+'];
  for (const topic of ours) await send({ 'tl-id': `t${topic}`, 'tl-response': topic, 'tl-lifetime': 1, 'tl-time': 1, text: 'x' });
  await send({ 'tl-id': 'good', 'tl-response': 'answers/mine', 'tl-lifetime': 1, 'tl-time': 1, text: 'x' });
  await eventually('all have an answer', () => other.of('answers/mine').length === 1 && other.of('tl/-/pump-7/result').length >= 5 + ours.length);
  const answers = other.of('tl/-/pump-7/result').map(result);
  assert.is(answers.filter(({ result: how }) => how === 'refused').length, 4);
  for (const topic of ours) {
    assert.ok(answers.some((one) => one['tl-id'] === `t${topic}`), topic);
    assert.not.ok(other.of(topic).some(({ text }) => text.includes('"result"')), topic);
  }
  // What an earlier version may have left in the table is no reason to fall.
  const { lease } = (await place.registry.bridge.keep('other'))!;
  await place.registry.bridge.intake(lease, [{
    identity: 'pump-7', topic: '', trust: 0, body: Buffer.alloc(0), made: 0, deadline: 0, once: '', replaces: '', response: 'r'.repeat(70_000), correlation: Buffer.alloc(100_000), tlId: 'left',
  }]);
  await eventually('it is given up', async () => (await place.registry.bridge.info()).results === 0);
  assert.ok(place.bridge.counters().refused > 0);
  await place.close();
  await other.close();
  await broker.close();
});

real('a topic of many levels, which a broker would end the connection for, is a dead letter and stops nobody', async () => {
  const broker = await startMosquitto(5), place = await site({ url: broker.url });
  const pump = await device(place, 'pump-7'), other = await Other.connect(broker, ['tl/+/+/up']);
  await eventually('the bridge is there', () => place.bridge.counters().connections === 5);
  for (let i = 0; i < 5; i++) await pump.publish('/'.repeat(240), 'x').acknowledged;
  await pump.send('after').acknowledged;
  await eventually('what stood behind', () => other.of('tl/-/pump-7/up').length === 1);
  await eventually('the dead letters', async () => (await place.registry.bridge.deadLetters()).length === 5);
  assert.is((await place.registry.bridge.deadLetters())[0]!.reason, '0x90 topic name invalid');
  assert.is(place.bridge.counters().lost, 0);
  await pump.close();
  await place.close();
  await other.close();
  await broker.close();
});

test.run();
