/**
 * A PostgreSQL database that may go away and come back. While it is away transactions wait a little and then fail, so that devices
 * are told busy; the connection is sought all the while. A transaction that was under way is run again, once it is
 * known that it was not committed: each leaves a count of its process in the database, in the same commit.
 */
import { randomBytes } from 'node:crypto';
import { Kysely } from 'kysely';
import type pg from 'pg';
import { TidelockError } from '../../../errors.js';
import type { Connection, DatabaseState, Remark } from '../connection.js';
import { POSTGRES } from '../dialect.js';
import { databaseError, isServerGone, reasonOf, sqlState } from '../faults.js';
import { migrate } from '../migrations.js';
import type { Tables } from '../schema.js';
import { PostgresLikeDialect, type ClientSource } from './dialect.js';
import { findPg } from './driver.js';
import { checkTables, remarks } from './look.js';
import { PostgresSession, type SessionOptions } from './session.js';

export interface PostgresOptions {
  connection: string;
  url: string;
  create: boolean;
  shared: boolean;
  /** ms that a transaction waits for the server, or for another process's lock. */
  busyTimeout: number;
}

/** ms between two tries to reach the server: doubled from the first to the last. */
const FIRST_AGAIN = 50;
const LAST_AGAIN = 5_000;
/** Of processes that ended without a farewell: ms after which their counts are of no use to anybody. */
const KEEP_COUNTS = 30 * 86_400_000;
/** A deadlock or a failed serialization is tried again, so often. */
const CONFLICTS = 10;

interface Waiter {
  resolve(): void;
  reject(error: TidelockError): void;
}

export class PostgresConnection implements Connection, ClientSource {
  readonly driver = 'pg';
  readonly locks = true;
  version = '';
  readonly #options: SessionOptions & PostgresOptions;
  readonly #tell: (state: DatabaseState) => void;
  readonly #db: Kysely<Tables>;
  /** This process, in `commits`. */
  readonly #writer = randomBytes(12).toString('hex');
  #count = 0;
  #committing = false;
  #session: PostgresSession | undefined;
  /** Unix ms; 0: it is there. */
  #lostAt = 0;
  /** Of the monotonic clock: how long a transaction waits. */
  #waitUntil = 0;
  #reason: unknown;
  #again: NodeJS.Timeout | undefined;
  #closed = false;
  readonly #waiters = new Set<Waiter>();

  private constructor(options: SessionOptions & PostgresOptions, tell: (state: DatabaseState) => void) {
    this.#options = options;
    this.#tell = tell;
    this.#db = new Kysely<Tables>({ dialect: new PostgresLikeDialect(this) });
  }

  /** Throws DRIVER_MISSING and DATABASE_*: where it cannot be reached at once, it is not waited for. */
  static async open(options: PostgresOptions, tell: (state: DatabaseState) => void): Promise<PostgresConnection> {
    const connection = new PostgresConnection({ ...options, module: await findPg() }, tell);
    try {
      await connection.#connect();
      await connection.#prepare();
      return connection;
    } catch (error) {
      await connection.close();
      throw asError(error, options.url);
    }
  }

  // ---- For the dialect ----

