/** Keys wrapped under a master key: what the database holds opens nothing by itself, and no crash leaves it by half. */
import { copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openRegistry, type Registry } from 'tidelock/registry';
import { Wrapper } from '../../dist/host/registry/engine/wrapper.js';
import { driversHere, engine, folder, newFile, newPlace, open, outside, rejects } from './support.js';

const master = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

/** A registry with two devices, one of them with a next key and a retired one. Returns the keys that open. */
async function fill(registry: Registry): Promise<Map<string, Uint8Array>> {
  const keys = new Map<string, Uint8Array>([['a 0', await registry.add('a')]]);
  await registry.add('ä/b', { keyId: 7 });
  keys.set('ä/b 8', (await registry.rotate('ä/b')).key);
  await registry.retire('ä/b', 7);
  keys.set('ä/b 9', (await registry.rotate('ä/b')).key);
  return keys;
}

function holds(registry: Registry, keys: ReadonlyMap<string, Uint8Array>): void {
  for (const [name, key] of keys) {
    const [identity, keyId] = name.split(' ');
    assert.equal(Buffer.from(registry.find(identity!, Number(keyId)) ?? []), Buffer.from(key), name);
  }
}

async function bytesIn(url: string): Promise<Buffer[]> {
  const database = await outside(url);
  const rows = await database.all("select key from keys where state in ('current', 'next') order by identity, key_id");
  await database.close();
  return rows.map(({ key }) => Buffer.from(key as Uint8Array));
}

test('a wrapped key opens in its own place alone, and no bit of it may change', () => {
  const wrapper = new Wrapper(master(1));
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  const wrapped = wrapper.wrap('a', 1, key);
  assert.is(wrapped.length, 61);
  assert.not.equal(wrapper.wrap('a', 1, key), wrapped, 'a fresh nonce each time');
  assert.equal(Buffer.from(wrapper.unwrap('a', 1, wrapped)!), Buffer.from(key));
  assert.equal(Buffer.from(new Wrapper(master(1), wrapper.salt).unwrap('a', 1, wrapped)!), Buffer.from(key));
  for (const [identity, keyId] of [['b', 1], ['a', 0], ['a\u0001', 1], ['', 1]] as const) assert.is(wrapper.unwrap(identity, keyId, wrapped), undefined);
  assert.is(new Wrapper(master(2), wrapper.salt).unwrap('a', 1, wrapped), undefined);
  assert.is(new Wrapper(master(1)).unwrap('a', 1, wrapped), undefined, 'another salt');
  for (let bit = 0; bit < 8 * wrapped.length; bit++) {
    const changed = Uint8Array.from(wrapped);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.is(wrapper.unwrap('a', 1, changed), undefined, `bit ${bit}`);
  }
  for (let length = 0; length < wrapped.length; length++) assert.is(wrapper.unwrap('a', 1, wrapped.subarray(0, length)), undefined);
});

for (const driver of driversHere()) {
  for (const thread of [false, true]) {
    test(`plain, wrapped, under another master key, plain again: every key opens all the while (${driver}, ${thread ? 'thread' : 'no thread'})`, async () => {
      const url = await newPlace();
      const at = (masterKey?: Uint8Array): Promise<Registry> => openRegistry(url, { driver, thread, ...(masterKey === undefined ? {} : { masterKey }) });
      let registry = await at();
      const keys = await fill(registry);
      assert.is((await registry.info()).wrapped, false);
      const given = master(1);
      assert.is(await registry.rewrap(given), 3);
      assert.equal(given, master(1), "the caller's copy stays the caller's");
      holds(registry, keys);
      keys.set('later 0', await registry.add('later')); // it goes on under the new one
      await registry.close();
      assert.equal((await bytesIn(url)).map((bytes) => bytes.length), [61, 61, 61, 61]);
      await rejects(at(), 'MASTER_KEY_MISSING', '--master-key-file', 'TIDELOCK_MASTER_KEY');
      await rejects(at(master(2)), 'MASTER_KEY_WRONG');
      registry = await at(master(1));
      assert.is((await registry.info()).wrapped, true);
      holds(registry, keys);
      assert.is(await registry.rewrap(master(2)), 4);
      await registry.close();
      await rejects(at(master(1)), 'MASTER_KEY_WRONG', 'rewrap');
      registry = await at(master(2));
      holds(registry, keys);
      keys.set('a 1', (await registry.rotate('a')).key);
      await registry.rewrap(undefined);
      holds(registry, keys);
      await registry.close();
      registry = await at();
      holds(registry, keys);
      await registry.close();
      assert.ok((await bytesIn(url)).every((bytes) => bytes.length === 32));
      await rejects(at(master(2)), 'KEYS_NOT_WRAPPED', 'tidelock registry wrap');
    });
  }
}

