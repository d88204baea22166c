/**
 * A crash at every point. All that the registry wrote stands in SQLite's log, in order; cut off behind each page in turn (and within pages)
 * it is what a machine finds that lost its power there. Each time the tables must be those behind one whole
 * transaction, and everything that was promised up to there must be in them.
 */
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { abi } from 'tidelock/core';
import { folder, newFile, open, raw, session, TestClock } from './support.js';

const TABLES = ['tidelock', 'devices', 'keys', 'inbox', 'queue', 'ends'] as const;
type Row = Record<string, unknown>;
type Dump = Record<(typeof TABLES)[number], Row[]>;

/** The file's log is cut to `bytes`, opened as after a crash, and read whole. */
async function dumpAt(file: string, log: Buffer, bytes: number): Promise<Dump> {
  const copy = path.join(folder(), 'copy.db');
  copyFileSync(file, copy);
  writeFileSync(`${copy}-wal`, log.subarray(0, bytes));
  const database = await raw(copy);
  database.all('pragma synchronous = off'); // a copy, for a look
  const there = database.all("select name from sqlite_master where type = 'table'").map(({ name }) => name);
  const dump = Object.fromEntries(TABLES.map((table) => [table, there.includes(table) ? database.all(`select * from ${table} order by 1, 2`).map(plain) : []]));
  assert.equal(database.all('pragma integrity_check').map((row) => Object.values(row)[0]), ['ok']);
  database.close();
  return dump as Dump;
}

/** Bodies and keys as text, so that rows of any driver compare. */
function plain(row: Row): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value]));
}

test('whatever was promised before a crash is there after it, and nothing is there by half', async () => {
  const file = newFile();
  const clock = new TestClock();
  const registry = await open({ unix: clock.unix }, `sqlite:${file}`);
  /** What must hold once the log has this many bytes, at every point behind it. */
  const promises: { bytes: number; what: string; holds: (dump: Dump) => boolean }[] = [];
  const size = (): number => statSync(`${file}-wal`).size;
  const promise = (what: string, holds: (dump: Dump) => boolean): void => void promises.push({ bytes: size(), what, holds });
  const device = (dump: Dump): Row => dump.devices[0]!;
  const took = (name: string) => (dump: Dump): boolean => dump.inbox.some(({ body }) => body === name);
  const sizes: number[] = [size()];
  const step = async (run: () => Promise<unknown>): Promise<void> => {
    await run();
    sizes.push(size());
  };

  let key: Uint8Array = new Uint8Array();
  await step(async () => (key = await registry.add('a')));
  promise('the key', (dump) => dump.keys.length === 1 && dump.keys[0]!['key'] === Buffer.from(key).toString('latin1'));
  let current = await session(registry, 'a', 7);
  sizes.push(size());
  promise('the first lease', (dump) => Number(device(dump)['epoch']) >= 1);
  for (let id = 1; id <= 9; id += 3) {
    await step(() => current.commit(id, `m${id}`, undefined, `m${id + 2}`));
    promise(`messages to ${id + 2}`, (dump) => Number(device(dump)['in_last']) >= id + 2 || device(dump)['in_outbox'] === 8);
    promise(`the text of ${id + 2}`, took(`m${id + 2}`));
  }
  const names: string[] = [];
  for (const command of ['open', 'shut', 'stop', 'never']) await step(async () => names.push((await registry.enqueue('a', command)).message));
  const [opened, shut, stopped, never] = names as [string, string, string, string];
  const inQueue = (dump: Dump, command: string): boolean => dump.queue.some(({ body }) => body === command);
  const ended = (dump: Dump, name: string): unknown => dump.ends.find(({ identity, outbox, id }) => `${identity}#${Number(outbox).toString(16).padStart(8, '0')}-${id}` === name)?.['how'];
  promise('the queue', (dump) => [opened, shut, stopped, never].every((name, i) => inQueue(dump, ['open', 'shut', 'stop', 'never'][i]!) || ended(dump, name) !== undefined));
  await step(() => current.take(1, 1));
  await step(() => registry.delivered(current.lease, 1));
  await step(() => current.take(2, 3));
  promise('sent before the first frame', (dump) => Number(device(dump)['out_sent']) >= 4 || Number(device(dump)['epoch']) > 1);
  await step(() => registry.delivered(current.lease, 2));
  promise('delivered', (dump) => ended(dump, opened) === 'delivered' && !inQueue(dump, 'open'));
  await step(() => registry.refused(current.lease, 3, abi.ACK_REFUSED));
  promise('refused', (dump) => ended(dump, shut) === 'refused' && !inQueue(dump, 'shut'));
  await step(() => registry.renew(current.lease, 4));
  promise('in doubt', (dump) => ended(dump, stopped) === 'in doubt' && !inQueue(dump, 'stop'));
  current = await session(registry, 'a', 8);
  sizes.push(size());
  await step(() => current.commit(1, 'new outbox'));
  promise('a message of the new outbox', (dump) => took('new outbox')(dump) && device(dump)['in_outbox'] === 8);
  clock.now += 100_000;
  await step(() => registry.expire());
  promise('expired', (dump) => ended(dump, never) === 'expired' && dump.queue.length === 0);
  await step(async () => registry.done([(await registry.read())[0]!.position]));
  promise('done', (dump) => !took('m1')(dump));
  await step(() => registry.disable('a'));
  promise('disabled', (dump) => device(dump)['disabled'] === 1);

  const log = Buffer.from(readFileSync(`${file}-wal`));
  const pageSize = log.readUInt32BE(8);
  const frame = 24 + pageSize;
  assert.is(log.length, sizes.at(-1), 'the log holds everything from the beginning');
  let whole: Dump | undefined;
  let checked = 0;
  for (let bytes = 32, next = 0; bytes <= log.length; bytes += frame) {
    const reached = sizes.filter((end) => end <= bytes).length;
    if (whole !== undefined && next === reached) {
      assert.equal(await dumpAt(file, log, bytes), whole, `a transaction by half at ${bytes} of ${log.length}`);
    } else if (reached > 0) {
      whole = await dumpAt(file, log, bytes);
      next = reached;
      for (const { bytes: from, what, holds } of promises) {
        if (from <= bytes) assert.ok(holds(whole), `${what} at ${bytes} of ${log.length}`);
      }
      checked += 1;
    }
    // Within the next page, as a torn write leaves it.
    if (whole !== undefined && bytes < log.length) assert.equal(await dumpAt(file, log, bytes + 1 + (bytes % (frame - 2))), whole, `torn at ${bytes}`);
  }
  assert.ok(checked >= 15, `only ${checked} transactions seen`);
  await registry.close();
});

