/** What devices are to Home Assistant. A row that is taken back stays until the broker has been told, whatever ends meanwhile. */
import { TidelockError } from '../../errors.js';
import { statement } from '../database/statement.js';
import { builder } from './builder.js';
import { change, rowsOf, type Context } from './context.js';
import { exists } from './devices.js';

export interface EntityData {
  identity: string;
  entity: string;
  config: string;
  removed: number;
}

export interface EntityOperationMap {
  announce: [params: { identity: string; entity: string; config: string }, result: void];
  unannounce: [params: { identity: string; entity: string | undefined }, result: number];
  /** `limit`: of devices, each with all of its rows. */
  entities: [params: { identity: string | undefined; after: string; limit: number }, result: EntityData[]];
  forget: [params: { identity: string; entities: readonly string[] }, result: void];
}

type Params<N extends keyof EntityOperationMap> = EntityOperationMap[N][0];

/** Bounds what one device can make Home Assistant and the broker hold. */
const MOST = 100;

const OF = statement<{ identity: string }>()((p) =>
  builder.selectFrom('entities').select(['identity', 'entity', 'config', 'removed']).where('identity', '=', p.identity).orderBy('entity'));

const PUT = statement<{ identity: string; entity: string; config: string }>()((p) =>
  builder.insertInto('entities').values({ identity: p.identity, entity: p.entity, config: p.config, removed: 0 })
    .onConflict((conflict) => conflict.columns(['identity', 'entity']).doUpdateSet({ config: p.config, removed: 0 })));

export async function announce(context: Context, { identity, entity, config }: Params<'announce'>): Promise<void> {
  await exists(context, identity);
  const there = await rowsOf(context, OF.with({ identity }));
  if (there.length >= MOST && !there.some((row) => row.entity === entity)) throw new TidelockError('QUEUE_FULL', { to: identity, bound: `${MOST} entities` });
  await change(context, PUT.with({ identity, entity, config }));
}

const TAKE_BACK = statement<{ identity: string; entity: string }>()((p) =>
  builder.updateTable('entities').set({ removed: 1 }).where('identity', '=', p.identity).where('entity', '=', p.entity));

export async function unannounce(context: Context, { identity, entity }: Params<'unannounce'>): Promise<number> {
  const rows = (await rowsOf(context, OF.with({ identity }))).filter((row) => row.removed === 0 && (entity === undefined || row.entity === entity));
  for (const row of rows) await change(context, TAKE_BACK.with({ identity, entity: row.entity }));
  return rows.length;
}

const DEVICES = statement<{ after: string; limit: number }>()((p) =>
  builder.selectFrom('entities').select('identity').distinct().where('identity', '>', p.after).orderBy('identity').limit(p.limit));

export async function entities(context: Context, { identity, after, limit }: Params<'entities'>): Promise<EntityData[]> {
  const found: EntityData[] = [];
  const devices = identity === undefined ? await rowsOf(context, DEVICES.with({ after, limit })) : [{ identity }];
  for (const device of devices) found.push(...(await rowsOf(context, OF.with(device))));
  return found;
}

const FORGET = statement<{ identity: string; entity: string }>()((p) =>
  builder.deleteFrom('entities').where('identity', '=', p.identity).where('entity', '=', p.entity).where('removed', '=', 1));

export async function forget(context: Context, { identity, entities: names }: Params<'forget'>): Promise<void> {
  for (const entity of names) await change(context, FORGET.with({ identity, entity }));
}
