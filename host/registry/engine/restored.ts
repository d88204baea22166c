/**
 * The database is a copy from the past. Numbers that it would draw again were used since: a device that has taken them answers
 * ok without obeying, a false "delivered". And receipts that it has lost would let a device wait for ever behind a gap.
 */
import { statement } from '../database/statement.js';
import { builder } from './builder.js';
import { change, rowsOf, type Context } from './context.js';
import { renumber } from './renumber.js';

const ALL = statement<Record<string, never>>()(() =>
  builder.selectFrom('devices').select(['identity', 'out_outbox', 'out_low', 'out_sent', 'out_next']).orderBy('identity'));

const FORGET = statement<Record<string, never>>()(() => builder.updateTable('devices').set({ in_outbox: 0, in_last: 0 }));

export async function restored(context: Context, { now }: { now: number }): Promise<void> {
  for (const { identity, ...out } of await rowsOf(context, ALL.with({}))) {
    // What waits in the copy may have been sent since.
    await renumber(context, identity, out, out.out_next - 1, now, 1);
  }
  await change(context, FORGET.with({}));
}
