/** What the engine needs of a database, whichever it is. */
import type { Kysely } from 'kysely';
import type { Tables } from './schema.js';

/** Whether the database can be reached; told when it changes. */
export interface DatabaseState {
  readonly available: boolean;
  /** What is waited for, in words; empty where it is available. */
  readonly reason: string;
  /** Unix ms: since when it is so. */
  readonly since: number;
}

export interface Connection {
  /** Of the driver, such as `node:sqlite`, and the database's own version. */
  readonly driver: string;
  readonly version: string;
  /** Others may write at the same time: a row that is read in order to be written must be locked. */
  readonly locks: boolean;
  /**
   * Runs `run` in a transaction; fulfilled when it is committed. Where the connection is lost `run` may be called again, so that
   * it must begin anew each time. Throws what the driver throws.
   */
  transact(run: (db: Kysely<Tables>) => Promise<void>): Promise<void>;
  /** Clears the database of what its rows held before, as far as it is in its hands. */
  scrub(): Promise<void>;
  /** Reads everything for damage. Throws DATABASE_CORRUPT. */
  check(): Promise<void>;
  /** What an operator should know of how the database is set up. */
  remarks(): Promise<Remark[]>;
  close(): Promise<void>;
}

export interface Remark {
  /** `warn`: it works, and promises less than it could. */
  readonly verdict: 'ok' | 'warn';
  readonly text: string;
  readonly action: string;
}
