/** Devices and keys in their tables. Each change raises a counter, by which other processes see that there was one. */
import { newOutboxNumber } from '../../delivery/outbox.js';
import { TidelockError } from '../../errors.js';
import { statement } from '../database/statement.js';
import type { DeviceEntry, DeviceProtocol } from '../types.js';
import { builder } from './builder.js';
import { change, rowOf, rowsOf, type Context } from './context.js';
import { PROTOCOLS, type DirectoryPage, type Params } from './operations.js';

const CHANGED = statement<Record<string, never>>()(() =>
  builder.updateTable('tidelock').set((eb) => ({ value: eb('value', '+', 1) })).where('name', '=', 'devices').returning('value'));

const VERSION = statement<Record<string, never>>()(() => builder.selectFrom('tidelock').select('value').where('name', '=', 'devices'));

/** A change that others are to see. */
export async function raise(context: Context): Promise<number> {
  return (await rowOf(context, CHANGED.with({})))!.value;
}

/** No row where there is one of that identity. */
export const ADD = statement<{ identity: string; created: number; disabled: number; outbox: number; protocol: string }>()((p) =>
  builder.insertInto('devices')
    .values({
      identity: p.identity, created: p.created, disabled: p.disabled, gateway: null, epoch: 0, since: null,
      in_outbox: 0, in_last: 0, out_outbox: p.outbox, out_low: 1, out_sent: 0, out_next: 2, protocol: p.protocol,
    })
    .onConflict((conflict) => conflict.column('identity').doNothing())
    .returning('identity'));

const ADD_KEY = statement<{ identity: string; keyId: number; key: Uint8Array; created: number }>()((p) =>
  builder.insertInto('keys').values({ identity: p.identity, key_id: p.keyId, key: p.key, created: p.created, state: 'current', used: null }));

export async function add(
  context: Context,
  { identity, keyId, key, protocol, now }: Params<'add'>,
): Promise<number> {
  const added = await rowOf(context, ADD.with({ identity, created: now, disabled: 0, outbox: newOutboxNumber(), protocol }));
  if (added === undefined) throw new TidelockError('DEVICE_EXISTS', { identity });
  await change(context, ADD_KEY.with({ identity, keyId, key: await stored(context, identity, keyId, key), created: now }));
  return raise(context);
}

/** The form in which a key goes into its row. */
export async function stored(context: Context, identity: string, keyId: number, key: Uint8Array): Promise<Uint8Array> {
  return (await context.master.wrapper(context))?.wrap(identity, keyId, key) ?? key;
}

/** Both ways the epoch rises: whatever session there is can commit nothing more. */
const SWITCH = statement<{ identity: string; disabled: number }>()((p) =>
  builder.updateTable('devices')
    .set((eb) => ({ disabled: p.disabled, epoch: eb('epoch', '+', 1) }))
    .where('identity', '=', p.identity).where('disabled', '!=', p.disabled)
    .returning('identity'));

const EXISTS = statement<{ identity: string }>()((p) => builder.selectFrom('devices').select('identity').where('identity', '=', p.identity));

export async function disable(context: Context, { identity, disabled }: { identity: string; disabled: boolean }): Promise<number | undefined> {
  const switched = await rowOf(context, SWITCH.with({ identity, disabled: disabled ? 1 : 0 }));
  if (switched !== undefined) return raise(context);
  await exists(context, identity);
  return undefined;
}

/** Throws DEVICE_UNKNOWN. */
export async function exists(context: Context, identity: string): Promise<void> {
  if ((await rowOf(context, EXISTS.with({ identity }))) === undefined) throw new TidelockError('DEVICE_UNKNOWN', { identity });
}

const LIST = statement<{ after: string; limit: number }>()((p) =>
  builder.selectFrom('devices').select(['identity', 'disabled', 'created', 'since', 'protocol'])
    .where('identity', '>', p.after).orderBy('identity').limit(p.limit));

const KEY_IDS = statement<{ first: string; last: string }>()((p) =>
  builder.selectFrom('keys').select(['identity', 'key_id'])
    .where('state', 'in', ['current', 'next']).where('identity', '>=', p.first).where('identity', '<=', p.last).orderBy('identity').orderBy('key_id'));

export async function list(context: Context, { after, limit }: { after: string; limit: number }): Promise<DeviceEntry[]> {
  const rows = await rowsOf(context, LIST.with({ after, limit }));
  if (rows.length === 0) return [];
  const keyIds = new Map<string, number[]>(rows.map(({ identity }) => [identity, []]));
  for (const { identity, key_id } of await rowsOf(context, KEY_IDS.with({ first: rows[0]!.identity, last: rows.at(-1)!.identity }))) {
    keyIds.get(identity)?.push(key_id);
  }
  return rows.map(({ identity, disabled, created, since, protocol }) => ({
    identity, protocol: protocol as DeviceProtocol, disabled: disabled !== 0, created, since: since ?? undefined, keyIds: keyIds.get(identity)!,
    queued: context.tally.queue.of(identity).count, inbox: context.tally.inbox.of(identity).count,
  }));
}

const ALL_DEVICES = statement<Record<string, never>>()(() => builder.selectFrom('devices').select(['identity', 'disabled', 'protocol']).orderBy('identity'));

const ALL_KEYS = statement<Record<string, never>>()(() =>
  builder.selectFrom('keys').select(['identity', 'key_id', 'key']).orderBy('identity').orderBy('key_id'));

/** Everything that the handshake needs, where it is not version `known`. */
export async function directory(context: Context, { known }: { known: number }): Promise<DirectoryPage | undefined> {
  const version = (await rowOf(context, VERSION.with({})))!.value;
  if (version === known) return undefined;
  const wrapper = await context.master.wrapper(context);
  const devices = await rowsOf(context, ALL_DEVICES.with({}));
  const keys = (await rowsOf(context, ALL_KEYS.with({}))).filter(({ key }) => key.length > 0);
  const places = new Map(devices.map(({ identity }, index) => [identity, index]));
  const page: DirectoryPage = {
    version,
    identities: devices.map(({ identity }) => identity),
    disabled: Uint8Array.from(devices, ({ disabled }) => disabled),
    protocols: Uint8Array.from(devices, ({ protocol }) => PROTOCOLS.indexOf(protocol as DeviceProtocol)),
    of: Uint32Array.from(keys, ({ identity }) => places.get(identity)!),
    keyIds: Uint8Array.from(keys, ({ key_id }) => key_id),
    keys: new Uint8Array(keys.length * 32),
  };
  keys.forEach(({ identity, key_id, key: stored }, index) => {
    const key = context.master.open(wrapper, identity, key_id, stored);
    page.keys.set(key, index * 32);
    key.fill(0);
  });
  return page;
}
