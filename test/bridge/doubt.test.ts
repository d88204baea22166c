/** What is in doubt is told so, and nothing is obeyed twice: devices that lose their memory, gateways that are gone at the wrong moment. */
import * as assert from 'uvu/assert';
import { Device } from 'tidelock/device';
import { test } from '../gateway/support.js';
import { startAedes } from './brokers.js';
import { device, eventually, Other, reading, result, site } from './support.js';

test('a device that loses its RAM between obeying and its ACK does not obey twice, and the sender learns that it is in doubt', async () => {
  const broker = await startAedes(), place = await site({ url: broker.url, probe: 0 }), other = await Other.connect(broker, ['tl/+/+/result']);
  const obeyed: string[] = [];
  const key = Uint8Array.from(await place.registry.add('valve'));
  await eventually('the keeper', () => place.bridge.counters().keeper);
  // It has taken one before, so that there is a record to lose.
  const first = await device(place, 'valve', { key });
  first.on('message', async (message) => {
    obeyed.push(message.text());
    if (message.text() !== 'open') return;
    await new Promise(() => undefined); // obeyed, and the ACK never leaves
  });
  await other.command('tl/-/valve/down', 'ready', { 'tl-id': 'c0' });
  await eventually('the first is acknowledged', () => other.got.length === 1);
  await other.command('tl/-/valve/down', 'open', { 'tl-id': 'c1', 'tl-lifetime': '600000' });
  await eventually('it was obeyed', () => obeyed.includes('open'));
  // The power goes: a new device, with the same key and no memory.
  await first.close({ drain: 0 });
  const second = new Device({ url: place.gateway.address, id: 'valve', key });
  second.on('message', (message) => void obeyed.push(message.text()));
  await second.online();
  await eventually('the sender hears', () => other.got.length === 2);
  assert.equal(other.got.map((one) => [result(one)['tl-id'], result(one).result]), [['c0', 'delivered'], ['c1', 'in doubt']]);
  await other.command('tl/-/valve/down', 'shut', { 'tl-id': 'c2', 'tl-lifetime': '600000' });
  await eventually('the next is obeyed', () => other.got.length === 3);
  assert.equal(obeyed, ['ready', 'open', 'shut']);
  await second.close();
  await place.close();
  await other.close();
  await broker.close();
});

test('sent and never acknowledged is in doubt when its lifetime is over; never sent is expired: never the other way round', async () => {
  const broker = await startAedes(), place = await site({ url: broker.url, probe: 0 }), other = await Other.connect(broker, ['tl/+/+/result']);
  await place.registry.add('sleeper');
  const valve = await device(place, 'valve');
  await eventually('the keeper', () => place.bridge.counters().keeper);
  let heard = 0;
  valve.on('message', () => {
    heard += 1;
    return new Promise(() => undefined);
  });
  await other.command('tl/-/valve/down', 'x', { 'tl-id': 'sent', 'tl-lifetime': '2000' });
  await other.command('tl/-/sleeper/down', 'x', { 'tl-id': 'unsent', 'tl-lifetime': '500' });
  await eventually('both have ended', () => other.got.length === 2);
  assert.equal(new Map(other.got.map((one) => [result(one)['tl-id'], result(one).result])), new Map([['unsent', 'expired'], ['sent', 'in doubt']]));
  assert.is(heard, 1);
  await valve.close({ drain: 0 });
  await place.close();
  await other.close();
  await broker.close();
});

test('a result that the broker was not there for is told when it is back, also by the gateway that follows', async () => {
  const broker = await startAedes();
  let place = await site({ url: broker.url, probe: 0 });
  const key = Uint8Array.from(await place.registry.add('valve'));
  const other = await Other.connect(broker, ['tl/+/+/result'], { clientId: 'results', clean: false });
  await eventually('the keeper', () => place.bridge.counters().keeper);
  await other.command('tl/-/valve/down', 'x', { 'tl-id': 'c1', 'tl-lifetime': '600000' });
  await eventually('it is queued', async () => (await place.registry.waiting()).length === 1);
  await broker.kill();
  const valve = await device(place, 'valve', { key });
  valve.on('message', () => undefined);
  await eventually('it is delivered', async () => (await place.registry.waiting()).length === 0);
  assert.is((await place.registry.bridge.info()).results, 1);
  await valve.close();
  await place.close();
  await broker.start();
  await eventually('the other is back', () => other.client.connected);
  place = await site({ url: broker.url }, { place: place.place });
  await eventually('its result', () => other.got.length > 0);
  assert.is(result(other.got[0]!).result, 'delivered');
  await eventually('and it is forgotten', async () => (await place.registry.bridge.info()).results === 0);
  await place.close();
  await other.close();
  await broker.close();
});

test('through: a gateway that ended in order leaves the record; one that was killed leaves a doubt, and no device waits for ever', async () => {
  const broker = await startAedes(), options = { url: broker.url, mode: 'through' as const, probe: 0 };
  let place = await site(options);
  const other = await Other.connect(broker, ['tl/+/+/up']);
  const key = Uint8Array.from(await place.registry.add('pump-7'));
  const url = place.gateway.address;
  const pump = new Device({ url, id: 'pump-7', key });
  await pump.online();
  for (const text of ['1', '2', '3']) await pump.send(text).acknowledged;
  await place.gateway.close();
  await place.registry.close();
  place = await site(options, { place: place.place, gateway: { listen: url } });
  await pump.send('4', { lifetime: 60_000 }).acknowledged;
  assert.equal(other.got.map((one) => reading(one).text), ['1', '2', '3', '4']);
  // Killed: what it had in memory is lost with it. Here the record is taken out as a kill would have left it.
  const taken = await place.registry.takeover('pump-7', 1, undefined, { forget: true });
  assert.ok(taken);
  await place.close();
  place = await site(options, { place: place.place, gateway: { listen: url } });
  // The device goes on by itself, under a new outbox, and what follows is taken.
  const outcome = await pump.send('5', { lifetime: 60_000 }).acknowledged.then(() => 'acknowledged', (error: { code: string }) => error.code);
  assert.ok(['acknowledged', 'IN_DOUBT'].includes(outcome), outcome);
  await pump.send('6', { lifetime: 60_000 }).acknowledged;
  assert.is(reading(other.got.at(-1)!).text, '6');
  await pump.close();
  await place.close();
  await other.close();
  await broker.close();
});

test('a message is done for the application and for the bridge on their own', async () => {
  const broker = await startAedes(), place = await site({ url: broker.url, app: true }), other = await Other.connect(broker, ['tl/+/+/up']);
  const pump = await device(place, 'pump-7');
  await pump.send('both').acknowledged;
  await eventually('the broker has it', () => other.got.length === 1);
  assert.is((await place.registry.info()).inbox.rows, 1, 'the application is not done with it');
  const messages = place.gateway.messages();
  const { value } = await messages.next() as { value: { text(): string; done(): Promise<void> } };
  assert.is(value.text(), 'both');
  await value.done();
  assert.is((await place.registry.info()).inbox.rows, 0);
  await messages.return!();
  await pump.close();
  await place.close();
  // Where the broker alone takes them, asking for them is an error, at once.
  const alone = await site({ url: broker.url, probe: 0 });
  assert.throws(() => alone.gateway.messages(), (error: { code: string }) => error.code === 'BAD_OPTION');
  await alone.close();
  await other.close();
  await broker.close();
});

test.run();
