/** Opens a SQLite database: the settings that make a commit durable, the lock, and the tables of this version. */
import { CompiledQuery, Kysely, SqliteDialect, SqliteDriver, type DatabaseConnection, type SqliteDialectConfig } from 'kysely';
import { TidelockError } from '../../errors.js';
import type { Connection } from './connection.js';
import { SQLITE } from './dialect.js';
import type { Driver, OpenDatabase } from './driver.js';
import { databaseError } from './faults.js';
import { prepareFile } from './file.js';
import { migrate } from './migrations.js';
import type { Tables } from './schema.js';

export interface ConnectOptions {
  /** As the user wrote it, for errors. */
  url: string;
  /** Undefined: in memory. */
  file: string | undefined;
  create: boolean;
  shared: boolean;
  /** ms. */
  busyTimeout: number;
}

export interface SqliteConnection extends Connection {
  /** Settings, which are no statements of the builder's. */
  all(sql: string): Record<string, unknown>[];
}

/** Throws DATABASE_* with what is wrong. */
export async function connect(driver: Driver, options: ConnectOptions): Promise<SqliteConnection> {
  const { url, file } = options;
  if (file !== undefined) prepareFile(file, url, options.create);
  let database: OpenDatabase | undefined;
  try {
    database = driver.open(file ?? ':memory:');
    configure(database, options);
    const db = new Kysely<Tables>({ dialect: new ImmediateDialect({ database }) });
    await migrateAll(db, database, url);
    const open = database;
    return {
      driver: driver.name,
      version: String(open.all('select sqlite_version() as version')[0]!['version']),
      locks: false,
      all: (text) => open.all(text),
      transact: (run) => db.transaction().execute(run),
      scrub: async () => scrub(open),
      check: async () => checkWhole(open, url),
      remarks: async () => [],
      close: async () => open.close(),
    };
  } catch (error) {
    try {
      database?.close();
    } catch {
      // The first error says more.
    }
    throw databaseError(error, url);
  }
}

function configure(database: OpenDatabase, { url, file, shared, busyTimeout }: ConnectOptions): void {
  database.all(`pragma busy_timeout = ${busyTimeout}`);
  // Before the first access, so that the lock is held from it on and the WAL's index needs no shared memory.
  if (!shared) database.all('pragma locking_mode = exclusive');
  const mode = String(database.all('pragma journal_mode = wal')[0]?.['journal_mode']);
  if (file !== undefined && mode !== 'wal') {
    throw new TidelockError('DATABASE_FAILED', { database: url, reason: `its file system allows no write-ahead log (journal mode ${mode})` });
  }
  // FULL: in WAL mode each commit flushes the log before it returns (sqlite.org/pragma.html#pragma_synchronous).
  database.all('pragma synchronous = full');
  if (process.platform === 'darwin') {
    // There fsync leaves the bytes in the drive's cache; F_FULLFSYNC does not.
    database.all('pragma fullfsync = on');
    database.all('pragma checkpoint_fullfsync = on');
  }
  database.all('pragma foreign_keys = on');
  database.all('pragma trusted_schema = off');
  database.all('pragma secure_delete = fast');
  // 16 MiB of pages; and the log shrinks again after a burst.
  database.all('pragma cache_size = -16384');
  database.all('pragma journal_size_limit = 67108864');
}

/** The file is written anew from the rows alone, and the log, which has what was before, is cut to nothing. */
function scrub(database: OpenDatabase): void {
  database.all('pragma secure_delete = on');
  database.all('vacuum');
  const [result] = database.all('pragma wal_checkpoint(truncate)');
  database.all('pragma secure_delete = fast');
  if (result?.['busy'] !== 0) throw new Error('another process reads the database, so its log cannot be cut');
}

function checkWhole(database: OpenDatabase, url: string): void {
  const found = database.all('pragma integrity_check(3)').map((row) => String(Object.values(row)[0]));
  if (found[0] !== 'ok') throw new TidelockError('DATABASE_CORRUPT', { database: url, reason: found.join('; ') });
  const orphans = database.all('pragma foreign_key_check');
  if (orphans.length > 0) {
    throw new TidelockError('DATABASE_CORRUPT', { database: url, reason: `${orphans.length} rows of ${String(orphans[0]!['table'])} belong to no device` });
  }
}

/** It takes the write lock in any case: a locked database shows here. */
async function migrateAll(db: Kysely<Tables>, database: OpenDatabase, url: string): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    const there = database.all("select name from sqlite_master where type = 'table'").map((row) => String(row['name']));
    await migrate(transaction, SQLITE, new Set(there), url);
  });
}

/**
 * Every transaction of ours writes, so it takes the write lock at its beginning: one that began by reading could fail
 * in the middle without waiting (SQLITE_BUSY_SNAPSHOT), where the database is shared.
 */
class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  /** After a full disk or a failed write SQLite has rolled back by itself; that there is nothing left to do must not hide why. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await super.rollbackTransaction(connection).catch(() => {});
  }
}

class ImmediateDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig;

  constructor(config: SqliteDialectConfig) {
    super(config);
    this.#config = config;
  }

  override createDriver(): ImmediateDriver {
    return new ImmediateDriver(this.#config);
  }
}
