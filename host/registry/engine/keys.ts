/**
 * The keys of a device: which of them open, and how one follows another. A key that opens nothing any more has lost its
 * bytes; its row stays, so that its number is not given again.
 */
import { TidelockError } from '../../errors.js';
import { statement } from '../database/statement.js';
import type { KeyEntry, KeyState } from '../types.js';
import { builder } from './builder.js';
import { change, rowsOf, type Context } from './context.js';
import { exists, raise, stored } from './devices.js';
import type { Params, Result } from './operations.js';

/** ms without a session under it after which a key whose follower is in use is retired. */
const UNUSED = 7 * 86_400_000;
/** ms: how exactly the last use of a key is known, so that a storm of sessions writes no row twice. */
const USED_EXACTLY = 3_600_000;

const OF = statement<{ identity: string }>()((p) =>
  builder.selectFrom('keys').select(['key_id', 'state', 'created', 'used']).where('identity', '=', p.identity).orderBy('created').orderBy('key_id'));

const INSERT = statement<{ identity: string; keyId: number; key: Uint8Array; created: number; state: string }>()((p) =>
  builder.insertInto('keys').values({ identity: p.identity, key_id: p.keyId, key: p.key, created: p.created, state: p.state, used: null }));

const SET = statement<{ identity: string; keyId: number; state: string }>()((p) =>
  builder.updateTable('keys').set({ state: p.state }).where('identity', '=', p.identity).where('key_id', '=', p.keyId));

const END = statement<{ identity: string; keyId: number; state: string; nothing: Uint8Array }>()((p) =>
  builder.updateTable('keys').set({ state: p.state, key: p.nothing }).where('identity', '=', p.identity).where('key_id', '=', p.keyId));

const USED = statement<{ identity: string; keyId: number; now: number; before: number }>()((p) =>
  builder.updateTable('keys').set({ used: p.now })
    .where('identity', '=', p.identity).where('key_id', '=', p.keyId)
    .where((eb) => eb.or([eb('used', 'is', null), eb('used', '<', p.before)])));

export async function keysOf(context: Context, { identity }: Params<'keys'>): Promise<KeyEntry[]> {
  const rows = await rowsOf(context, OF.with({ identity }));
  if (rows.length === 0) await exists(context, identity);
  return rows.map(({ key_id, state, created, used }) => ({ keyId: key_id, state: state as KeyState, created, used: used ?? undefined }));
}

export async function rotate(context: Context, { identity, key, now }: Params<'rotate'>): Promise<Result<'rotate'>> {
  const keys = await keysOf(context, { identity });
  const next = keys.find(({ state }) => state === 'next');
  if (next !== undefined) throw wrong(identity, next.keyId, 'is its next one already');
  // The number behind the last one that was given, around 255 past those that there are rows of.
  const taken = new Set(keys.map(({ keyId }) => keyId));
  const last = keys.at(-1)?.keyId ?? 255;
  const keyId = Array.from({ length: 256 }, (_, i) => (last + 1 + i) & 0xff).find((id) => !taken.has(id));
  if (keyId === undefined) throw wrong(identity, last, 'was the last of 256');
  await change(context, INSERT.with({ identity, keyId, key: await stored(context, identity, keyId, key), created: now, state: 'next' }));
  return { keyId, version: await raise(context) };
}

export async function endKey(context: Context, { identity, keyId, state }: Params<'endKey'>): Promise<number | undefined> {
  const keys = await keysOf(context, { identity });
  const entry = keys.find((key) => key.keyId === keyId);
  if (entry === undefined) throw wrong(identity, keyId, 'does not exist');
  if (!opens(entry)) {
    if (entry.state === state || state === 'retired') return undefined;
    await change(context, SET.with({ identity, keyId, state })); // retired, and now known to others
    return undefined;
  }
  // Without a key nothing opens: for a revoked one that is meant, a retired one has a follower.
  if (state === 'retired' && !keys.some((key) => key !== entry && opens(key))) throw wrong(identity, keyId, 'is the only one that opens');
  await end(context, identity, keys, entry, state);
  return raise(context);
}

/** A session begins under this key. True: another key has ended by it. */
export async function used(context: Context, identity: string, keyId: number, rotating: boolean, now: number): Promise<boolean> {
  await change(context, USED.with({ identity, keyId, now, before: now - USED_EXACTLY }));
  if (!rotating) return false;
  const keys = await keysOf(context, { identity });
  const current = keys.find(({ state }) => state === 'current');
  // Never by the first use of the next one: a device that cannot keep its new key comes back with the old.
  if (current === undefined || keys.find((key) => key.keyId === keyId)?.state !== 'next' || (current.used ?? current.created) > now - UNUSED) return false;
  await end(context, identity, keys, current, 'retired');
  return true;
}

async function end(context: Context, identity: string, keys: readonly KeyEntry[], { keyId, state: before }: KeyEntry, state: KeyState): Promise<void> {
  await change(context, END.with({ identity, keyId, state, nothing: new Uint8Array(0) }));
  const next = keys.find((key) => key.state === 'next' && key.keyId !== keyId);
  if (before === 'current' && next !== undefined) await change(context, SET.with({ identity, keyId: next.keyId, state: 'current' }));
}

function opens({ state }: KeyEntry): boolean {
  return state === 'current' || state === 'next';
}

function wrong(identity: string, key: number, problem: string): TidelockError {
  return new TidelockError('KEY_STATE', { identity, key, problem });
}
