/** Many devices out of a database and into another at once: all or none. */
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openRegistry, type DeviceRecord, type Registry } from 'tidelock/registry';
import { newPlace, open, outside, rejects, TestClock } from './support.js';

const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const record = (identity: string, more: Partial<DeviceRecord> = {}): DeviceRecord =>
  ({ identity, protocol: 'tidelock', disabled: false, created: 1_000, keys: [{ keyId: 0, state: 'current', created: 1_000, key: key(1) }], ...more });
const plain = (records: readonly DeviceRecord[]): unknown => JSON.parse(JSON.stringify(records, (_, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value)));

for (const thread of [false, true]) {
  test(`what goes out comes in again, wrapped or not (${thread ? 'thread' : 'no thread'})`, async () => {
    const from = await openRegistry(await newPlace(), { thread, masterKey: key(9) });
    const first = await from.add('a');
    const { key: next } = await from.rotate('a');
    await from.add('ä/b', { protocol: 'tidelock', keyId: 255 });
    await from.disable('ä/b');
    await from.add('1234567890', { protocol: 'iotsocket' });
    await from.add('gone');
    await from.revoke('gone', 0);
    const bare = await from.exportDevices();
    assert.ok(bare.every(({ keys }) => keys.every(({ key }) => key === undefined)), 'no key that was not asked for');
    const records = await from.exportDevices({ keys: true });
    const to = await openRegistry(await newPlace(), { thread });
    assert.equal(await to.importDevices(records), { added: 4, replaced: 0, skipped: 0 });
    assert.equal([to.find('a', 0), to.find('a', 1)].map((found) => Buffer.from(found!)), [first, next].map((key) => Buffer.from(key)));
    assert.is(to.find('ä/b', 255), undefined, 'it is disabled');
    assert.ok(to.find('1234567890', 0, 'iotsocket'));
    assert.equal(plain(await to.exportDevices({ keys: true })), plain(records));
    assert.equal(Buffer.from(records[1]!.keys[0]!.key!), Buffer.from(first), "the caller's records stay the caller's");
    await from.close();
    await to.close();
  });
}

test('existing devices: refused, left, or given other keys', async () => {
  const clock = new TestClock();
  const registry = await open({ unix: clock.unix });
  const old = Uint8Array.from(await registry.add('a'));
  await registry.rotate('a');
  const lease = (await registry.takeover('a', 1, 0))!.lease;
  const changes: string[] = [];
  registry.on('device', ({ identity, change }) => changes.push(`${identity} ${change}`));
  await rejects(registry.importDevices([record('b'), record('a')]), 'DEVICE_EXISTS', 'a');
  assert.is(registry.protocol('b'), undefined, 'all or none');
  assert.equal(await registry.importDevices([record('b'), record('a')], { existing: 'skip', dryRun: true }), { added: 1, replaced: 0, skipped: 1 });
  assert.is(registry.protocol('b'), undefined, 'nothing was written');
  assert.equal(await registry.importDevices([record('b'), record('a')], { existing: 'skip' }), { added: 1, replaced: 0, skipped: 1 });
  assert.equal(Buffer.from(registry.find('a', 0)!), Buffer.from(old));
  await rejects(registry.importDevices([record('a', { protocol: 'iotsocket' })], { existing: 'replace' }), 'DEVICE_EXISTS');
  assert.equal(await registry.importDevices([record('a', { keys: [{ keyId: 1, state: 'current', key: key(2) }] })], { existing: 'replace' }), { added: 0, replaced: 1, skipped: 0 });
  assert.is(registry.find('a', 0), undefined);
  assert.equal(Buffer.from(registry.find('a', 1)!), Buffer.from(key(2)));
  assert.equal((await registry.keys('a')).map(({ keyId, state }) => `${keyId} ${state}`).sort(), ['0 retired', '1 current']);
  assert.equal(await registry.commit([{ lease, id: 1, time: 1, repeat: false, body: Buffer.from('x') }]), ['superseded'], 'its session has ended');
  assert.equal(changes, ['b added', 'a keys']);
  await registry.importDevices([record('a', { disabled: true })], { existing: 'replace' });
  assert.is(registry.find('a', 0), undefined);
  await registry.close();
});

