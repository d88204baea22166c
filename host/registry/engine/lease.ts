/** The lease of an identity: takeover, and the row that every operation of a session begins with. */
import { statement } from '../database/statement.js';
import { builder } from './builder.js';
import { change, rowOf, type Context } from './context.js';
import { raise } from './devices.js';
import { used } from './keys.js';
import type { LeaseRow, Params, Result } from './operations.js';
import { renumber } from './renumber.js';

/** The queue's numbers in an identity's row. */
export interface Out {
  out_outbox: number;
  out_low: number;
  out_sent: number;
  out_next: number;
}

/** Numbers above this are not begun with: a session cannot use up the 2^28 that follow. */
const LAST_FIRST_NUMBER = 0xf000_0000;

/** A disabled device's epoch does not rise: nothing comes back. */
const TAKE_OVER = statement<{ identity: string; gateway: string; now: number }>()((p) =>
  builder.updateTable('devices')
    .set((eb) => ({ epoch: eb('epoch', '+', 1), gateway: p.gateway, since: p.now }))
    .where('identity', '=', p.identity)
    .where('disabled', '=', 0)
    .returning(['epoch', 'in_outbox', 'in_last', 'out_outbox', 'out_low', 'out_sent', 'out_next']));

const RECEIPT = statement<LeaseRow & { last: number }>()((p) =>
  builder.updateTable('devices').set({ in_outbox: p.outbox, in_last: p.last }).where('identity', '=', p.identity).where('epoch', '=', p.epoch));

export async function receipt(context: Context, { lease, last }: Params<'receipt'>): Promise<void> {
  await change(context, RECEIPT.with({ ...lease, last }));
}

export async function takeover(
  context: Context,
  { identity, outbox, keyId, rotating, forget, gateway, now }: Params<'takeover'>,
): Promise<Result<'takeover'>> {
  const row = await rowOf(context, TAKE_OVER.with({ identity, gateway, now }));
  if (row === undefined) return undefined;
  const ended = keyId !== undefined && (await used(context, identity, keyId, rotating, now));
  if (ended) await raise(context);
  if (forget && row.in_outbox !== 0) await change(context, RECEIPT.with({ identity, epoch: row.epoch, outbox: 0, last: 0 }));
  // The record of another outbox stays until the first message of this one replaces it.
  const inLast = row.in_outbox === outbox ? row.in_last : 0;
  const out: Out = row.out_next < LAST_FIRST_NUMBER ? row : await renumber(context, identity, row, row.out_sent, now);
  return {
    epoch: row.epoch,
    ended,
    receipts: { inLast, outOutbox: out.out_outbox, outLow: out.out_low, outSent: out.out_sent, outNext: shownNext(out) },
  };
}

/**
 * The next number as the core may know it. Number 1 of an outbox is a SKIP that goes alone: a device that has lost its record takes
 * number 1 again, whatever it is, so nothing that must not be obeyed twice may be under it or go before its ACK.
 */
export function shownNext({ out_low, out_next }: Pick<Out, 'out_low' | 'out_next'>): number {
  return out_low > 1 ? out_next : Math.min(out_next - 1, 2);
}

/** The queue's numbers, where the lease still holds. */
const HOLD = statement<{ identity: string; epoch: number }>()((p) =>
  builder.selectFrom('devices')
    .select(['out_outbox', 'out_low', 'out_sent', 'out_next'])
    .where('identity', '=', p.identity)
    .where('epoch', '=', p.epoch));

/** The same where others may write meanwhile: what is read here is written by the operation, so nobody may come between. */
const HOLD_LOCKED = statement<{ identity: string; epoch: number }>()((p) =>
  builder.selectFrom('devices')
    .select(['out_outbox', 'out_low', 'out_sent', 'out_next'])
    .where('identity', '=', p.identity)
    .where('epoch', '=', p.epoch)
    .forUpdate());

/** Undefined: the lease has ended. */
export function hold(context: Context, { identity, epoch }: LeaseRow): Promise<Out | undefined> {
  return rowOf(context, (context.locks ? HOLD_LOCKED : HOLD).with({ identity, epoch }));
}
