/** Devices and keys: added, listed, disabled; found without a database; wiped. */
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { DeviceEvent } from 'tidelock/registry';
import { driversHere, engine, newFile, newPlace, open, outside, rejects, session, TestClock } from './support.js';

for (const driver of driversHere()) {
  test(`a device is added with a key of its own, on the disk and in memory (${driver})`, async () => {
    const url = await newPlace();
    const clock = new TestClock();
    let registry = await open({ driver, unix: clock.unix }, url);
    const key = await registry.add('plant/pump-7');
    assert.is(key.length, 32);
    assert.not.equal(await registry.add('pump-7'), key);
    assert.equal(registry.find('plant/pump-7', 0), key);
    assert.is(registry.find('plant/pump-7', 1), undefined);
    assert.is(registry.find('pump', 0), undefined);
    assert.is((await registry.info()).driver, engine.name === 'sqlite' ? driver : 'pg');
    await registry.close();
    registry = await open({ driver, create: false }, url);
    assert.equal(registry.find('plant/pump-7', 0), key);
    assert.equal(await registry.list(), [
      { identity: 'plant/pump-7', protocol: 'tidelock', disabled: false, created: clock.now, since: undefined, keyIds: [0], queued: 0, inbox: 0 },
      { identity: 'pump-7', protocol: 'tidelock', disabled: false, created: clock.now, since: undefined, keyIds: [0], queued: 0, inbox: 0 },
    ]);
    await registry.close();
  });
}

test('what the caller does with its key changes nothing, and its own stays as it was', async () => {
  const registry = await open();
  const given = Uint8Array.from(randomBytes(32));
  const kept = Uint8Array.from(given);
  const returned = await registry.add('a', { key: given, keyId: 200 });
  assert.equal(returned, kept);
  assert.equal(given, kept);
  given.fill(0);
  returned.fill(0);
  assert.equal(registry.find('a', 200), kept);
  assert.is(registry.find('a', 0), undefined);
  await registry.close();
});

test('a key opens only the protocol that it was added for', async () => {
  const url = await newPlace();
  let registry = await open({}, url);
  const key = await registry.add('1234567890', { protocol: 'iotsocket' });
  await registry.add('pump-7');
  for (const when of ['as added', 'as read from the disk']) {
    assert.is(registry.find('1234567890', 0), undefined, `${when}: it crosses the wire of the other protocol`);
    assert.equal(registry.find('1234567890', 0, 'iotsocket'), key);
    assert.is(registry.find('pump-7', 0, 'iotsocket'), undefined);
    assert.equal(['1234567890', 'pump-7', 'nobody'].map((identity) => registry.protocol(identity)), ['iotsocket', 'tidelock', undefined]);
    assert.equal((await registry.list()).map(({ protocol }) => protocol), ['iotsocket', 'tidelock']);
    await registry.close();
    registry = await open({}, url);
  }
  await rejects(registry.add('a', { protocol: 'mqtt' as never }), 'BAD_OPTION', 'protocol', 'iotsocket');
  await registry.close();
});

test('keys in memory are wiped when it is closed', async () => {
  const registry = await open({ thread: true });
  await registry.add('a');
  const held = registry.find('a', 0)!;
  assert.ok(held.some((byte) => byte !== 0));
  await registry.close();
  assert.ok(held.every((byte) => byte === 0));
  assert.is(registry.find('a', 0), undefined);
});

test('what cannot be added is named', async () => {
  const registry = await open();
  await registry.add('a');
  await rejects(registry.add('a'), 'DEVICE_EXISTS', 'a');
  for (const bad of ['', 'a/b/c', '/a', 'a+', 'a#1', '$a', '-', 'x'.repeat(65), 'a\u0000', '\ud800']) await rejects(registry.add(bad), 'BAD_IDENTITY');
  await rejects(registry.add(7 as never), 'BAD_IDENTITY');
  // A wrong shape may hold a key, which no error quotes.
  const shape = await registry.add({ identity: 'b', key: 'secret' } as never).catch((error: Error) => error.message);
  assert.match(String(shape), 'of type object');
  assert.not.match(String(shape), 'secret');
  await rejects(registry.add('b', { key: new Uint8Array(31) }), 'BAD_KEY', '31 bytes');
  await rejects(registry.add('b', { key: 'k'.repeat(32) as never }), 'BAD_KEY');
  await rejects(registry.add('b', { keyId: 256 }), 'BAD_OPTION', 'keyId');
  await rejects(registry.disable('b'), 'DEVICE_UNKNOWN', 'b');
  await rejects(registry.enable('b'), 'DEVICE_UNKNOWN', 'b');
  assert.is((await registry.list()).length, 1);
  await registry.close();
});

test('disable and enable: once each, told, kept', async () => {
  const url = await newPlace();
  let registry = await open({}, url);
  const events: DeviceEvent[] = [];
  registry.on('device', (event) => {
    events.push(event);
    // Told when it is true already.
    assert.is(registry.find(event.identity, 0) === undefined, event.change === 'disabled');
  });
  const key = await registry.add('a');
  assert.is(await registry.disable('a'), true);
  assert.is(await registry.disable('a'), false);
  assert.is(registry.find('a', 0), undefined);
  await registry.close();
  registry = await open({}, url);
  assert.is(registry.find('a', 0), undefined);
  assert.is((await registry.list())[0]!.disabled, true);
  assert.is(await registry.enable('a'), true);
  assert.is(await registry.enable('a'), false);
  assert.equal(registry.find('a', 0), key);
  assert.equal(events, [{ identity: 'a', change: 'added' }, { identity: 'a', change: 'disabled' }]);
  await registry.close();
});

