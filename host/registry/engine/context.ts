/** What an operation runs with. */
import type { CompiledQuery, Kysely } from 'kysely';
import type { Tables } from '../database/schema.js';
import type { Ended, RegistryLimits } from '../types.js';
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
  /** Set where the tally may be wrong once this is committed. */
  recount: boolean;
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
