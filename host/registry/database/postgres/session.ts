/** One connection to the server from its first byte to its last: opened, set up, locked; and the word that it is lost. */
import type pg from 'pg';
import { TidelockError } from '../../../errors.js';
import { numbers } from './driver.js';

/** ms. A server that says nothing for so long is as good as gone. */
const CONNECT_TIMEOUT = 10_000;
const QUERY_TIMEOUT = 60_000;
/** ms between two looks at a lock that another process has. */
const LOCK_AGAIN = 100;

/** First half of our advisory locks: 'tide'. The second is the schema's, for several may share a database. */
const LOCK_CLASS = 0x74696465;

export interface SessionOptions {
  module: typeof pg;
  connection: string;
  /** For errors. */
  url: string;
  shared: boolean;
  /** ms. */
  busyTimeout: number;
}

export class PostgresSession {
  readonly client: pg.Client;
  /** What it was lost by. */
  lost: unknown;
  #ended = false;
  readonly #onLost: () => void;

  private constructor(client: pg.Client, onLost: () => void) {
    this.client = client;
    this.#onLost = onLost;
    client.on('error', (error) => this.lose(error));
    client.on('end', () => this.lose(new Error('the server closed the connection')));
  }

  /** `onLost` is called once. Throws what the driver throws, DATABASE_LOCKED, and DATABASE_FAILED for a server that promises too little. */
  static async open(options: SessionOptions, onLost: () => void): Promise<PostgresSession> {
    const { module, connection, busyTimeout } = options;
    const client = new module.Client({
      connectionString: connection,
      types: numbers(module),
      application_name: 'tidelock',
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      query_timeout: QUERY_TIMEOUT,
      lock_timeout: Math.max(1, busyTimeout), // 0 would be for ever
    });
    const session = new PostgresSession(client, onLost);
    try {
      await client.connect();
      await checkDurable(client, options.url);
      await lock(client, options);
      if (session.lost !== undefined) throw session.lost as Error;
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  lose(error: unknown): void {
    if (this.lost !== undefined) return;
    this.lost = error;
    if (this.#ended) return;
    this.#destroy();
    this.#onLost();
  }

  /** Its locks end with it. */
  close(): void {
    this.#ended = true;
    this.#destroy();
  }

  #destroy(): void {
    // Not `end` alone: it would wait for a query that may never be answered.
    this.client.end().catch(() => {});
    const { stream } = (this.client as unknown as { connection: { stream: { destroy(): void } } }).connection;
    setImmediate(() => stream.destroy()); // the farewell has left by then, where anybody hears it
  }
}

/** A commit that is told must be on the server's disk. */
async function checkDurable(client: pg.Client, url: string): Promise<void> {
  const { rows } = await client.query<{ fsync: string; commit: string }>("select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit");
  const { fsync, commit } = rows[0]!;
  if (fsync !== 'on') {
    throw new TidelockError('DATABASE_FAILED', { database: url, reason: 'its server runs with fsync = off, so that an acknowledged message could be lost; set it to on' });
  }
  // `off` tells a commit before it is on the disk; `local` does not wait for the standby that is to take over.
  if (commit === 'off' || commit === 'local') await client.query('set synchronous_commit = on');
}

async function lock(client: pg.Client, { shared, busyTimeout, url }: SessionOptions): Promise<void> {
  const text = `select pg_try_advisory_lock${shared ? '_shared' : ''}(${LOCK_CLASS}, hashtext(current_schema())) as held`;
  for (let waited = 0; ; waited += LOCK_AGAIN) {
    const { rows } = await client.query<{ held: boolean }>(text);
    if (rows[0]!.held) return;
    if (waited >= busyTimeout) throw new TidelockError('DATABASE_LOCKED', { database: url });
    await new Promise((resolve) => setTimeout(resolve, LOCK_AGAIN));
  }
}
