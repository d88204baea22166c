/** Keys one after the other: the next one opens beside the current, an end is by the operator or after 7 days, and a bad one ends at once. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Device } from 'tidelock/device';
import { Gateway } from 'tidelock/gateway';
import { newPlace, open, outside, rejects, TestClock } from './support.js';

const DAY = 86_400_000;

test('the next key opens beside the current one; after retire only it does, and the bytes of the old one are gone', async () => {
  const url = await newPlace();
  const clock = new TestClock();
  let registry = await open({ unix: clock.unix, shared: true }, url);
  const old = await registry.add('a');
  const changes: string[] = [];
  registry.on('device', ({ change }) => changes.push(change));
  const { keyId, key } = await registry.rotate('a');
  assert.is(keyId, 1);
  assert.equal([registry.find('a', 0), registry.find('a', 1)], [old, key]);
  await rejects(registry.rotate('a'), 'KEY_STATE', 'a', '1', 'next one already');
  await rejects(registry.retire('a', 9), 'KEY_STATE', 'does not exist');
  assert.equal((await registry.keys('a')).map(({ keyId, state }) => [keyId, state]), [[0, 'current'], [1, 'next']]);
  assert.is(await registry.retire('a', 0), true);
  assert.is(await registry.retire('a', 0), false);
  assert.is(registry.find('a', 0), undefined);
  await rejects(registry.retire('a', 1), 'KEY_STATE', 'only one');
  assert.equal(changes, ['keys', 'keys']);
  await registry.close();
  registry = await open({ unix: clock.unix, shared: true }, url);
  assert.equal([registry.find('a', 0), registry.find('a', 1)], [undefined, key]);
  assert.equal((await registry.keys('a')).map(({ keyId, state }) => [keyId, state]), [[0, 'retired'], [1, 'current']]);
  assert.equal((await registry.list())[0]!.keyIds, [1]);
  const database = await outside(url);
  assert.equal((await database.all('select length(key) as bytes from keys order by key_id')).map(({ bytes }) => Number(bytes)), [0, 32]);
  await database.close();
  assert.is((await registry.rotate('a')).keyId, 2, 'a number is not given again');
  await registry.close();
});

test('a revoked key ends at once, also the only one; its follower is the current one then', async () => {
  const registry = await open();
  await registry.add('a', { keyId: 255 });
  const { keyId, key } = await registry.rotate('a');
  assert.is(keyId, 0, 'behind 255');
  assert.is(await registry.revoke('a', 255), true);
  assert.equal([registry.find('a', 255), registry.find('a', 0)], [undefined, key]);
  assert.equal((await registry.keys('a')).map(({ keyId, state }) => [keyId, state]).sort(), [[0, 'current'], [255, 'revoked']]);
  assert.is(await registry.revoke('a', 0), true);
  assert.is(registry.find('a', 0), undefined);
  assert.is(await registry.revoke('a', 0), false);
  await rejects(registry.keys('nobody'), 'DEVICE_UNKNOWN');
  await rejects(registry.rotate('nobody'), 'DEVICE_UNKNOWN');
  await rejects(registry.revoke('a', 256), 'BAD_OPTION', 'keyId');
  await registry.close();
});

test('a key that has not been used for 7 days ends at a session under its follower, never at the first', async () => {
  const clock = new TestClock();
  const registry = await open({ unix: clock.unix });
  await registry.add('a');
  await registry.takeover('a', 1, 0);
  const { keyId } = await registry.rotate('a');
  await registry.takeover('a', 1, keyId);
  assert.ok(registry.find('a', 0), 'a device that could not keep its new key comes back with the old one');
  clock.now += 6 * DAY;
  await registry.takeover('a', 1, 0);
  clock.now += 6 * DAY;
  await registry.takeover('a', 1, keyId);
  assert.ok(registry.find('a', 0));
  clock.now += 2 * DAY;
  await registry.takeover('a', 1, 0);
  clock.now += 8 * DAY;
  await registry.takeover('a', 1, keyId);
  await registry.reload();
  assert.is(registry.find('a', 0), undefined);
  assert.equal((await registry.keys('a')).map(({ keyId, state }) => [keyId, state]), [[0, 'retired'], [keyId, 'current']]);
  await registry.close();
});

test('a device of IoTSocket has one key: its frames could not say which', async () => {
  const registry = await open();
  await registry.add('1234567890', { protocol: 'iotsocket' });
  await rejects(registry.rotate('1234567890'), 'KEY_STATE', '1234567890', 'IoTSocket');
  assert.equal((await registry.keys('1234567890')).map(({ state }) => state), ['current']);
  await registry.close();
});

test('the use of a key is known to the hour, and a storm of sessions writes it once', async () => {
  const clock = new TestClock();
  const registry = await open({ unix: clock.unix });
  await registry.add('a');
  const used = async (): Promise<number | undefined> => (await registry.keys('a'))[0]!.used;
  assert.is(await used(), undefined);
  const first = clock.now;
  await registry.takeover('a', 1, 0);
  clock.now += 3_599_999;
  await registry.takeover('a', 1, 0);
  assert.is(await used(), first);
  clock.now += 2;
  await registry.takeover('a', 1, 0);
  assert.is(await used(), clock.now);
  await registry.close();
});

test('a device goes over to its next key without a gap, and a session under a key that ends is closed', async () => {
  const registry = await open();
  const gateway = await Gateway.listen({ registry, listen: 'tidelock://127.0.0.1:0' });
  const first = await registry.add('a');
  const { keyId, key } = await registry.rotate('a');
  const connect = async (key: Uint8Array, keyId: number): Promise<Device> => {
    const device = new Device({ url: gateway.address, id: 'a', key, keyId });
    device.on('error', () => undefined);
    await device.send('hello').acknowledged;
    return device;
  };
  const old = await connect(first, 0);
  const closed = new Promise<string>((resolve) => gateway.on('device', ({ online, reason }) => void (online || resolve(reason))));
  await registry.revoke('a', 0);
  assert.is(await closed, 'disabled');
  await old.close();
  const next = await connect(key, keyId);
  assert.equal((await registry.keys('a')).map(({ state, used }) => [state, used !== undefined]), [['revoked', true], ['current', true]]);
  await next.close();
  await gateway.close();
  await registry.close();
});

test.run();
