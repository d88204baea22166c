/** How commands ended, on its way to who sent them: written in the transaction that ends the command, gone when the broker has it. */
import { RowsStatement, statement } from '../../database/statement.js';
import { messageName } from '../../names.js';
import type { CommandResult, ResultHow } from '../../bridge-types.js';
import { builder } from '../builder.js';
import { change, rowsOf, type Context } from '../context.js';
import type { EndingRow } from '../ends.js';

const INSERT = statement<Omit<CommandResult, 'position'>>()((p) =>
  builder.insertInto('results').values({
    identity: p.identity, message: p.message, response: p.response, correlation: p.correlation, tl_id: p.tlId, how: p.how, reason: p.reason, at: p.at,
  }));

export async function tell(
  context: Context, { identity, message, response, correlation, tlId, how, reason, at }: Omit<CommandResult, 'position'>,
): Promise<void> {
  await change(context, INSERT.with({ identity, message, response, correlation, tlId, how, reason, at }));
  context.tally.results += 1;
  context.told = true;
}

const TAKE_OUT = new RowsStatement<{ position: number }, { position: number; response: string; correlation: Uint8Array; tl_id: string }>(64, (rows) =>
  builder.deleteFrom('commands').where('position', 'in', rows.map(({ position }) => position))
    .returning(['position', 'response', 'correlation', 'tl_id']));

/** Messages of queues have ended: those that came from the broker have senders who want to hear it. */
export async function endCommands(context: Context, rows: readonly EndingRow[], how: ResultHow, now: number): Promise<void> {
  const { tally } = context;
  if (tally.commands === 0) return;
  const { rows: out } = await TAKE_OUT.run(context.db, rows);
  if (out.length === 0) return;
  tally.commands -= out.length;
  const commands = new Map(out.map((row) => [row.position, row]));
  for (const { position, identity, first_outbox, first_id } of rows) {
    const command = commands.get(position);
    if (command === undefined) continue;
    const { response, correlation, tl_id: tlId } = command;
    await tell(context, { identity, message: messageName(identity, first_outbox, first_id), response, correlation, tlId, how, reason: '', at: now });
  }
}

const READ = statement<{ after: number; limit: number }>()((p) =>
  builder.selectFrom('results').selectAll().where('position', '>', p.after).orderBy('position').limit(p.limit));

export async function results(context: Context, params: { after: number; limit: number }): Promise<CommandResult[]> {
  return (await rowsOf(context, READ.with(params))).map(({ tl_id, how, ...row }) => ({ ...row, how: how as ResultHow, tlId: tl_id }));
}

const TOLD = new RowsStatement<{ position: number }, never>(64, (rows) =>
  builder.deleteFrom('results').where('position', 'in', rows.map(({ position }) => position)));

export async function told(context: Context, { positions }: { positions: readonly number[] }): Promise<void> {
  const { changed } = await TOLD.run(context.db, positions.map((position) => ({ position })));
  context.tally.results -= changed;
}
