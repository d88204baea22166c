/** Opening: what a URL may be, and one clear error for each thing that can be wrong with a database. */
import { spawnSync } from 'node:child_process';
import { chmodSync, constants, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openRegistry } from 'tidelock/registry';
import { runInstalled } from '../support/installed.js';
import { skip } from '../support/skip.js';
import { drivers, folder, newFile, open, raw, rejects } from './support.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('URLs: a relative path, an absolute one in two spellings, memory', async () => {
  const at = folder();
  const file = path.join(at, 'a.db');
  const relative = path.relative(process.cwd(), file);
  const spellings = process.platform === 'win32' ? [`sqlite:${file}`, `sqlite:${relative}`] : [`sqlite:${file}`, `sqlite:${relative}`, `sqlite://${file}`];
  for (const url of spellings) {
    const registry = await open({}, url);
    assert.is(registry.path, file);
    assert.is(registry.url, url);
    await registry.close();
  }
  const memory = await open();
  assert.is(memory.path, undefined);
  await memory.close();
  const odd = path.join(at, 'file:odd name?mode=ro%20#x.db');
  const registry = await open({}, `sqlite:${odd}`);
  await registry.close();
  assert.ok(existsSync(odd), 'a path is a path, whatever it looks like');
});

test('a wrong URL or option is named', async () => {
  for (const url of ['', 'sqlite:', 'sqlite::temp:', 'sqlite:a\0b', 'postgres://x', 'postgres:x', 'postgres://user:secret@host', 'mysql://x/y', 'tidelock.db', 'sqlite://host/a.db', 7]) {
    await rejects(openRegistry(url as string), 'BAD_OPTION', 'database');
  }
  await rejects(open({ busytimeout: 1 } as never), 'UNKNOWN_OPTION', 'busytimeout', 'busyTimeout');
  await rejects(open({ limits: { inboxRow: 1 } as never }), 'UNKNOWN_OPTION', 'inboxRow');
  await rejects(open({ limits: { inboxRows: -1 } }), 'BAD_OPTION', 'limits.inboxRows');
  await rejects(open({ busyTimeout: 0.5 }), 'BAD_OPTION', 'busyTimeout');
  await rejects(open({ driver: 'sqlite3' as never }), 'BAD_OPTION', 'driver');
  await rejects(open({ thread: 'yes' as never }), 'BAD_OPTION', 'thread');
  await rejects(open({ gateway: '' }), 'BAD_OPTION', 'gateway');
  await rejects(open({ unix: 5 as never }), 'BAD_OPTION', 'unix');
});

for (const thread of [false, true]) {
  test(`files that are not there, or no database (${thread ? 'thread' : 'no thread'})`, async () => {
    const at = folder();
    const url = (name: string): string => `sqlite:${path.join(at, name)}`;
    await rejects(open({ thread, create: false }, url('none.db')), 'DATABASE_FAILED', 'none.db', 'does not exist');
    assert.not.ok(existsSync(path.join(at, 'none.db')));
    await rejects(open({ thread }, url('no/such/a.db')), 'DATABASE_FAILED', path.join(at, 'no', 'such'), 'does not exist');
    mkdirSync(path.join(at, 'folder.db'));
    await rejects(open({ thread }, url('folder.db')), 'DATABASE_FAILED', 'it is a folder');
    writeFileSync(path.join(at, 'text.db'), 'This is a text, and a long one. '.repeat(500));
    await rejects(open({ thread }, url('text.db')), 'DATABASE_CORRUPT', 'text.db', 'not a database');
    await rejects(open({ thread }, url('text.db/a.db')), 'DATABASE_FAILED');
  });
}

test('an empty file is a new database, and rights of others are taken away', async () => {
  const file = newFile();
  writeFileSync(file, '', { mode: 0o644 });
  chmodSync(file, 0o644);
  const registry = await open({ create: false }, `sqlite:${file}`);
  await registry.add('a');
  if (process.platform !== 'win32') assert.is(statSync(file).mode & 0o777, 0o600);
  await registry.close();
});

test('the database of another program is left alone', async () => {
  const file = newFile();
  const database = await raw(file);
  database.all('create table notes (text text)');
  database.close();
  const before = readFileSync(file);
  await rejects(open({}, `sqlite:${file}`), 'DATABASE_FAILED', 'another program');
  assert.equal(readFileSync(file).subarray(100), before.subarray(100));
});

