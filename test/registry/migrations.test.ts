/** Databases of every version that was released open in this one, with all that is in them; what fails changes nothing. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SCHEMA_VERSION } from '../../dist/host/registry/database/migrations.js';
import { newFile, open, raw, rejects } from './support.js';

/** A database made by the frozen statements of an earlier version. */
async function madeBy(fixture: string, ...more: string[]): Promise<string> {
  const file = newFile();
  const database = await raw(file);
  const script = readFileSync(new URL(`./fixtures/${fixture}`, import.meta.url), 'utf8').replace(/^--.*$/gm, '');
  for (const statement of [...script.split(/;\n/), ...more]) if (statement.trim() !== '') database.all(statement);
  database.close();
  return file;
}

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const now = 1_700_000_002_000;

test('a database of version 1 comes up with everything that was in it', async () => {
  const file = await madeBy('schema-1.sql');
  let registry = await open({ unix: () => now }, `sqlite:${file}`);
  assert.is((await registry.info()).schema, SCHEMA_VERSION);
  assert.equal(registry.find('plant/pump-7', 0), KEY);
  assert.is(registry.protocol('plant/pump-7'), 'tidelock', 'what there was before there were two');
  assert.is(registry.find('old', 3), undefined, 'it was disabled, and is');
  assert.equal((await registry.list()).map(({ identity, disabled, keyIds, protocol }) => [identity, disabled, keyIds, protocol]), [
    ['old', true, [3], 'tidelock'],
    ['plant/pump-7', false, [0], 'tidelock'],
  ]);
  assert.equal((await registry.read()).map(({ position, message, body }) => [position, message, body.toString()]), [[41, 'plant/pump-7#00000009-12', '21.5']]);
  assert.equal((await registry.waiting()).map(({ message, sent }) => [message, sent]), [['plant/pump-7#0000004d-4', true], ['plant/pump-7#0000004d-5', false]]);
  assert.equal((await registry.outcome('plant/pump-7#0000004d-3')), { message: 'plant/pump-7#0000004d-3', identity: 'plant/pump-7', end: 'delivered', at: 1_700_000_000_550 });
  // And it goes on where it stood.
  const { lease, receipts } = (await registry.takeover('plant/pump-7', 9))!;
  assert.equal([lease.epoch, receipts], [6, { inLast: 12, outOutbox: 77, outLow: 4, outSent: 4, outNext: 6 }]);
  assert.equal(await registry.commit([{ lease, id: 13, time: now, repeat: false, body: Buffer.from('22') }]), ['durable']);
  assert.equal((await registry.read()).map(({ position }) => position), [41, 42]);
  await registry.check();
  await registry.close();
  // The second opening has nothing to do.
  registry = await open({ unix: () => now }, `sqlite:${file}`);
  assert.is((await registry.list()).length, 2);
  await registry.close();
});

test('a database that came up has the same tables as a new one', async () => {
  // Columns that were added stand where they were added; nothing else may differ.
  const tablesOf = async (file: string): Promise<unknown> => {
    await (await open({}, `sqlite:${file}`)).close();
    const database = await raw(file);
    const names = database.all("select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name").map(({ name }) => String(name));
    const tables = names.map((name) => [name, database.all(`select name, type, "notnull", dflt_value, pk from pragma_table_info('${name}')`).map((row) => JSON.stringify(row)).sort()]);
    const indexes = database.all("select name, tbl_name from sqlite_master where type = 'index' order by name").map((row) => JSON.stringify(row));
    database.close();
    return [tables, indexes];
  };
  assert.equal(await tablesOf(await madeBy('schema-1.sql')), await tablesOf(newFile()));
});

test('a step that fails leaves the version before, whole', async () => {
  // A view of that name keeps the table from being altered.
  const file = await madeBy('schema-1.sql', 'alter table devices rename to kept', 'create view devices as select * from kept');
  await rejects(open({}, `sqlite:${file}`), 'DATABASE_FAILED', file);
  const database = await raw(file);
  assert.is(database.all("select value from tidelock where name = 'schema'")[0]!['value'], 1);
  assert.equal(database.all('pragma integrity_check').map((row) => Object.values(row)[0]), ['ok']);
  // Put right, it comes up.
  database.all('drop view devices');
  database.all('alter table kept rename to devices');
  database.close();
  const registry = await open({}, `sqlite:${file}`);
  assert.equal(registry.find('plant/pump-7', 0), KEY);
  await registry.close();
});

test('a newer version is refused before anything is written', async () => {
  const file = await madeBy('schema-1.sql', `update tidelock set value = ${SCHEMA_VERSION + 1} where name = 'schema'`);
  await rejects(open({}, `sqlite:${file}`), 'DATABASE_NEWER', file, String(SCHEMA_VERSION + 1), `up to ${SCHEMA_VERSION}`);
  const database = await raw(file);
  assert.equal(database.all("select name from pragma_table_info('devices') where name = 'protocol'"), []);
  database.close();
});

test.run();
