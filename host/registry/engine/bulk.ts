/** All devices out of the database, or many into it at once: in one transaction, all or none. */
import { newOutboxNumber } from '../../delivery/outbox.js';
import { TidelockError } from '../../errors.js';
import { statement } from '../database/statement.js';
import type { Imported, PackedRecords } from '../records.js';
import type { DeviceProtocol } from '../types.js';
import { builder } from './builder.js';
import { change, rowsOf, type Context } from './context.js';
import { ADD, raise } from './devices.js';
import { PROTOCOLS, type Params } from './operations.js';
import { KEY_BYTES, type Wrapper } from './wrapper.js';

const DEVICES = statement<Record<string, never>>()(() => builder.selectFrom('devices').select(['identity', 'disabled', 'protocol', 'created']).orderBy('identity'));

const KEYS = statement<Record<string, never>>()(() =>
  builder.selectFrom('keys').select(['identity', 'key_id', 'key', 'state', 'created'])
    .where('state', 'in', ['current', 'next']).orderBy('identity').orderBy('key_id'));

/** `withKeys` false: their bytes stay here. */
export async function exportAll(context: Context, { withKeys }: Params<'export'>): Promise<PackedRecords> {
  const wrapper = await context.master.wrapper(context);
  const devices = await rowsOf(context, DEVICES.with({}));
  const keys = await rowsOf(context, KEYS.with({}));
  const places = new Map(devices.map(({ identity }, index) => [identity, index]));
  const packed: PackedRecords = {
    identities: devices.map(({ identity }) => identity),
    protocols: Uint8Array.from(devices, ({ protocol }) => PROTOCOLS.indexOf(protocol as DeviceProtocol)),
    disabled: Uint8Array.from(devices, ({ disabled }) => disabled),
    created: Float64Array.from(devices, ({ created }) => created),
    of: Uint32Array.from(keys, ({ identity }) => places.get(identity)!),
    keyIds: Uint8Array.from(keys, ({ key_id }) => key_id),
    next: Uint8Array.from(keys, ({ state }) => (state === 'next' ? 1 : 0)),
    made: Float64Array.from(keys, ({ created }) => created),
    keys: new Uint8Array(withKeys ? keys.length * KEY_BYTES : 0),
  };
  if (!withKeys) return packed;
  keys.forEach(({ identity, key_id, key: stored }, index) => {
    const key = context.master.open(wrapper, identity, key_id, stored);
    packed.keys.set(key, index * KEY_BYTES);
    key.fill(0);
  });
  return packed;
}

/** Whatever session there is can commit nothing more. */
const REPLACE = statement<{ identity: string; disabled: number }>()((p) =>
  builder.updateTable('devices').set((eb) => ({ disabled: p.disabled, epoch: eb('epoch', '+', 1) })).where('identity', '=', p.identity));

const END_KEYS = statement<{ identity: string; nothing: Uint8Array }>()((p) =>
  builder.updateTable('keys').set({ state: 'retired', key: p.nothing }).where('identity', '=', p.identity).where('state', 'in', ['current', 'next']));

const PUT_KEY = statement<{ identity: string; keyId: number; key: Uint8Array; created: number; state: string }>()((p) =>
  builder.insertInto('keys').values({ identity: p.identity, key_id: p.keyId, key: p.key, created: p.created, state: p.state, used: null })
    .onConflict((conflict) => conflict.columns(['identity', 'key_id']).doUpdateSet({ key: p.key, created: p.created, state: p.state, used: null })));

/** Devices between two words about how far it is. */
const TOLD_EVERY = 1_000;

export async function importAll(context: Context, { records, existing, dryRun, now }: Params<'import'>): Promise<Imported> {
  const wrapper = await context.master.wrapper(context);
  const there = new Map((await rowsOf(context, DEVICES.with({}))).map(({ identity, protocol }) => [identity, protocol]));
  const { identities, protocols } = records;
  const result = { added: 0, replaced: 0, skipped: 0 };
  // All is checked before the first is written: a refusal must leave everything as it is.
  for (const [i, identity] of identities.entries()) {
    const protocol = there.get(identity);
    if (protocol === undefined) result.added += 1;
    else if (existing === 'skip') result.skipped += 1;
    else if (existing === 'refuse' || protocol !== PROTOCOLS[protocols[i]!]) throw new TidelockError('DEVICE_EXISTS', { identity });
    else result.replaced += 1;
  }
  if (dryRun || result.added + result.replaced === 0) return result;
  for (let i = 0, key = 0; i < identities.length; i++) {
    const first = key;
    while (key < records.of.length && records.of[key] === i) key += 1;
    const identity = identities[i]!;
    if (!there.has(identity)) await addOne(context, records, i, now);
    else if (existing === 'skip') continue;
    else {
      await change(context, REPLACE.with({ identity, disabled: records.disabled[i]! }));
      await change(context, END_KEYS.with({ identity, nothing: new Uint8Array(0) }));
    }
    for (let j = first; j < key; j++) await putKey(context, wrapper, records, identity, j, now);
    if ((i + 1) % TOLD_EVERY === 0) context.progress(i + 1, identities.length);
  }
  await raise(context);
  return result;
}

async function addOne(context: Context, { identities, protocols, disabled, created }: PackedRecords, i: number, now: number): Promise<void> {
  const time = Number.isNaN(created[i]) ? now : created[i]!;
  await change(context, ADD.with({ identity: identities[i]!, created: time, disabled: disabled[i]!, outbox: newOutboxNumber(), protocol: PROTOCOLS[protocols[i]!]! }));
}

async function putKey(context: Context, wrapper: Wrapper | undefined, { keyIds, next, made, keys }: PackedRecords, identity: string, i: number, now: number): Promise<void> {
  const keyId = keyIds[i]!;
  const bytes = keys.slice(i * KEY_BYTES, (i + 1) * KEY_BYTES);
  const key = wrapper === undefined ? bytes : wrapper.wrap(identity, keyId, bytes);
  await change(context, PUT_KEY.with({ identity, keyId, key, created: Number.isNaN(made[i]) ? now : made[i]!, state: next[i] === 1 ? 'next' : 'current' }));
  bytes.fill(0);
}