test('a newer schema is refused and not touched', async () => {
  const file = newFile();
  await (await open({}, `sqlite:${file}`)).close();
  const database = await raw(file);
  database.all("update tidelock set value = 99 where name = 'schema'");
  database.close();
  await rejects(open({}, `sqlite:${file}`), 'DATABASE_NEWER', 'version 99');
  const after = await raw(file);
  assert.is(after.all("select value from tidelock where name = 'schema'")[0]!['value'], 99);
  after.close();
});

for (const driver of drivers) {
  test(`a database that is open is locked for others, and free again after close (${driver})`, async () => {
    const url = `sqlite:${newFile()}`;
    const first = await open({ driver, thread: true }, url);
    await first.add('a');
    await rejects(open({ driver, busyTimeout: 10 }, url), 'DATABASE_LOCKED', url);
    await rejects(open({ driver, busyTimeout: 10, shared: true, thread: true }, url), 'DATABASE_LOCKED', url);
    await first.add('b'); // the others have not taken its lock away
    await rejects(open({ driver, busyTimeout: 10 }, url), 'DATABASE_LOCKED', url);
    await first.close();
    const second = await open({ driver }, url);
    assert.is((await second.list()).length, 2);
    await second.close();
  });

  test(`damage is found: in what is read, and by check in what is not (${driver})`, async () => {
    const file = newFile();
    const registry = await open({ driver }, `sqlite:${file}`);
    await Promise.all(Array.from({ length: 300 }, (_, i) => registry.add(`device-${i}`)));
    await registry.check();
    await registry.close();
    const bytes = readFileSync(file);
    const pageSize = bytes.readUInt16BE(16);
    // Every page but the first, which holds the schema: where it is read at once, opening says so.
    const spoiled = Buffer.from(bytes);
    spoiled.fill(0xa5, pageSize);
    writeFileSync(file, spoiled);
    await rejects(open({ driver }, `sqlite:${file}`), 'DATABASE_CORRUPT', file);
    // A row of no device is found by check alone.
    writeFileSync(file, bytes);
    const database = await raw(file);
    database.all('pragma foreign_keys = off');
    database.all("insert into queue (identity, id, first_outbox, first_id, made, deadline, again, repeat, body) values ('ghost', 1, 1, 1, 1, 1, 0, 0, x'00')");
    database.close();
    const again = await open({ driver }, `sqlite:${file}`);
    await rejects(again.check(), 'DATABASE_CORRUPT', '1 rows of queue belong to no device');
    assert.ok(again.find('device-7', 0), 'it goes on with what is whole');
    await again.close();
  });
}

test('a commit needs the flush of the log: the settings hold on the open connection', async () => {
  // Read where they are set: a connection of one's own would say nothing of the registry's.
  const { connect } = await import('../../dist/host/registry/database/connect.js');
  const { findDriver } = await import('../../dist/host/registry/database/driver.js');
  for (const name of drivers) {
    const file = newFile();
    const connection = await connect(await findDriver(name), { url: 'x', file, create: true, shared: false, busyTimeout: 1_000 });
    const setting = (of: string): unknown => Object.values(connection.all(`pragma ${of}`)[0]!)[0];
    assert.equal(['journal_mode', 'synchronous', 'foreign_keys', 'locking_mode', 'busy_timeout'].map(setting), ['wal', 2, 1, 'exclusive', 1_000]);
    await connection.close();
  }
});

test('close finishes what was called, is called once, and ends everything', async () => {
  const url = `sqlite:${newFile()}`;
  const registry = await open({ thread: true }, url);
  const added = registry.add('a');
  const queued = registry.enqueue('a', 'x');
  const closed = registry.close();
  assert.is(registry.close(), closed);
  assert.is((await added).length, 32);
  assert.is((await queued).next, 2);
  await rejects(registry.add('b'), 'CLOSED', 'registry');
  await rejects(registry.commit([]), 'CLOSED');
  await closed;
  const again = await open({}, url);
  assert.is((await again.list()).length, 1);
  await again[Symbol.asyncDispose]();
});

/** Opens a database by the installed package, in a thread and without one. */
function openInstalled(prepare: (modules: string) => void, url = 'sqlite::memory:'): { status: number | null; output: string } {
  return runInstalled(`
    import { openRegistry } from 'tidelock/registry';
    for (const thread of [true, false]) {
      await openRegistry('${url}', { thread, driver: 'better-sqlite3' }).then(() => console.log('opened'), ({ code, message }) => console.log(code, message));
    }`, prepare);
}