test('a disabled device gets no lease, and its session can do nothing more', async () => {
  const registry = await open();
  const { lease, ...rest } = await session(registry, 'a');
  await registry.enqueue('a', 'open');
  await registry.disable('a');
  assert.is(await registry.takeover('a', 1), undefined);
  assert.is(await registry.takeover('nobody', 1), undefined);
  assert.equal(await registry.commit([{ lease, id: 1, time: 0, repeat: false, body: new Uint8Array(1) }]), ['superseded']);
  assert.is(await registry.take(lease, 1, 1), undefined);
  assert.is(await registry.delivered(lease, 1), undefined);
  assert.is(await registry.refused(lease, 2, 1), undefined);
  await rejects(registry.enqueue('a', 'x'), 'DISABLED', 'a');
  await registry.enable('a');
  assert.is(await registry.take(lease, 1, 1), undefined, 'the lease of before has not come back');
  const again = await registry.takeover('a', 1);
  assert.equal(again!.receipts, { ...rest.receipts, outNext: 2 }, 'what waited for it waits still');
  await registry.close();
});

test('the list comes in pages and says what waits', async () => {
  const clock = new TestClock();
  const registry = await open({ unix: clock.unix });
  for (const identity of ['c', 'a', 'b/x', 'b']) await registry.add(identity);
  const { lease } = await session(registry, 'b');
  await registry.commit([1, 2].map((id) => ({ lease, id, time: 0, repeat: false, body: new Uint8Array(1) })));
  await registry.enqueue('c', 'x');
  const pages: string[][] = [];
  for (let after = ''; ; ) {
    const page = await registry.list({ after, limit: 2 });
    if (page.length === 0) break;
    pages.push(page.map(({ identity, queued, inbox }) => `${identity} ${queued} ${inbox}`));
    after = page.at(-1)!.identity;
  }
  assert.equal(pages, [['a 0 0', 'b 0 2'], ['b/x 0 0', 'c 1 0']]);
  assert.is((await registry.list({ after: 'a', limit: 1 }))[0]!.since, clock.now);
  await rejects(registry.list({ limit: 0 }), 'BAD_OPTION', 'limit');
  await registry.close();
});

test('what another process changes at devices is taken up by reload', async () => {
  const url = await newPlace();
  const one = await open({ shared: true }, url);
  const other = await open({ shared: true, thread: true }, url);
  const events: string[] = [];
  other.on('device', ({ identity, change }) => events.push(`${identity} ${change}`));
  assert.is(await other.reload(), false);
  const a = await one.add('a');
  const b = await one.add('b');
  assert.is(other.find('a', 0), undefined);
  assert.is(await other.reload(), true);
  assert.is(await other.reload(), false);
  assert.equal([other.find('a', 0), other.find('b', 0)], [a, b]);
  await one.disable('a');
  await other.disable('b'); // while a change of the other process is not known yet
  assert.equal(other.find('a', 0), a);
  assert.is(await other.reload(), true);
  assert.is(other.find('a', 0), undefined);
  await one.enable('a');
  await one.enable('b');
  await other.reload();
  assert.equal(events, ['a added', 'b added', 'b disabled', 'a disabled', 'a enabled', 'b enabled']);
  await one.close();
  await other.close();
});

test('a key that was replaced in the table ends the session under the old one', async () => {
  const url = await newPlace();
  const registry = await open({ shared: true }, url);
  await registry.add('a');
  await registry.add('b');
  const old = registry.find('a', 0)!;
  const events: string[] = [];
  registry.on('device', ({ identity, change }) => events.push(`${identity} ${change}`));
  const database = await outside(url);
  await database.all(`update keys set key = ${engine.name === 'sqlite' ? 'zeroblob(32)' : "decode(repeat('00', 32), 'hex')"}`);
  await database.all("delete from devices where identity = 'b'");
  await database.all("update tidelock set value = value + 1 where name = 'devices'");
  await database.close();
  assert.is(await registry.reload(), true);
  assert.equal(events, ['a keys', 'b disabled']);
  assert.equal(registry.find('a', 0), new Uint8Array(32));
  assert.ok(old.every((byte) => byte === 0), 'the old copy is wiped');
  await registry.close();
});

test('a listener that throws keeps nobody from hearing', async () => {
  const registry = await open();
  const thrown = new Promise<Error>((resolve) => process.once('uncaughtException', resolve));
  registry.on('device', () => {
    throw new Error('a fault of the application');
  });
  assert.is((await registry.add('a')).length, 32);
  assert.is((await thrown).message, 'a fault of the application');
  await registry.close();
});

if (process.platform !== 'win32' && engine.name === 'sqlite') {
  test('nobody else may read the files', async () => {
    const file = newFile();
    const registry = await open({ shared: true }, `sqlite:${file}`);
    await registry.add('a');
    for (const name of ['', '-wal', '-shm']) assert.is(statSync(file + name).mode & 0o777, 0o600, name);
    await registry.close();
  });
}

test.run();