test('after a crash at any point the same calls, made again, bring it to the same end', async () => {
  const file = newFile();
  const clock = new TestClock();
  const run = async (url: string, from: number): Promise<void> => {
    const registry = await open({ unix: clock.unix }, url);
    const current = await session(registry, 'a', 7);
    // A device sends again what it has no ACK of: from any number up to the one behind the record.
    const first = Math.max(1, Math.min(from, current.receipts.inLast + 1));
    assert.ok((await current.commit(first, ...Array.from({ length: 13 - first }, (_, i) => `m${first + i}`))).every((verdict) => verdict === 'durable'));
    const rows = await registry.read({ limit: 100 });
    assert.equal(rows.map(({ body }) => body.toString()), Array.from({ length: 12 }, (_, i) => `m${i + 1}`));
    await registry.close();
  };
  const registry = await open({ unix: clock.unix }, `sqlite:${file}`);
  const current = await session(registry, 'a', 7);
  for (let id = 1; id <= 12; id += 4) await current.commit(id, ...[0, 1, 2, 3].map((i) => `m${id + i}`));
  const log = Buffer.from(readFileSync(`${file}-wal`));
  const frame = 24 + log.readUInt32BE(8);
  for (let bytes = 32; bytes <= log.length; bytes += 2 * frame) {
    const copy = path.join(folder(), 'copy.db');
    copyFileSync(file, copy);
    writeFileSync(`${copy}-wal`, log.subarray(0, bytes));
    await run(`sqlite:${copy}`, 1 + (bytes % 12));
  }
  await registry.close();
});

test.run();
