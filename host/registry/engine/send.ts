/** Queues towards devices, from the session: what the core wants, and what became of it. */
import { DATA, DELIVER, SKIP } from '../../../assembly/abi.js';
import { deliverBody, TRUSTS } from '../../core/topic.js';
import { statement } from '../database/statement.js';
import { messageName } from '../names.js';
import type { End, Outbound } from '../types.js';
import { builder } from './builder.js';
import { change, rowsOf, type Context } from './context.js';
import { endRows, rememberEnds, type EndingRow } from './ends.js';
import { hold, shownNext } from './lease.js';
import type { LeaseRow } from './operations.js';
import { giveUp } from './queue.js';
import { renumber } from './renumber.js';

const BETWEEN = statement<{ identity: string; first: number; last: number }>()((p) =>
  builder.selectFrom('queue')
    .select(['position', 'identity', 'id', 'first_outbox', 'first_id', 'made', 'deadline', 'repeat', 'body', 'topic', 'trust'])
    .where('identity', '=', p.identity).where('id', '>=', p.first).where('id', '<=', p.last)
    .orderBy('id'));

const SENT = statement<{ identity: string; epoch: number; sent: number }>()((p) =>
  builder.updateTable('devices').set({ out_sent: p.sent }).where('identity', '=', p.identity).where('epoch', '=', p.epoch));

/** The core's window is 64; a caller that asks for more gets less. */
const MOST_AT_ONCE = 64;

export async function take(
  context: Context,
  { lease, first, count, now }: { lease: LeaseRow; first: number; count: number; now: number },
): Promise<Outbound[] | undefined> {
  const out = await hold(context, lease);
  if (out === undefined) return undefined;
  const begin = Math.max(first, out.out_low);
  const last = Math.min(first + count - 1, begin + MOST_AT_ONCE - 1, shownNext(out) - 1);
  if (last < begin) return [];
  const { identity, epoch } = lease;
  const rows = await rowsOf(context, BETWEEN.with({ identity, first: begin, last }));
  // What was sent a week ago must not go again today, with today's time.
  const overdue = rows.filter(({ deadline }) => deadline <= now);
  await giveUp(context, overdue.map((row) => ({ ...row, out_sent: out.out_sent, bytes: row.body.length })), now);
  if (last > out.out_sent) await change(context, SENT.with({ identity, epoch, sent: last }));

  const live = new Map(rows.filter(({ deadline }) => deadline > now).map((row) => [row.id, row]));
  return Array.from({ length: last - begin + 1 }, (_, i): Outbound => {
    const id = begin + i;
    const row = live.get(id);
    if (row === undefined) return { id, type: SKIP, message: '', body: undefined, made: now, repeat: false };
    const { topic, made } = row;
    const body = topic === null ? row.body : deliverBody(topic, TRUSTS[row.trust ?? 0] ?? 'none', row.body);
    return { id, type: topic === null ? DATA : DELIVER, message: messageName(identity, row.first_outbox, row.first_id), body, made, repeat: row.repeat !== 0 };
  });
}

/** Takes all up to a number out of the queue. */
const TAKEN = statement<{ identity: string; id: number }>()((p) =>
  builder.deleteFrom('queue').where('identity', '=', p.identity).where('id', '<=', p.id)
    .returning(({ fn }) => ['position', 'identity', 'id', 'first_outbox', 'first_id', fn<number>('length', ['body']).as('bytes')]));

const LOW = statement<{ identity: string; epoch: number; low: number; sent: number }>()((p) =>
  builder.updateTable('devices').set({ out_low: p.low, out_sent: p.sent }).where('identity', '=', p.identity).where('epoch', '=', p.epoch));

export async function delivered(
  context: Context,
  { lease, id, now }: { lease: LeaseRow; id: number; now: number },
): Promise<number | undefined> {
  const out = await hold(context, lease);
  if (out === undefined) return undefined;
  const last = Math.min(id, out.out_next - 1);
  if (last < out.out_low) return shownNext(out);
  const { identity, epoch } = lease;
  await rememberEnds(context, inOrder(await rowsOf(context, TAKEN.with({ identity, id: last }))), 'delivered', now);
  await change(context, LOW.with({ identity, epoch, low: last + 1, sent: Math.max(out.out_sent, last) }));
  return shownNext({ out_low: last + 1, out_next: out.out_next });
}

/** RETURNING promises no order. */
function inOrder<R extends EndingRow & { id: number }>(rows: R[]): R[] {
  return rows.sort((a, b) => a.id - b.id);
}

export async function refused(
  context: Context,
  { lease, id, how, now }: { lease: LeaseRow; id: number; how: End; now: number },
): Promise<number | undefined> {
  const next = await delivered(context, { lease, id: id - 1, now });
  if (next === undefined) return undefined;
  // It is not acknowledged: SKIP takes its place, since it has no row.
  const rows = await rowsOf(context, BETWEEN.with({ identity: lease.identity, first: id, last: id }));
  await endRows(context, rows.map((row) => ({ ...row, bytes: row.body.length })), how, now);
  return next;
}

const UNTAKEN = statement<{ identity: string; epoch: number; id: number; sent: number }>()((p) =>
  builder.updateTable('devices').set({ out_sent: p.sent })
    .where('identity', '=', p.identity).where('epoch', '=', p.epoch).where('out_sent', '>=', p.id).where('out_low', '<=', p.id));

export async function untaken(context: Context, { lease: { identity, epoch }, id }: { lease: LeaseRow; id: number }): Promise<void> {
  await change(context, UNTAKEN.with({ identity, epoch, id, sent: id - 1 }));
}

export async function renew(context: Context, { lease, doubt, now }: { lease: LeaseRow; doubt: number; now: number }): Promise<void> {
  const out = await hold(context, lease);
  if (out !== undefined) await renumber(context, lease.identity, out, doubt, now, 1);
}
