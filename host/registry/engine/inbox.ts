/** The inbox, from the application's side. A row that is done is gone. */
import { RowsStatement, statement } from '../database/statement.js';
import { builder } from './builder.js';
import { rowsOf, type Context } from './context.js';
import type { InboxData } from './operations.js';

const READ = statement<{ after: number; limit: number }>()((p) =>
  builder.selectFrom('inbox')
    .select(['position', 'identity', 'outbox', 'id', 'body', 'time', 'repeat', 'topic', 'expires'])
    .where('position', '>', p.after).orderBy('position').limit(p.limit));

export async function read(context: Context, { after, limit }: { after: number; limit: number }): Promise<InboxData[]> {
  return (await rowsOf(context, READ.with({ after, limit }))).map((row) => ({ ...row, repeat: row.repeat !== 0 }));
}

const DONE = new RowsStatement<{ position: number }, { identity: string; bytes: number }>(64, (rows) =>
  builder.deleteFrom('inbox')
    .where('position', 'in', rows.map(({ position }) => position))
    .returning(({ fn }) => ['identity', fn<number>('length', ['body']).as('bytes')]));

export async function done(context: Context, { positions }: { positions: readonly number[] }): Promise<void> {
  const { rows } = await DONE.run(context.db, positions.map((position) => ({ position })));
  for (const { identity, bytes } of rows) context.tally.inbox.add(identity, -1, -bytes);
}
