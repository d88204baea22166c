/** Which further topics reach devices: live (subscriptions), or by the queue (rules of fan-out). */
import { TidelockError } from '../../../errors.js';
import { badOption } from '../../../options.js';
import { statement } from '../../database/statement.js';
import type { FanOutRule, RuleChange, Subscription } from '../../bridge-types.js';
import { builder } from '../builder.js';
import { change, rowsOf, type Context } from '../context.js';
import { exists } from '../devices.js';
import { MOST_IDENTITIES } from './limits.js';

/** Subscriptions of one device. */
const MOST_OF_ONE = 100;

const ALL = statement<{ limit: number }>()((p) =>
  builder.selectFrom('subscriptions').selectAll().orderBy('identity').orderBy('filter').limit(p.limit));

const OF_ONE = statement<{ identity: string; limit: number }>()((p) =>
  builder.selectFrom('subscriptions').selectAll().where('identity', '=', p.identity).orderBy('filter').limit(p.limit));

export async function subscriptions(context: Context, { identity, limit }: { identity: string | undefined; limit: number }): Promise<Subscription[]> {
  const rows = await rowsOf(context, identity === undefined ? ALL.with({ limit }) : OF_ONE.with({ identity, limit }));
  return rows.map((row) => ({ identity: row.identity, filter: row.filter })); // node:sqlite gives objects without a prototype
}

const SUBSCRIBE = statement<{ identity: string; filter: string }>()((p) =>
  builder.insertInto('subscriptions').values({ identity: p.identity, filter: p.filter })
    .onConflict((conflict) => conflict.columns(['identity', 'filter']).doNothing()));

export async function subscribe(context: Context, { identity, filter }: { identity: string; filter: string }): Promise<boolean> {
  await exists(context, identity);
  const had = await rowsOf(context, OF_ONE.with({ identity, limit: MOST_OF_ONE }));
  if (had.some((row) => row.filter === filter)) return false;
  if (had.length >= MOST_OF_ONE) throw new TidelockError('QUEUE_FULL', { to: identity, bound: `${MOST_OF_ONE} subscriptions` });
  return (await change(context, SUBSCRIBE.with({ identity, filter }))) === 1;
}

const UNSUBSCRIBE = statement<{ identity: string; filter: string }>()((p) =>
  builder.deleteFrom('subscriptions').where('identity', '=', p.identity).where('filter', '=', p.filter));

export async function unsubscribe(context: Context, params: { identity: string; filter: string }): Promise<boolean> {
  return (await change(context, UNSUBSCRIBE.with(params))) === 1;
}

const RULES = statement<Record<string, never>>()(() => builder.selectFrom('rules').selectAll().orderBy('filter'));

export async function rules(context: Context): Promise<FanOutRule[]> {
  return (await rowsOf(context, RULES.with({}))).map(({ filter, identities }) => ({ filter, identities: JSON.parse(identities) as string[] }));
}

const ADD_RULE = statement<{ filter: string; identities: string }>()((p) =>
  builder.insertInto('rules').values({ filter: p.filter, identities: p.identities })
    .onConflict((conflict) => conflict.column('filter').doUpdateSet({ identities: p.identities })));

export async function addRule(context: Context, { filter, identities }: FanOutRule): Promise<void> {
  for (const identity of identities) await exists(context, identity);
  await change(context, ADD_RULE.with({ filter, identities: JSON.stringify(identities) }));
}

const RULE = statement<{ filter: string }>()((p) => builder.selectFrom('rules').select('identities').where('filter', '=', p.filter));

async function identitiesOf(context: Context, filter: string): Promise<string[]> {
  const [row] = await rowsOf(context, RULE.with({ filter }));
  return row === undefined ? [] : (JSON.parse(row.identities) as string[]);
}

export async function extendRule(context: Context, { filter, identities }: FanOutRule): Promise<RuleChange> {
  const had = new Set(await identitiesOf(context, filter)), fresh = [...new Set(identities)].filter((identity) => !had.has(identity));
  for (const identity of fresh) await exists(context, identity);
  const all = [...had, ...fresh];
  if (all.length > MOST_IDENTITIES) throw badOption('identities', all.length, `a rule has at most ${MOST_IDENTITIES} devices; make one more`);
  if (fresh.length > 0) await change(context, ADD_RULE.with({ filter, identities: JSON.stringify(all) }));
  return { changed: fresh.length, left: all.length };
}

/** Undefined: all of them. With the last the rule goes. */
export async function shrinkRule(context: Context, { filter, identities }: { filter: string; identities: readonly string[] | undefined }): Promise<RuleChange> {
  const had = await identitiesOf(context, filter), out = new Set(identities ?? had), left = had.filter((identity) => !out.has(identity));
  if (left.length === 0) await change(context, REMOVE_RULE.with({ filter }));
  else if (left.length < had.length) await change(context, ADD_RULE.with({ filter, identities: JSON.stringify(left) }));
  return { changed: had.length - left.length, left: left.length };
}

const REMOVE_RULE = statement<{ filter: string }>()((p) => builder.deleteFrom('rules').where('filter', '=', p.filter));

export async function removeRule(context: Context, params: { filter: string }): Promise<boolean> {
  return (await change(context, REMOVE_RULE.with(params))) === 1;
}
