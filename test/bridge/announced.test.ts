/** Home Assistant is told of devices, by the gateway, over a broker: at once, again to a broker that forgot, and that it is over. */
import * as assert from 'uvu/assert';
import { test } from 'uvu';
import { startAedes } from './brokers.js';
import { Other, device, eventually, site } from './support.js';

const TOPIC = 'homeassistant/device/tl_-pump-7/config';
const INLET = { platform: 'sensor', unit: '°C', topic: 'temp/inlet' };

test('an announcement is retained, changed, taken back in part and as a whole; commands of what it names reach the device', async () => {
  const broker = await startAedes(), home = await Other.connect(broker, ['homeassistant/#']);
  const place = await site(broker.bridge), pump = await device(place, 'pump-7');
  const configs = (): string[] => home.of(TOPIC).map(({ text }) => text);
  const components = (): Record<string, { platform: string; command_topic?: string }> => (JSON.parse(configs().at(-1)!) as { components: never }).components;
  await place.registry.entities.announce('pump-7', 'inlet', INLET);
  await eventually('it is told', () => configs().length > 0);
  await place.registry.entities.announce('pump-7', 'motor', { platform: 'switch', topic: 'motor', command: 'motor/set' });
  await eventually('the switch is told', () => 'motor' in components());
  assert.equal(Object.keys(components()), ['inlet', 'motor']);

  const obeyed: string[] = [];
  pump.on('message', (message) => void obeyed.push(`${message.topic}: ${message.text()}`));
  await home.publish(components()['motor']!.command_topic!, 'ON');
  await eventually('it is obeyed', () => obeyed.length === 1);
  assert.equal(obeyed, ['motor/set: ON']);

  const late = await Other.connect(broker, ['homeassistant/#']);
  await eventually('whoever comes later has it too', () => late.of(TOPIC).length === 1);
  assert.ok(late.of(TOPIC)[0]!.retain);
  await late.close();

  assert.is(await place.registry.entities.unannounce('pump-7', 'motor'), 1);
  await eventually('that one is over', () => components()['motor']?.command_topic === undefined);
  assert.equal(components()['motor'], { platform: 'switch' }, 'its platform alone takes a component back');
  await eventually('its row is gone', async () => (await place.registry.entities.list()).length === 1);
  assert.is(await place.registry.entities.unannounce('pump-7'), 1);
  await eventually('all is over', () => configs().at(-1) === '');
  assert.ok(configs().length <= 5, `${configs().length}: once for each change, and once more where its connection came up meanwhile`);
  await eventually('no row is left', async () => (await place.registry.entities.list()).length === 0);
  const none = await Other.connect(broker, ['homeassistant/#']);
  await none.publish('homeassistant/end', '');
  await eventually('the end came', () => none.of('homeassistant/end').length === 1);
  assert.equal(none.of(TOPIC), [], 'nothing is retained any more');
  await none.close();
  await pump.close({ drain: 0 });
  await place.close();
  await home.close();
  await broker.close();
});

test('a broker that was away is told what changed meanwhile, also what was taken back; so is one after a restart of the gateway', async () => {
  const broker = await startAedes(), home = await Other.connect(broker, ['homeassistant/#']);
  let place = await site(broker.bridge);
  for (const id of ['pump-7', 'pump-8']) await place.registry.add(id);
  await place.registry.entities.announce('pump-7', 'inlet', INLET);
  await eventually('it is told', () => home.of(TOPIC).length > 0);
  await broker.kill();
  await place.registry.entities.unannounce('pump-7');
  await place.registry.entities.announce('pump-8', 'inlet', INLET);
  const where = place.place;
  await place.close();
  await broker.start();
  await eventually('the other side is back', () => home.client.connected);
  place = await site(broker.bridge, { place: where });
  await eventually('the new one is told', () => home.of(TOPIC.replace('pump-7', 'pump-8')).length > 0);
  await eventually('the old one is taken back', () => home.of(TOPIC).at(-1)!.text === '');
  await eventually('only the new one is left', async () => (await place.registry.entities.list()).map(({ identity }) => identity).join() === 'pump-8');
  await place.close();
  await home.close();
  await broker.close();
});

test('bounds: devices that there are, names, sizes, a hundred of a device', async () => {
  const broker = await startAedes(), place = await site(broker.bridge);
  await place.registry.add('pump-7');
  const { entities } = place.registry;
  const code = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'fulfilled', (error: unknown) => (error as { code: string }).code);
  assert.is(await code(entities.announce('nobody', 'a', INLET)), 'DEVICE_UNKNOWN');
  assert.is(await code(entities.announce('pump-7', 'A b', INLET)), 'BAD_OPTION');
  assert.is(await code(entities.announce('pump-7', 'a', { more: 'x'.repeat(20_000) })), 'BAD_OPTION');
  await Promise.all(Array.from({ length: 100 }, (_, i) => entities.announce('pump-7', `e${i}`, INLET)));
  assert.is(await code(entities.announce('pump-7', 'e100', INLET)), 'QUEUE_FULL');
  assert.is(await code(entities.announce('pump-7', 'e99', INLET)), 'fulfilled', 'one that is there is changed');
  assert.is(await entities.unannounce('pump-7', 'nothing'), 0);
  await place.close();
  await broker.close();
});

test.run();