  async client(): Promise<pg.Client> {
    if (this.#session === undefined) throw this.#unreachable();
    return this.#session.client;
  }

  async mark(client: pg.Client): Promise<void> {
    await client.query({
      name: 'tidelock_mark',
      text: 'insert into commits (writer, count, since) values ($1, $2, $3) on conflict (writer) do update set count = excluded.count',
      values: [this.#writer, this.#count, Date.now()],
    });
  }

  committing(): void {
    this.#committing = true;
  }

  // ---- For the engine ----

  async transact(run: (db: Kysely<Tables>) => Promise<void>): Promise<void> {
    this.#count += 1;
    for (let conflicts = 0; ; ) {
      await this.#there();
      const session = this.#session;
      if (session === undefined) continue; // it went again at once
      this.#committing = false;
      try {
        return await this.#db.transaction().execute(run);
      } catch (error) {
        const state = sqlState(error);
        if ((state === '40001' || state === '40P01') && ++conflicts < CONFLICTS) continue;
        if (session.lost === undefined && !isLoss(error)) throw error;
        session.lose(error);
      }
      if (this.#committing && (await this.#wasCommitted())) return;
    }
  }

  async scrub(): Promise<void> {
    await this.#there();
    // The table is written anew, and the file with the rows of before removed.
    await this.#session!.client.query('vacuum full keys');
  }

  async check(): Promise<void> {
    await this.#there();
    await checkTables(this.#session!.client, this.#options.url);
  }

  async remarks(): Promise<Remark[]> {
    await this.#there();
    return remarks(this.#session!.client);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#again);
    const session = this.#session;
    this.#session = undefined;
    for (const { reject } of this.#waiters) reject(new TidelockError('CLOSED', { what: 'the registry' }));
    this.#waiters.clear();
    if (session === undefined || session.lost !== undefined) return;
    await session.client.query('delete from commits where writer = $1', [this.#writer]).catch(() => {});
    session.close();
  }

  // ---- There and away ----

  async #connect(): Promise<void> {
    const session = await PostgresSession.open(this.#options, () => this.#onLost(session));
    if (this.#closed) return session.close();
    this.#session = session;
  }

  #onLost(session: PostgresSession): void {
    if (this.#session !== session || this.#closed) return;
    this.#session = undefined;
    this.#lostAt = Date.now();
    this.#waitUntil = performance.now() + this.#options.busyTimeout;
    this.#reason = session.lost;
    this.#tellWaiting();
    this.#seek(FIRST_AGAIN);
  }

  #seek(wait: number): void {
    this.#again = setTimeout(() => {
      this.#connect().then(() => this.#back(), (error: unknown) => {
        if (this.#closed) return;
        const changed = reasonOf(error) !== reasonOf(this.#reason);
        this.#reason = error;
        if (changed) this.#tellWaiting();
        this.#seek(Math.min(2 * wait, LAST_AGAIN));
      });
    }, wait);
    this.#again.unref();
  }

  #back(): void {
    if (this.#session === undefined) return;
    this.#lostAt = 0;
    this.#tell({ available: true, reason: '', since: Date.now() });
    for (const { resolve } of this.#waiters) resolve();
    this.#waiters.clear();
  }

  #tellWaiting(): void {
    const { details, problem } = this.#unreachable();
    this.#tell({ available: false, reason: String(details['reason'] ?? problem), since: this.#lostAt });
  }

  /** Waits for the server, as long as a transaction may. Throws DATABASE_UNREACHABLE, or what keeps it from coming back. */
  #there(): Promise<void> {
    if (this.#session !== undefined) return Promise.resolve();
    if (this.#closed) return Promise.reject(new TidelockError('CLOSED', { what: 'the registry' }));
    const left = this.#waitUntil - performance.now();
    // Once it is known to be away, nobody waits for it: what comes meanwhile is told busy at once.
    if (left <= 0) return Promise.reject(this.#unreachable());
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        resolve: () => {
          settle();
          resolve();
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      const timer = setTimeout(() => waiter.reject(this.#unreachable()), left);
      this.#waiters.add(waiter);
    });
  }

  #unreachable(): TidelockError {
    return asError(this.#reason, this.#options.url);
  }

  /** The commit's answer did not come: the count tells. It waits for the row, which an old connection may still hold. */
  async #wasCommitted(): Promise<boolean> {
    for (;;) {
      await this.#there();
      const session = this.#session!;
      try {
        const { rows } = await session.client.query<{ count: number }>('select count from commits where writer = $1 for update', [this.#writer]);
        return rows[0]?.count === this.#count;
      } catch (error) {
        if (session.lost === undefined && !isLoss(error)) throw error;
        session.lose(error);
      }
    }
  }

  async #prepare(): Promise<void> {
    const { url, create } = this.#options;
    const { client } = this.#session!;
    const { rows } = await client.query<{ version: string }>("select current_setting('server_version') as version");
    this.version = rows[0]!.version;
    await client.query('begin');
    // Others that share it may be at the same.
    await client.query("select pg_advisory_xact_lock(hashtext('tidelock'), hashtext(current_schema()))");
    const tables = await client.query<{ name: string }>('select table_name as name from information_schema.tables where table_schema = current_schema()');
    const there = new Set(tables.rows.map(({ name }) => name));
    if (!create && !there.has('tidelock')) throw new TidelockError('DATABASE_FAILED', { database: url, reason: 'it has no tables of Tidelock' });
    await migrate(new Kysely<Tables>({ dialect: new PostgresLikeDialect(this) }), POSTGRES, there, url);
    await client.query('delete from commits where since < $1', [Date.now() - KEEP_COUNTS]);
    await client.query('commit');
  }
}

/** The connection is no good any more, whatever the driver has said of it so far. */
function isLoss(error: unknown): boolean {
  if (isServerGone(error)) return true;
  if (error instanceof TidelockError) return error.code === 'DATABASE_UNREACHABLE';
  if (sqlState(error) !== undefined || !(error instanceof Error)) return false;
  const { code, message } = error as NodeJS.ErrnoException;
  return (typeof code === 'string' && /^(E[A-Z]+)$/.test(code)) || /^Connection terminated|^Query read timeout|not queryable|closed the connection/.test(message);
}

/** Of what came before the server could answer, or instead of an answer. */
function asError(error: unknown, url: string): TidelockError {
  if (error instanceof TidelockError || sqlState(error) !== undefined) return databaseError(error, url);
  return new TidelockError('DATABASE_UNREACHABLE', { database: url, reason: reasonOf(error) }, { cause: error });
}
