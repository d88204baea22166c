/** Rows of the inbox that the broker does not take: set aside, so that the others go on. */
import { sql } from 'kysely';
import { RowsStatement, statement } from '../../database/statement.js';
import { builder } from '../builder.js';
import { change, rowOf, rowsOf, type Context } from '../context.js';
import { done } from '../inbox.js';
import { CONSUMERS } from '../operations.js';
import type { DeadLetterData } from './operations.js';

const ROW = statement<{ position: number }>()((p) =>
  builder.selectFrom('inbox').select(['identity', 'outbox', 'id', 'time', 'repeat', 'suite', 'trust', 'topic', 'expires', 'body'])
    .where('position', '=', p.position).where(sql<boolean>`pending & ${sql.lit(CONSUMERS.bridge)} <> 0`));

interface Row {
  identity: string;
  outbox: number;
  id: number;
  time: number;
  repeat: number;
  suite: number;
  trust: number;
  topic: string | null;
  expires: number | null;
  body: Uint8Array;
}

const INSERT = statement<Row & { reason: string; at: number }>()((p) =>
  builder.insertInto('dead_letters')
    .values({ identity: p.identity, outbox: p.outbox, id: p.id, time: p.time, repeat: p.repeat, suite: p.suite, trust: p.trust, topic: p.topic, expires: p.expires, body: p.body, reason: p.reason, at: p.at })
    .onConflict((conflict) => conflict.columns(['identity', 'outbox', 'id']).doUpdateSet((eb) => ({ reason: eb.ref('excluded.reason'), at: eb.ref('excluded.at') }))));

export async function dead(context: Context, { position, reason, now }: { position: number; reason: string; now: number }): Promise<boolean> {
  const { tally: { dead: tally }, limits } = context;
  const row = await rowOf(context, ROW.with({ position }));
  if (row === undefined) return true; // it was done meanwhile
  if (tally.count + 1 > limits.deadLetters || tally.bytes + row.body.length > limits.deadLetterBytes) return false;
  await change(context, INSERT.with({ ...row, reason, at: now }));
  tally.count += 1;
  tally.bytes += row.body.length;
  await done(context, { positions: [position], consumer: CONSUMERS.bridge });
  return true;
}

const READ = statement<{ after: number; limit: number }>()((p) =>
  builder.selectFrom('dead_letters').selectAll().where('position', '>', p.after).orderBy('position').limit(p.limit));

export async function deadLetters(context: Context, params: { after: number; limit: number }): Promise<DeadLetterData[]> {
  return (await rowsOf(context, READ.with(params))).map((row) => ({ ...row, repeat: row.repeat !== 0 }));
}

const NAMED = statement<{ position: number }>()((p) => builder.selectFrom('dead_letters').selectAll().where('position', '=', p.position));

const BACK = statement<Row & { pending: number }>()((p) =>
  builder.insertInto('inbox')
    .values({ identity: p.identity, outbox: p.outbox, id: p.id, time: p.time, repeat: p.repeat, suite: p.suite, trust: p.trust, topic: p.topic, expires: p.expires, body: p.body, pending: p.pending })
    .onConflict((conflict) => conflict.columns(['identity', 'outbox', 'id']).doUpdateSet({ pending: sql<number>`inbox.pending | ${p.pending}` })));

const GONE = new RowsStatement<{ position: number }, never>(64, (rows) =>
  builder.deleteFrom('dead_letters').where('position', 'in', rows.map(({ position }) => position)));

/** Undefined positions: all. */
export async function retry(context: Context, { positions }: { positions: readonly number[] | undefined }): Promise<number> {
  let count = 0;
  for (let after = 0; ;) {
    const rows = positions === undefined
      ? await rowsOf(context, READ.with({ after, limit: 100 }))
      : (await Promise.all(positions.map((position) => rowOf(context, NAMED.with({ position }))))).filter((row) => row !== undefined);
    for (const { identity, outbox, id, time, repeat, suite, trust, topic, expires, body } of rows) {
      await change(context, BACK.with({ identity, outbox, id, time, repeat, suite, trust, topic, expires, body, pending: CONSUMERS.bridge }));
    }
    await GONE.run(context.db, rows);
    count += rows.length;
    if (positions !== undefined || rows.length < 100) break;
    after = rows.at(-1)!.position;
  }
  if (count > 0) context.recount = true;
  return count;
}