test('without a driver one error names the command that installs it', () => {
  const { status, output } = openInstalled(() => {});
  assert.is(status, 0, output);
  assert.is(output.match(/^DRIVER_MISSING .*better-sqlite3 is not installed\. Run `npm install better-sqlite3@12`\.$/gm)?.length, 2, output);
});

test('a driver that was installed without its compiled half is to be rebuilt', () => {
  const { status, output } = openInstalled((modules) => {
    mkdirSync(path.join(modules, 'better-sqlite3', 'lib'), { recursive: true });
    for (const name of ['package.json', 'lib']) cpSync(path.join(root, 'node_modules', 'better-sqlite3', name), path.join(modules, 'better-sqlite3', name), { recursive: true });
    for (const name of ['bindings', 'file-uri-to-path']) symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name), 'junction');
  });
  assert.is(status, 0, output);
  assert.is(output.match(/^DRIVER_MISSING .*not built for this Node \([^:]*\)\. Run `npm rebuild better-sqlite3`\.$/gm)?.length, 2, output);
});

/** Root may write everything, so this one runs as nobody; others run it as they are. */
const asNobody = process.platform === 'win32' ? skip(test, 'POSIX rights only') : test;
asNobody('a database or folder that may not be written is named', () => {
  const at = mkdtempSync(path.join(os.tmpdir(), 'tidelock-rights-'));
  try {
    const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    chmodSync(at, 0o755);
    // The package where nobody may read it: the checkout may lie below a closed folder.
    cpSync(path.join(root, 'dist', 'host'), path.join(at, 'host'), { recursive: true });
    cpSync(path.join(root, 'dist', 'assembly'), path.join(at, 'assembly'), { recursive: true });
    writeFileSync(path.join(at, 'package.json'), '{"type":"module"}');
    mkdirSync(path.join(at, 'closed'), { mode: 0o555 });
    writeFileSync(path.join(at, 'theirs.db'), '', { mode: 0o444 });
    writeFileSync(path.join(at, 'run.mjs'), `
      import { prepareFile } from './host/registry/database/file.js';
      for (const name of ['closed/a.db', 'theirs.db']) try { prepareFile(name, 'sqlite:' + name, true); console.log('opened'); } catch ({ code, message }) { console.log(code, message); }`);
    // Node too, for the same reason; where it is everybody's, nothing is lost by the copy.
    const node = path.join(at, 'node');
    if (process.getuid?.() === 0) copyFileSync(process.execPath, node, constants.COPYFILE_FICLONE);
    const run = process.getuid?.() === 0 ? node : process.execPath;
    const { status, stdout, stderr, error } = spawnSync(run, ['run.mjs'], { cwd: at, encoding: 'utf8', ...nobody });
    assert.is(status, 0, `${stderr}${error?.message ?? ''}`);
    assert.match(stdout, /^DATABASE_FAILED the database sqlite:closed\/a\.db failed: this user may not write into closed\. .*\nDATABASE_FAILED the database sqlite:theirs\.db failed: this user may not write it, or its folder\./);
  } finally {
    chmodSync(path.join(at, 'closed'), 0o755);
    rmSync(at, { recursive: true, force: true });
  }
});

test('a PostgreSQL URL: no password is shown, a server that is not there is named, a driver that is not there too', async () => {
  const nobody = 'postgres://user:secret@127.0.0.1:9/db';
  const error = await rejects(open({}, nobody), 'DATABASE_UNREACHABLE', 'postgres://user@127.0.0.1:9/db', 'ECONNREFUSED');
  assert.not.ok(JSON.stringify([error.message, error.details, error.stack]).includes('secret'));
  const wrong = await rejects(open({}, 'postgres://user:secret@127.0.0.1:9'), 'BAD_OPTION', 'DATABASE');
  assert.not.ok(JSON.stringify([wrong.message, wrong.details]).includes('secret'));
  const { status, output } = openInstalled(() => {}, 'postgres://localhost/db');
  assert.is(status, 0, output);
  assert.is(output.match(/^DRIVER_MISSING no driver for PostgreSQL: the package pg is not installed\. Run `npm install pg@8`\.$/gm)?.length, 2, output);
});

test.run();