test('a database without a key is wrapped from the first one on', async () => {
  const url = await newPlace();
  let registry = await open({ masterKey: master(3) }, url);
  const key = await registry.add('a');
  await registry.close();
  assert.equal((await bytesIn(url)).map((bytes) => bytes.length), [61]);
  registry = await open({ masterKey: master(3) }, url);
  holds(registry, new Map([['a 0', key]]));
  await registry.close();
  await rejects(open({ masterKey: new Uint8Array(31) }, url), 'BAD_KEY');
});

test('a row in the place of another, one that was changed and a plain one are refused, and rewrap leaves all as it was', async () => {
  const url = await newPlace();
  const registry = await open({ masterKey: master(1), shared: true }, url);
  await registry.add('a');
  await registry.add('b');
  await registry.add('b/c');
  const database = await outside(url);
  const hex = (bytes: Buffer): string => (engine.name === 'sqlite' ? `x'${bytes.toString('hex')}'` : `'\\x${bytes.toString('hex')}'`);
  const [a, b] = await bytesIn(url);
  const changed = Buffer.from(b!);
  changed[20]! ^= 1;
  for (const bytes of [a!, changed, Buffer.alloc(32, 9)]) {
    await database.all(`update keys set key = ${hex(bytes)} where identity = 'b'`);
    const before = await bytesIn(url);
    await rejects(registry.rewrap(master(2)), 'DATABASE_CORRUPT', 'key 0 of b is not what was wrapped there');
    assert.equal(await bytesIn(url), before);
    await rejects(open({ masterKey: master(1), shared: true }, url), 'DATABASE_CORRUPT', 'key 0 of b');
  }
  await database.all(`update keys set key = ${hex(b!)} where identity = 'b'`);
  await database.close();
  await registry.close();
  await (await open({ masterKey: master(1) }, url)).close();
});

test('another process that shares the database writes no plain key once they are wrapped, and is told what it lacks', async () => {
  const url = await newPlace();
  const one = await open({ shared: true }, url);
  const other = await open({ shared: true }, url);
  await one.add('a');
  await other.reload();
  await one.rewrap(master(1));
  await rejects(other.add('b'), 'MASTER_KEY_MISSING');
  await rejects(other.rotate('a'), 'MASTER_KEY_MISSING');
  await rejects(other.reload(), 'MASTER_KEY_MISSING');
  assert.ok(other.find('a', 0), 'what it knew goes on');
  assert.equal((await bytesIn(url)).map((bytes) => bytes.length), [61]);
  await one.close();
  await other.close();
});

test('progress is told', async () => {
  const registry = await open({}, await newPlace());
  await Promise.all(Array.from({ length: 2_500 }, (_, i) => registry.add(`d${i}`)));
  const told: number[][] = [];
  registry.on('progress', (done, of) => told.push([done, of]));
  assert.is(await registry.rewrap(master(1)), 2_500);
  assert.equal(told, [[1_000, 2_500], [2_000, 2_500]]);
  await registry.close();
});

// ---- What the file holds ----

