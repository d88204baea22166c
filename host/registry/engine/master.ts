/**
 * The master key, and whether the database's keys are wrapped under it. The row `wrapping` says so; it is read in the transaction
 * that reads or writes keys, and locked there, so that no key is ever written in the form that has just ended.
 */
import type { Kysely } from 'kysely';
import { TidelockError } from '../../errors.js';
import type { Tables } from '../database/schema.js';
import { statement } from '../database/statement.js';
import { builder } from './builder.js';
import { change, rowOf, type Context } from './context.js';
import { KEY_BYTES, Wrapper } from './wrapper.js';

const ROW = statement<Record<string, never>>()(() => builder.selectFrom('wrapping').select(['salt', 'check_value', 'scrub']).where('name', '=', 'master'));

const ROW_LOCKED = statement<Record<string, never>>()(() =>
  builder.selectFrom('wrapping').select(['salt', 'check_value', 'scrub']).where('name', '=', 'master').forUpdate());

const SET = statement<{ salt: Uint8Array; check: Uint8Array; scrub: number }>()((p) =>
  builder.updateTable('wrapping').set({ salt: p.salt, check_value: p.check, scrub: p.scrub }).where('name', '=', 'master'));

const SCRUBBED = statement<Record<string, never>>()(() => builder.updateTable('wrapping').set({ scrub: 0 }).where('name', '=', 'master'));

const ANY_KEY = statement<Record<string, never>>()(() =>
  builder.selectFrom('keys').select('key_id').where('state', 'in', ['current', 'next']).limit(1));

export class Master {
  readonly #database: string;
  #key: Uint8Array | undefined;
  #wrapper: Wrapper | undefined;

  /** `key`: becomes this object's, which wipes it. */
  constructor(key: Uint8Array | undefined, database: string) {
    this.#key = key;
    this.#database = database;
  }

  /**
   * How keys are wrapped now; undefined: they are not. Where the database holds no key yet, a master key that was given holds from now on.
   * Throws MASTER_KEY_MISSING, MASTER_KEY_WRONG, KEYS_NOT_WRAPPED.
   */
  async wrapper(context: Context): Promise<Wrapper | undefined> {
    const { salt, check_value: check, scrub } = (await rowOf(context, (context.locks ? ROW_LOCKED : ROW).with({})))!;
    if (scrub !== 0) context.scrub = true;
    if (salt.length === 0) {
      if (this.#key === undefined) return undefined;
      if ((await rowOf(context, ANY_KEY.with({}))) !== undefined) throw new TidelockError('KEYS_NOT_WRAPPED', { database: this.#database });
      const wrapper = new Wrapper(this.#key);
      await write(context, wrapper, false);
      return this.#keep(wrapper);
    }
    if (this.#wrapper !== undefined && Buffer.compare(salt, this.#wrapper.salt) === 0 && this.#wrapper.fits(check)) return this.#wrapper;
    if (this.#key === undefined) throw new TidelockError('MASTER_KEY_MISSING', { database: this.#database });
    const wrapper = new Wrapper(this.#key, Uint8Array.from(salt));
    if (!wrapper.fits(check)) throw new TidelockError('MASTER_KEY_WRONG', { database: this.#database });
    return this.#keep(wrapper);
  }

  /** Whether they are, whatever was given. */
  async wrapped(context: Context): Promise<boolean> {
    return (await rowOf(context, ROW.with({})))!.salt.length > 0;
  }

  /** A key's bytes from its row. Throws DATABASE_CORRUPT where they have another form, stand in another row's place, or were changed. */
  open(wrapper: Wrapper | undefined, identity: string, keyId: number, stored: Uint8Array): Uint8Array {
    const key = wrapper === undefined ? (stored.length === KEY_BYTES ? stored : undefined) : wrapper.unwrap(identity, keyId, stored);
    if (key !== undefined) return key;
    const reason = wrapper === undefined ? `key ${keyId} of ${identity} has ${stored.length} bytes` : `key ${keyId} of ${identity} is not what was wrapped there`;
    throw new TidelockError('DATABASE_CORRUPT', { database: this.#database, reason });
  }

  /** After the transaction in which it was written. */
  become(key: Uint8Array | undefined): void {
    this.wipe();
    this.#key = key;
  }

  /** A key that has not become the one of this database. */
  wipeOther(key: Uint8Array | undefined): void {
    if (key !== this.#key) key?.fill(0);
  }

  wipe(): void {
    this.#key?.fill(0);
    this.#wrapper?.wipe();
    this.#key = this.#wrapper = undefined;
  }

  #keep(wrapper: Wrapper): Wrapper {
    this.#wrapper?.wipe();
    return (this.#wrapper = wrapper);
  }
}

/** `scrub`: the file may hold what rows held before, until it is cleared. */
export async function write(context: Context, wrapper: Wrapper | undefined, scrub: boolean): Promise<void> {
  const nothing = new Uint8Array(0);
  await change(context, SET.with({ salt: wrapper?.salt ?? nothing, check: wrapper?.check ?? nothing, scrub: scrub ? 1 : 0 }));
}

export async function scrubbed(db: Kysely<Tables>): Promise<void> {
  await db.executeQuery(SCRUBBED.with({}));
}
