/** What the registry's tests share: folders that go away, the drivers of this Node, a clock of their own, a session's shorthand. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as assert from 'uvu/assert';
import type { TidelockError } from 'tidelock';
import { openRegistry, type Lease, type Received, type Registry, type RegistryOptions, type Takeover, type Verdict } from 'tidelock/registry';
import { findDriver, type DriverName, type OpenDatabase } from '../../dist/host/registry/database/driver.js';

const folders: string[] = [];
process.once('exit', () => {
  for (const made of folders) rmSync(made, { recursive: true, force: true });
});

/** A new folder below the system's for such; it is deleted when the process ends. */
export function folder(): string {
  const made = mkdtempSync(path.join(os.tmpdir(), 'tidelock-registry-'));
  folders.push(made);
  return made;
}

export function newFile(): string {
  return path.join(folder(), 'test.db');
}

/** Every driver that works here; at least one must. */
export const drivers: DriverName[] = [];
for (const name of ['node:sqlite', 'better-sqlite3'] as const) {
  try {
    await findDriver(name);
    drivers.push(name);
  } catch (error) {
    if ((error as TidelockError).code !== 'DRIVER_MISSING') throw error;
  }
}
if (drivers.length === 0) throw new Error('no SQLite driver here: run `npm rebuild better-sqlite3`, or a Node with node:sqlite');

/**
 * Which database the suites run on: SQLite, unless postgres-suites.ts was here first. A suite says where it is about
 * one of them alone.
 */
export const engine: { name: 'sqlite' | 'postgres'; place(): Promise<string> } = { name: 'sqlite', place: async () => `sqlite:${newFile()}` };

/** URL of a new database. */
export function newPlace(): Promise<string> {
  return engine.place();
}

/** The SQLite drivers where that is what is tested; else the one of the other engine. */
export const driversHere = (): (DriverName | 'auto')[] => (engine.name === 'sqlite' ? drivers : ['auto']);

export interface Outside {
  /** One statement without parameters. */
  all(sql: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** The database at a URL, as another program would see it. */
export async function outside(url: string): Promise<Outside> {
  if (engine.name === 'sqlite') {
    const database = await raw(url.slice('sqlite:'.length));
    return { all: async (sql) => database.all(sql), close: async () => database.close() };
  }
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return { all: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows, close: () => client.end() };
}

/** From now on an insert into `table` fails where `when` holds of the new row, with `message`. */
export async function failInserts({ all }: Outside, name: string, table: string, when: string, message: string): Promise<void> {
  if (engine.name === 'sqlite') {
    await all(`create trigger ${name} before insert on ${table} when ${when} begin select raise(abort, '${message}'); end`);
    return;
  }
  await all(`create function ${name}() returns trigger language plpgsql as $$ begin raise integrity_constraint_violation using message = '${message}'; end $$`);
  await all(`create trigger ${name} before insert on ${table} for each row when (${when}) execute function ${name}()`);
}

/** The file itself, as another program would see it. */
export async function raw(file: string): Promise<OpenDatabase> {
  return (await findDriver('auto')).open(file);
}

export class TestClock {
  constructor(public now = 1_700_000_000_000) {}

  readonly unix = (): number => this.now;
}

/** In memory and in this thread, unless said otherwise. */
export async function open(options: RegistryOptions = {}, url?: string): Promise<Registry> {
  return openRegistry(url ?? (engine.name === 'sqlite' ? 'sqlite::memory:' : await newPlace()), { thread: false, ...options });
}

/** A device with a session, which takes and acknowledges number 1 of a queue by itself where `primed`. */
export async function session(registry: Registry, identity: string, outbox = 1): Promise<Session> {
  if (registry.find(identity, 0) === undefined) await registry.add(identity);
  const takeover = await registry.takeover(identity, outbox);
  assert.ok(takeover, 'the takeover was refused');
  return new Session(registry, takeover);
}

export class Session {
  readonly lease: Lease;
  readonly receipts: Takeover['receipts'];

  constructor(readonly registry: Registry, takeover: Takeover) {
    this.lease = takeover.lease;
    this.receipts = takeover.receipts;
  }

  /** One message a text, numbered from `first`; undefined is a SKIP. */
  messages(first: number, ...texts: (string | undefined)[]): Received[] {
    return texts.map((text, i) => ({
      lease: this.lease, id: first + i, time: 1_000_000 + first + i, repeat: false, body: text === undefined ? undefined : Buffer.from(text),
    }));
  }

  commit(first: number, ...texts: (string | undefined)[]): Promise<Verdict[]> {
    return this.registry.commit(this.messages(first, ...texts));
  }

  /** Sends the SKIP that opens an outbox, and takes its ACK. */
  async prime(): Promise<void> {
    assert.equal((await this.registry.take(this.lease, 1, 1))?.map(({ id, body }) => [id, body]), [[1, undefined]]);
    await this.registry.delivered(this.lease, 1);
  }

  /** What `take` gives, as [number, text]; undefined is a SKIP. */
  async take(first: number, count: number): Promise<[number, string | undefined][] | undefined> {
    const out = await this.registry.take(this.lease, first, count);
    return out?.map(({ id, body }) => [id, body === undefined ? undefined : Buffer.from(body).toString()]);
  }
}

/** Texts of the inbox, in its order. */
export async function inboxTexts(registry: Registry): Promise<string[]> {
  const texts: string[] = [];
  for (let after = 0; ; ) {
    const rows = await registry.read({ after, limit: 7 });
    if (rows.length === 0) return texts;
    texts.push(...rows.map(({ identity, body }) => `${identity}:${body.toString()}`));
    after = rows.at(-1)!.position;
  }
}

/** Asserts the code of a rejection, and that the message names what was wrong. */
export async function rejects(promise: Promise<unknown>, code: string, ...words: string[]): Promise<TidelockError> {
  let error: TidelockError | undefined;
  try {
    await promise;
  } catch (thrown) {
    error = thrown as TidelockError;
  }
  assert.ok(error !== undefined, `not rejected with ${code}`);
  assert.is(error.code, code, error.stack ?? '');
  for (const word of words) assert.ok(error.message.includes(word), `${word} is not named in: ${error.message}`);
  return error;
}
