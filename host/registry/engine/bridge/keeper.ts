/** The lease of a keeper: who takes commands in. Each taking raises its epoch, and what an earlier holder still brings cannot commit. */
import { statement } from '../../database/statement.js';
import type { KeeperLease } from '../../bridge-types.js';
import { builder } from '../builder.js';
import { change, rowOf, type Context } from '../context.js';

/** ms without a renewal after which another may take it. */
const DEAD_MS = 10_000;

const MAKE = statement<{ name: string }>()((p) =>
  builder.insertInto('keepers').values({ name: p.name, gateway: '', epoch: 0, renewed: 0, seen: 0 })
    .onConflict((conflict) => conflict.column('name').doNothing()));

const KEEP = statement<{ name: string; gateway: string; now: number; dead: number }>()((p) =>
  builder.updateTable('keepers')
    .set((eb) => ({ gateway: p.gateway, epoch: eb('epoch', '+', 1), renewed: p.now }))
    .where('name', '=', p.name)
    .where((eb) => eb.or([eb('gateway', '=', p.gateway), eb('renewed', '<', p.dead)]))
    .returning(['epoch', 'seen']));

export async function keep(
  context: Context, { name, gateway, now }: { name: string; gateway: string; now: number },
): Promise<{ epoch: number; seen: number } | undefined> {
  await change(context, MAKE.with({ name }));
  return rowOf(context, KEEP.with({ name, gateway, now, dead: now - DEAD_MS }));
}

const RENEW = statement<{ name: string; epoch: number; now: number }>()((p) =>
  builder.updateTable('keepers').set({ renewed: p.now }).where('name', '=', p.name).where('epoch', '=', p.epoch));

const DRAINED = statement<{ name: string; epoch: number; now: number }>()((p) =>
  builder.updateTable('keepers').set({ renewed: p.now, seen: p.now }).where('name', '=', p.name).where('epoch', '=', p.epoch));

export async function renewKeeper(
  context: Context, { lease: { name, epoch }, drained, now }: { lease: KeeperLease; drained: boolean; now: number },
): Promise<boolean> {
  return (await change(context, (drained ? DRAINED : RENEW).with({ name, epoch, now }))) === 1;
}

const HOLD = statement<{ name: string; epoch: number }>()((p) =>
  builder.selectFrom('keepers').select('epoch').where('name', '=', p.name).where('epoch', '=', p.epoch));

const HOLD_LOCKED = statement<{ name: string; epoch: number }>()((p) =>
  builder.selectFrom('keepers').select('epoch').where('name', '=', p.name).where('epoch', '=', p.epoch).forUpdate());

/** Nobody else can take it before this transaction is over. */
export async function holdsKeeper(context: Context, { name, epoch }: KeeperLease): Promise<boolean> {
  return (await rowOf(context, (context.locks ? HOLD_LOCKED : HOLD).with({ name, epoch }))) !== undefined;
}