test('what is wrong is refused before anything is written', async () => {
  const registry = await open();
  const current = { keyId: 0, state: 'current', key: key(1) } as const;
  for (const [code, bad] of [
    ['BAD_IDENTITY', record('a#b')], ['BAD_KEY', record('a', { keys: [{ keyId: 0, state: 'current' }] })], ['BAD_KEY', record('a', { keys: [{ ...current, key: new Uint8Array(31) }] })],
    ['BAD_OPTION', record('a', { keys: [{ ...current, keyId: 256 }] })], ['BAD_OPTION', record('a', { protocol: 'mqtt' as never })], ['BAD_OPTION', record('a', { created: -1 })],
    ['BAD_OPTION', record('a', { keys: [current, current] })], ['BAD_OPTION', record('a', { keys: [current, { ...current, keyId: 1 }] })], ['BAD_OPTION', record('a', { keys: [{ ...current, state: 'next' }] })],
    ['BAD_OPTION', record('a', { keys: [{ ...current, state: 'retired' as never }] })], ['DEVICE_EXISTS', record('good')],
  ] as const) await rejects(registry.importDevices([record('good'), bad]), code);
  await rejects(registry.importDevices([], { existing: 'maybe' as never }), 'BAD_OPTION', 'existing');
  assert.equal(await registry.list(), []);
  await registry.close();
});

test('a failure in the middle leaves nothing', async () => {
  const url = await newPlace();
  const registry = await open({ shared: true }, url);
  const database = await outside(url);
  const { failInserts } = await import('./support.js');
  await failInserts(database, 'fail_it', 'keys', 'new.key_id = 77', 'no');
  await rejects(registry.importDevices([record('a'), record('b', { keys: [{ keyId: 77, state: 'current', key: key(1) }] })]), 'DATABASE_FAILED');
  assert.equal((await registry.list()).length, 0);
  assert.equal((await database.all('select identity from devices')).length, 0);
  await database.close();
  await registry.close();
});

test('progress is told', async () => {
  const registry = await open();
  const told: number[][] = [];
  registry.on('progress', (done, of) => told.push([done, of]));
  await registry.importDevices(Array.from({ length: 2_001 }, (_, i) => record(`d${i}`)));
  assert.equal(told, [[1_000, 2_001], [2_000, 2_001]]);
  await registry.close();
});

test('any devices: out, in, out is the same', async () => {
  const keys = fc.uniqueArray(fc.record({ keyId: fc.nat(255), created: fc.nat(2 ** 50), key: fc.uint8Array({ minLength: 32, maxLength: 32 }) }), { maxLength: 2, selector: ({ keyId }) => keyId });
  const device = fc.record({ identity: fc.stringMatching(/^[a-zA-Z0-9 ,"'=äß.-]{1,20}$/), protocol: fc.constantFrom('tidelock', 'iotsocket'), disabled: fc.boolean(), created: fc.nat(2 ** 50), keys });
  const registry: Registry = await open();
  const empty = plain(await registry.exportDevices());
  assert.equal(empty, []);
  await registry.close();
  await fc.assert(fc.asyncProperty(fc.uniqueArray(device, { maxLength: 8, selector: ({ identity }) => identity }), async (devices) => {
    const given = devices.filter(({ identity }) => identity !== '-').map(({ keys, ...rest }) => ({ ...rest, keys: keys.map((entry, i) => ({ ...entry, state: i === 0 ? 'current' : 'next' })) })) as DeviceRecord[];
    const one = await open(), two = await open();
    await one.importDevices(given);
    const out = await one.exportDevices({ keys: true });
    assert.equal(out.map(({ identity }) => identity).sort(), given.map(({ identity }) => identity).sort());
    await two.importDevices(out);
    assert.equal(plain(await two.exportDevices({ keys: true })), plain(out));
    await one.close();
    await two.close();
  }), { numRuns: 20 });
});

test.run();
