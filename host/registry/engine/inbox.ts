/** The inbox, from the side of those who work it off. A row goes when all of them are done with it. */
import { sql } from 'kysely';
import { RowsStatement, statement } from '../database/statement.js';
import { builder } from './builder.js';
import { rowsOf, type Context } from './context.js';
import type { InboxData } from './operations.js';

const READ = statement<{ after: number; limit: number; consumer: number }>()((p) =>
  builder.selectFrom('inbox')
    .select(['position', 'identity', 'outbox', 'id', 'body', 'time', 'repeat', 'topic', 'expires', 'suite', 'trust'])
    .where('position', '>', p.after).where(sql<boolean>`pending & ${p.consumer} <> 0`)
    .orderBy('position').limit(p.limit));

export async function read(context: Context, params: { after: number; limit: number; consumer: number }): Promise<InboxData[]> {
  return (await rowsOf(context, READ.with(params))).map((row) => ({ ...row, repeat: row.repeat !== 0 }));
}

const DONE = new RowsStatement<{ position: number; consumer: number }, { identity: string; bytes: number }>(64, (rows) =>
  builder.deleteFrom('inbox')
    .where('position', 'in', rows.map(({ position }) => position)).where('pending', '=', rows[0]!.consumer)
    .returning(({ fn }) => ['identity', fn<number>('length', ['body']).as('bytes')]));

/** Others are not done with these: the bit goes, once, and the row stays. */
const LEAVE = new RowsStatement<{ position: number; consumer: number }, never>(64, (rows) =>
  builder.updateTable('inbox')
    .set({ pending: sql<number>`pending - ${rows[0]!.consumer}` })
    .where('position', 'in', rows.map(({ position }) => position)).where(sql<boolean>`pending & ${rows[0]!.consumer} <> 0`));

export async function done(context: Context, { positions, consumer }: { positions: readonly number[]; consumer: number }): Promise<void> {
  const marks = positions.map((position) => ({ position, consumer }));
  const { rows } = await DONE.run(context.db, marks);
  for (const { identity, bytes } of rows) context.tally.inbox.add(identity, -1, -bytes);
  if (rows.length < positions.length) await LEAVE.run(context.db, marks);
}