if (engine.name === 'sqlite') {
  const keysIn = (file: string, keys: Iterable<Uint8Array>): string[] => {
    const found: string[] = [];
    for (const name of [file, `${file}-wal`, `${file}-shm`, `${file}-journal`]) {
      if (!existsSync(name)) continue;
      const bytes = readFileSync(name);
      for (const key of keys) {
        const digits = Buffer.from(key).toString('hex');
        for (const form of [Buffer.from(key), Buffer.from(digits), Buffer.from(digits.toUpperCase())]) if (bytes.includes(form)) found.push(`${path.basename(name)} has ${digits}`);
      }
    }
    return found;
  };

  /** Many keys, some of them in pages that were freed again. */
  const crowd = async (registry: Registry): Promise<Uint8Array[]> => {
    const keys = await Promise.all(Array.from({ length: 300 }, (_, i) => registry.add(`device-${i}`)));
    for (let i = 0; i < 300; i += 7) await registry.rotate(`device-${i}`).then(({ key }) => keys.push(key));
    for (let i = 0; i < 300; i += 14) await registry.retire(`device-${i}`, 0);
    return keys;
  };

  for (const driver of driversHere()) {
    test(`no byte of a plain key is left in the file or its log, open or closed (${driver})`, async () => {
      const file = newFile();
      const registry = await openRegistry(`sqlite:${file}`, { driver });
      const keys = await crowd(registry);
      assert.ok(keysIn(file, keys).length > 0, 'else nothing is shown');
      await registry.rewrap(master(1));
      assert.equal(keysIn(file, keys), []);
      const wrapped = await bytesIn2(file);
      keys.push(await registry.add('later'), (await registry.rotate('device-1')).key);
      assert.equal(keysIn(file, keys), []);
      await registry.rewrap(master(2));
      assert.equal(keysIn(file, [...keys, ...wrapped]), [], 'nor one under the old master key');
      await registry.close();
      assert.equal(keysIn(file, [...keys, ...wrapped]), []);
    });
  }

  /** The rows of a copy, for the file is held. */
  const bytesIn2 = async (file: string): Promise<Buffer[]> => {
    const copy = path.join(folder(), 'copy.db');
    copyFileSync(file, copy);
    copyFileSync(`${file}-wal`, `${copy}-wal`);
    return bytesIn(`sqlite:${copy}`);
  };

  test('a crash at every point: all keys are plain or all are wrapped, and the next opening clears what was left', async () => {
    const file = newFile();
    let registry = await open({}, `sqlite:${file}`);
    const keys = await Promise.all(Array.from({ length: 120 }, (_, i) => registry.add(`device-${i}`)));
    await registry.close();
    const before = readFileSync(file);
    registry = await open({}, `sqlite:${file}`);
    // Each state that a crash can leave.
    const states: { database: Buffer; log: Buffer }[] = [];
    const look = (): void => void states.push({ database: readFileSync(file), log: existsSync(`${file}-wal`) ? readFileSync(`${file}-wal`) : Buffer.alloc(0) });
    look();
    await registry.rewrap(master(1));
    look();
    await registry.close();
    const log = await logOf(before);
    for (let bytes = 0; bytes <= log.length; bytes += 4_120) states.push({ database: before, log: log.subarray(0, bytes) });
    states.push({ database: before, log });
    let plain = 0, wrapped = 0;
    for (const { database, log } of states) {
      const copy = path.join(folder(), 'copy.db');
      writeFileSync(copy, database);
      writeFileSync(`${copy}-wal`, log);
      const isWrapped = await open({ masterKey: master(1) }, `sqlite:${copy}`).then(async (opened) => {
        keys.forEach((key, i) => assert.equal(Buffer.from(opened.find(`device-${i}`, 0)!), Buffer.from(key)));
        assert.equal(keysIn(copy, keys), [], 'cleared at the opening');
        await opened.check();
        await opened.close();
        return true;
      }, (error: { code: string }) => {
        assert.is(error.code, 'KEYS_NOT_WRAPPED');
        return false;
      });
      if (isWrapped) {
        wrapped += 1;
      } else {
        plain += 1;
        const opened = await open({}, `sqlite:${copy}`);
        keys.forEach((key, i) => assert.equal(Buffer.from(opened.find(`device-${i}`, 0)!), Buffer.from(key)));
        await opened.close();
      }
    }
    assert.ok(plain > 2 && wrapped > 2, `${plain} plain, ${wrapped} wrapped`);
  });

  /** What rewrap and the clearing after it write into the log, before it is cut: the cut is kept from happening by a reader. */
  async function logOf(before: Buffer): Promise<Buffer> {
    const file = newFile();
    writeFileSync(file, before);
    const registry = await open({ shared: true, busyTimeout: 0 }, `sqlite:${file}`);
    const reader = await outside(`sqlite:${file}`);
    await reader.all('begin');
    await reader.all('select count(*) from keys');
    await rejects(registry.rewrap(master(1)), 'DATABASE_FAILED', 'new form', 'could not be cleared', 'next opening');
    const log = readFileSync(`${file}-wal`);
    assert.ok(statSync(`${file}-wal`).size > 4_120);
    await reader.all('rollback');
    await reader.close();
    await registry.close();
    return log;
  }
}

test.run();
