/** Ends of queued messages: the row leaves the queue, how it ended is remembered for whoever asks, and told. */
import { RowsStatement, statement } from '../database/statement.js';
import { messageName } from '../names.js';
import type { End, ResultHow } from '../types.js';
import { endCommands } from './bridge/results.js';
import { builder } from './builder.js';
import { change, type Context } from './context.js';

/** What is needed of a row of the queue. */
export interface EndingRow {
  position: number;
  identity: string;
  first_outbox: number;
  first_id: number;
  bytes: number;
}

const DELETE = new RowsStatement<{ position: number }, never>(64, (rows) =>
  builder.deleteFrom('queue').where('position', 'in', rows.map(({ position }) => position)));

interface EndRow {
  position: number;
  identity: string;
  outbox: number;
  id: number;
  how: string;
  at: number;
}

/** The name of a message could come again only with an outbox number drawn twice; then the later one counts. */
const INSERT = new RowsStatement<EndRow, never>(32, (rows) =>
  builder.insertInto('ends')
    .values(rows.map(({ position, identity, outbox, id, how, at }) => ({ position, identity, outbox, id, how, at })))
    .onConflict((conflict) => conflict.columns(['identity', 'outbox', 'id']).doUpdateSet((eb) => ({
      position: eb.ref('excluded.position'), how: eb.ref('excluded.how'), at: eb.ref('excluded.at'),
    }))));

/** Takes rows out of the queue. `told`: what a sender at the broker is told. */
export async function endRows(context: Context, rows: readonly EndingRow[], how: End, now: number, told: ResultHow = how): Promise<void> {
  if (rows.length === 0) return;
  await DELETE.run(context.db, rows);
  await rememberEnds(context, rows, how, now, told);
}

/** The rows have left the queue already. */
export async function rememberEnds(context: Context, rows: readonly EndingRow[], how: End, now: number, told: ResultHow = how): Promise<void> {
  const { tally, limits, ended } = context;
  await endCommands(context, rows, told, now);
  for (const { identity, first_outbox, first_id, bytes } of rows) {
    tally.queue.add(identity, -1, -bytes);
    ended.push({ message: messageName(identity, first_outbox, first_id), identity, end: how, at: now });
  }
  if (limits.keepEndsCount === 0 || limits.keepEnds === 0) return;
  await INSERT.run(context.db, rows.map(({ position, identity, first_outbox, first_id }) => ({
    position, identity, outbox: first_outbox, id: first_id, how, at: now,
  })));
  tally.ends += rows.length;
  // Not at each one: the oldest go a few at a time.
  if (tally.ends > limits.keepEndsCount + SLACK) await forgetEnds(context, now);
}

const SLACK = 256;

const FORGET_OLD = statement<{ before: number }>()((p) => builder.deleteFrom('ends').where('at', '<', p.before));

const FORGET_MOST = statement<{ count: number }>()((p) =>
  builder.deleteFrom('ends').where('position', 'in', (eb) =>
    eb.selectFrom('ends').select('position').orderBy('at').orderBy('position').limit(p.count)));

/** Forgets what is too old or too many. */
export async function forgetEnds(context: Context, now: number): Promise<void> {
  const { tally, limits } = context;
  tally.ends -= await change(context, FORGET_OLD.with({ before: now - limits.keepEnds }));
  const excess = tally.ends - limits.keepEndsCount;
  if (excess > 0) tally.ends -= await change(context, FORGET_MOST.with({ count: excess }));
}
