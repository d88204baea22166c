/** Rules of fan-out: what comes by them, what never may, and that the broker stops sending where they end. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from 'tidelock/device';
import { skipMissing } from '../support/skip.js';
import { haveMosquitto, startAedes, startMosquitto } from './brokers.js';
import { device, eventually, Other, site } from './support.js';

const test = suite('rules');
const real = haveMosquitto ? test : skipMissing(test, 'mosquitto');

function obeying(pump: Device): string[] {
  const obeyed: string[] = [];
  pump.on('message', (message) => void obeyed.push(`${message.topic}: ${message.text()}`));
  return obeyed;
}

test('a rule over everything makes no command of results and status, or each would make the next', async () => {
  const broker = await startAedes(), place = await site({ url: broker.url, probe: 0 });
  const other = await Other.connect(broker, ['tl/+/+/result']), a = await device(place, 'a'), obeyed = obeying(a);
  await place.registry.bridge.extendRule({ filter: '#', identities: ['a'] });
  await eventually('it is there', async () => {
    await other.publish('begin', 'x');
    return obeyed.length > 0;
  });
  const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 500)); // a circle would go round many times
  await settled();
  const { commands } = place.bridge.counters();
  await other.publish('plant/settings', 'y');
  await eventually('its result is told', () => other.got.length > commands);
  await settled();
  assert.equal(new Set(obeyed.map((text) => text.split(':')[0])), new Set(['begin', 'plant/settings']));
  assert.is(place.bridge.counters().commands, commands + 1);
  await a.close();
  await place.close();
  await other.close();
  await broker.close();
});

test('what one device sends may be a command to another, and does not come back to the first', async () => {
  const broker = await startAedes(), place = await site({ url: broker.url, probe: 0 });
  const a = await device(place, 'a'), b = await device(place, 'b'), [atA, atB] = [obeying(a), obeying(b)];
  await eventually('the keeper is there', () => place.bridge.counters().keeper);
  await place.registry.bridge.extendRule({ filter: 'tl/+/+/up/alarm', identities: ['b'] });
  await eventually('b hears a', async () => {
    await a.publish('alarm', 'fire').acknowledged;
    return atB.length > 0;
  });
  assert.match(atB[0]!, /^tl\/-\/a\/up\/alarm: .*fire/);
  await a.publish('temp', '20').acknowledged;
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(atA, []);
  assert.ok(atB.every((text) => text.startsWith('tl/-/a/up/alarm')));
  await a.close();
  await b.close();
  await place.close();
  await broker.close();
});

test('a rule that ends is unsubscribed; commands go on', async () => {
  const broker = await startAedes(), place = await site({ url: broker.url, probe: 0 });
  const other = await Other.connect(broker), a = await device(place, 'a'), obeyed = obeying(a);
  await eventually('the keeper is there', () => place.bridge.counters().keeper);
  for (const filter of ['news/#', 'tl/+/+/down/#']) await place.registry.bridge.extendRule({ filter, identities: ['a'] });
  await eventually('it is there', async () => {
    await other.publish('news/today', 'x');
    return obeyed.length > 0;
  });
  for (const filter of ['news/#', 'tl/+/+/down/#']) assert.equal(await place.registry.bridge.shrinkRule(filter), { changed: 1, left: 0 });
  let seen = -1;
  await eventually('nothing comes by it any more', async () => {
    const { commandsRefused: { 'no rule': before = 0 } } = place.bridge.counters();
    await other.publish('news/today', 'y');
    await new Promise((resolve) => setTimeout(resolve, 100));
    return (seen = (place.bridge.counters().commandsRefused['no rule'] ?? 0) - before) === 0;
  }, 10_000);
  assert.is(seen, 0);
  obeyed.length = 0;
  await other.publish('tl/-/a/down/valve', 'open');
  await eventually('a command', () => obeyed.length > 0);
  assert.equal(obeyed, ['valve: open'], 'once, and by its own way');
  await a.close();
  await place.close();
  await other.close();
  await broker.close();
});

test('a rule that ends while the broker is away is unsubscribed when it is back', async () => {
  const broker = await startAedes(), place = await site({ url: broker.url, probe: 0 });
  const other = await Other.connect(broker), a = await device(place, 'a'), obeyed = obeying(a);
  await eventually('the keeper is there', () => place.bridge.counters().keeper);
  for (const filter of ['news/#', 'weather/#']) await place.registry.bridge.extendRule({ filter, identities: ['a'] });
  await eventually('they are there', async () => {
    for (const topic of ['news/today', 'weather/today']) await other.publish(topic, 'x');
    return new Set(obeyed).size === 2;
  });
  await broker.kill();
  await eventually('it is missed', () => place.bridge.counters().connections === 0);
  await place.registry.bridge.shrinkRule('news/#');
  await broker.start();
  await eventually('the keeper is back', () => place.bridge.counters().keeper, 15_000);
  obeyed.length = 0;
  await eventually('the other rule holds', async () => {
    await other.publish('weather/today', 'y');
    return obeyed.length > 0;
  });
  const { commandsRefused: { 'no rule': before = 0 } } = place.bridge.counters();
  await other.publish('news/today', 'y');
  await other.publish('weather/today', 'z');
  await eventually('what came behind it', () => obeyed.some((text) => text.endsWith('z')));
  assert.is(place.bridge.counters().commandsRefused['no rule'] ?? 0, before);
  await a.close();
  await place.close();
  await other.close();
  await broker.close();
});

real('a broker that sends a copy for each subscription makes no command twice', async () => {
  const broker = await startMosquitto(5), place = await site({ url: broker.url, probe: 0 });
  const other = await Other.connect(broker), a = await device(place, 'a'), b = await device(place, 'b'), [atA, atB] = [obeying(a), obeying(b)];
  for (const [filter, id] of [['plant/#', 'a'], ['plant/+/settings', 'b'], ['tl/#', 'b']] as const) await place.registry.bridge.addRule({ filter, identities: [id] });
  await place.registry.bridge.subscribe('a', 'live/#');
  await place.registry.bridge.subscribe('b', 'live/+');
  await eventually('they are there', async () => {
    await other.publish('plant/1/settings', 'begin');
    await other.publish('tl/-/a/down/valve', 'begin');
    await other.publish('live/x', 'begin');
    return new Set(atA).size === 3 && new Set(atB).size === 3;
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (const obeyed of [atA, atB]) obeyed.length = 0;
  await other.publish('live/x', 'l');
  await other.publish('plant/1/settings', 's');
  await other.publish('tl/-/a/down/valve', 'v');
  await eventually('all of it', () => atA.length >= 3 && atB.length >= 3);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(atA.sort(), ['live/x: l', 'plant/1/settings: s', 'valve: v']);
  assert.equal(atB.sort(), ['live/x: l', 'plant/1/settings: s', 'tl/-/a/down/valve: v']);
  await a.close();
  await b.close();
  await place.close();
  await other.close();
  await broker.close();
});

test.run();
