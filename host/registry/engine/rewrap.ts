/** All keys into another form, in one transaction: wrapped, under another master key, or plain. */
import { statement } from '../database/statement.js';
import { builder } from './builder.js';
import { change, rowsOf, type Context } from './context.js';
import { raise } from './devices.js';
import { write } from './master.js';
import type { Params, Result } from './operations.js';
import { Wrapper } from './wrapper.js';

const OPENING = statement<Record<string, never>>()(() =>
  builder.selectFrom('keys').select(['identity', 'key_id', 'key']).where('state', 'in', ['current', 'next']).orderBy('identity').orderBy('key_id'));

const OPENING_LOCKED = statement<Record<string, never>>()(() =>
  builder.selectFrom('keys').select(['identity', 'key_id', 'key']).where('state', 'in', ['current', 'next']).orderBy('identity').orderBy('key_id').forUpdate());

const SET = statement<{ identity: string; keyId: number; key: Uint8Array }>()((p) =>
  builder.updateTable('keys').set({ key: p.key }).where('identity', '=', p.identity).where('key_id', '=', p.keyId));

/** Keys between two words about how far it is. */
const TOLD_EVERY = 1_000;

export async function rewrap(context: Context, { to }: Params<'rewrap'>): Promise<Result<'rewrap'>> {
  const { master } = context;
  const from = await master.wrapper(context);
  const rows = await rowsOf(context, (context.locks ? OPENING_LOCKED : OPENING).with({}));
  // All are opened before the first is written: one that does not open must leave everything as it is.
  const keys = rows.map(({ identity, key_id, key }) => master.open(from, identity, key_id, key));
  const wrapper = to === undefined ? undefined : new Wrapper(to);
  try {
    for (const [i, { identity, key_id }] of rows.entries()) {
      const key = wrapper === undefined ? keys[i]! : wrapper.wrap(identity, key_id, keys[i]!);
      await change(context, SET.with({ identity, keyId: key_id, key }));
      if ((i + 1) % TOLD_EVERY === 0) context.progress(i + 1, rows.length);
    }
  } finally {
    for (const key of keys) key.fill(0);
  }
  await write(context, wrapper, true);
  wrapper?.wipe();
  context.scrub = true;
  context.rewrapped = true;
  return { keys: rows.length, version: await raise(context) };
}
