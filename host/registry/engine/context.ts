/** What an operation runs with. */
import type { CompiledQuery, Kysely } from 'kysely';
import type { Tables } from '../database/schema.js';
import type { Ended, RegistryLimits } from '../types.js';
import type { Master } from './master.js';
import type { Tally } from './tally.js';

export interface Context {
  /** The transaction of the group. */
  readonly db: Kysely<Tables>;
  readonly tally: Tally;
  readonly limits: Required<RegistryLimits>;
  /** What ended; told when the transaction is committed. */
  readonly ended: Ended[];
  /** A row that is read in order to be written must be locked. */
  readonly locks: boolean;
  readonly master: Master;
  /** How far a long operation is; told before anything is committed. */
  readonly progress: (done: number, of: number) => void;
  /** Set where the tally may be wrong once this is committed. */
  recount: boolean;
  /** Set where the keys have another form once this is committed. */
  rewrapped: boolean;
  /** Set where the database may still hold keys as they were. */
  scrub: boolean;
  /** Set where results for the broker were written. */
  told: boolean;
}

export async function rowsOf<R>({ db }: Context, query: CompiledQuery<R>): Promise<R[]> {
  return (await db.executeQuery(query)).rows;
}

/** The first row, or undefined. */
export async function rowOf<R>({ db }: Context, query: CompiledQuery<R>): Promise<R | undefined> {
  return (await db.executeQuery(query)).rows[0];
}

/** How many rows a statement without RETURNING changed. */
export async function change({ db }: Context, query: CompiledQuery<unknown>): Promise<number> {
  return Number((await db.executeQuery(query)).numAffectedRows ?? 0n);
}
