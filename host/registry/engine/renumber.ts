/** A new outbox: what was sent is in doubt, what was not goes on under new numbers. */
import { newOutboxNumber } from '../../delivery/outbox.js';
import { statement } from '../database/statement.js';
import { builder } from './builder.js';
import { change, rowsOf, type Context } from './context.js';
import { endRows } from './ends.js';
import type { Out } from './lease.js';

const QUEUED = statement<{ identity: string }>()((p) =>
  builder.selectFrom('queue')
    .select(({ fn }) => ['position', 'identity', 'id', 'first_outbox', 'first_id', 'again', fn<number>('length', ['body']).as('bytes')])
    .where('identity', '=', p.identity)
    .orderBy('id'));

const MOVE = statement<{ position: number; id: number; repeat: number }>()((p) =>
  builder.updateTable('queue')
    .set((eb) => ({ id: p.id, repeat: eb.case().when(eb.val(p.repeat), '=', 1).then(1).else(eb.ref('repeat')).end() }))
    .where('position', '=', p.position));

const RENEW = statement<{ identity: string; outbox: number; next: number; raise: number }>()((p) =>
  builder.updateTable('devices')
    .set((eb) => ({ out_outbox: p.outbox, out_low: 1, out_sent: 0, out_next: p.next, epoch: eb('epoch', '+', p.raise) }))
    .where('identity', '=', p.identity));

/** `doubt`: the last number that the device may have taken. `raise` 1 ends the lease: an ACK on its way means other numbers. */
export async function renumber(context: Context, identity: string, out: Out, doubt: number, now: number, raise = 0): Promise<Out> {
  const rows = await rowsOf(context, QUEUED.with({ identity }));
  await endRows(context, rows.filter(({ id, again }) => id <= doubt && again === 0), 'in doubt', now);
  let next = 2; // number 1 is a SKIP, see shownNext
  for (const { position, id, again } of rows) {
    if (id <= doubt && again === 0) continue;
    // In order of numbers, and never to a higher one, so that no two ever meet.
    await change(context, MOVE.with({ position, id: next++, repeat: id <= doubt ? 1 : 0 }));
  }
  let outbox: number;
  do outbox = newOutboxNumber();
  while (outbox === out.out_outbox);
  await change(context, RENEW.with({ identity, outbox, next, raise }));
  return { out_outbox: outbox, out_low: 1, out_sent: 0, out_next: next };
}
