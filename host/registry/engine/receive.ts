/**
 * Messages from devices: their rows in the inbox and the record of their receipt, in the group's transaction. For each identity
 * one UPDATE says whether the session still holds the lease and whether its messages are the next ones; only then
 * are there rows. Identities go in order, so that two gateways can never wait for each other.
 */
import { RowsStatement, statement } from '../database/statement.js';
import { builder } from './builder.js';
import { rowOf, type Context } from './context.js';
import { UNLEASED } from '../unacknowledged.js';
import { BATCH_REPEAT, BATCH_SKIP, BATCH_SUITE, BATCH_TRUST, FULL, GAP, SUPERSEDED, type Batch, type LeaseRow } from './operations.js';

interface Row {
  identity: string;
  outbox: number;
  id: number;
  time: number;
  repeat: number;
  body: Uint8Array;
  topic: string | null;
  expires: number | null;
  pending: number;
  suite: number;
  trust: number;
}

/** `before`: the last one that must have been taken from this outbox; 0 where the record is of another or none. */
const RECORD = statement<LeaseRow & { before: number; last: number }>()((p) =>
  builder.updateTable('devices')
    .set({ in_outbox: p.outbox, in_last: p.last })
    .where('identity', '=', p.identity)
    .where('epoch', '=', p.epoch)
    .where((eb) => eb.or([
      eb.and([eb('in_outbox', '=', p.outbox), eb('in_last', '=', p.before)]),
      eb.and([eb('in_outbox', '!=', p.outbox), eb(eb.val(p.before), '=', 0)]),
    ]))
    .returning('identity'));

const SEEN = statement<LeaseRow>()((p) =>
  builder.selectFrom('devices').select(['in_outbox', 'in_last']).where('identity', '=', p.identity).where('epoch', '=', p.epoch));

/** Unique on (identity, outbox, id): what is there already stays, once. */
const INSERT = new RowsStatement<Row, never>(32, (rows) =>
  builder.insertInto('inbox')
    .values(rows.map((row) => ({
      identity: row.identity, outbox: row.outbox, id: row.id, time: row.time, repeat: row.repeat, body: row.body, topic: row.topic, expires: row.expires, pending: row.pending,
      suite: row.suite, trust: row.trust,
    })))
    .onConflict((conflict) => conflict.columns(['identity', 'outbox', 'id']).doNothing()));

/** Of one lease: indexes in the batch. */
interface Run {
  lease: LeaseRow;
  at: number[];
}

export async function commit(context: Context, batch: Batch): Promise<{ verdicts: Uint8Array; rows: number }> {
  const verdicts = new Uint8Array(batch.id.length); // durable, where nothing else is said
  const runs: Run[] = batch.leases.map((lease) => ({ lease, at: [] }));
  batch.lease.forEach((lease, i) => runs[lease]!.at.push(i));
  runs.sort((a, b) => (a.lease.identity < b.lease.identity ? -1 : a.lease.identity > b.lease.identity ? 1 : 0));

  const accepted: (Row | undefined)[] = new Array<undefined>(batch.id.length);
  for (const run of runs) {
    if (run.lease.epoch === UNLEASED) await takeEach(context, batch, run, accepted, verdicts);
    else if (!(await takeAll(context, batch, run, accepted))) await takeSome(context, batch, run, accepted, verdicts);
  }
  const rows = accepted.filter((row) => row !== undefined); // in order of arrival again
  const { changed } = await INSERT.run(context.db, rows);
  if (changed !== rows.length) context.recount = true;
  return { verdicts, rows: changed };
}

/** The usual case: consecutive, next, and with room. */
async function takeAll(context: Context, batch: Batch, { lease, at }: Run, accepted: (Row | undefined)[]): Promise<boolean> {
  const first = batch.id[at[0]!]!;
  let count = 0;
  let bytes = 0;
  for (let i = 0; i < at.length; i++) {
    const index = at[i]!;
    if (batch.id[index] !== first + i) return false;
    if ((batch.flags[index]! & BATCH_SKIP) === 0) count += 1;
    bytes += sizeOf(batch, index);
  }
  if (!context.tally.inboxHasRoom(lease.identity, count, bytes)) return false;
  const held = await rowOf(context, RECORD.with({ ...lease, before: first - 1, last: first + at.length - 1 }));
  if (held === undefined) return false;
  for (const index of at) accept(context, batch, lease, index, accepted);
  return true;
}

/** The lease has ended, or some were taken before, are not the next, or find no room: one by one. */
async function takeSome(context: Context, batch: Batch, { lease, at }: Run, accepted: (Row | undefined)[], verdicts: Uint8Array): Promise<void> {
  const seen = await rowOf(context, SEEN.with(lease));
  if (seen === undefined) {
    for (const index of at) verdicts[index] = SUPERSEDED;
    return;
  }
  const before = seen.in_outbox === lease.outbox ? seen.in_last : 0;
  let last = before;
  let full = false;
  for (const index of at) {
    const id = batch.id[index]!;
    if (id <= last) continue; // durable: taken before
    const skip = (batch.flags[index]! & BATCH_SKIP) !== 0;
    if (full || id !== last + 1) {
      verdicts[index] = GAP;
    } else if (context.tally.inboxHasRoom(lease.identity, skip ? 0 : 1, sizeOf(batch, index))) {
      last = id;
      accept(context, batch, lease, index, accepted);
    } else {
      verdicts[index] = FULL;
      full = true;
    }
  }
  if (last > before) await rowOf(context, RECORD.with({ ...lease, before, last }));
}

const SPEAKS = statement<{ identity: string }>()((p) =>
  builder.selectFrom('devices').select('identity').where('identity', '=', p.identity).where('disabled', '=', 0).where('protocol', '=', 'iotsocket'));

/** Nobody sends these again, and none waits for another: each that finds room is taken. There are no receipts. */
async function takeEach(context: Context, batch: Batch, { lease, at }: Run, accepted: (Row | undefined)[], verdicts: Uint8Array): Promise<void> {
  const known = (await rowOf(context, SPEAKS.with(lease))) !== undefined;
  for (const index of at) {
    if (!known) verdicts[index] = SUPERSEDED;
    else if (context.tally.inboxHasRoom(lease.identity, 1, sizeOf(batch, index))) accept(context, batch, lease, index, accepted);
    else verdicts[index] = FULL;
  }
}

function accept({ tally }: Context, batch: Batch, { identity, outbox }: LeaseRow, index: number, accepted: (Row | undefined)[]): void {
  const flags = batch.flags[index]!;
  if ((flags & BATCH_SKIP) !== 0) return;
  const end = batch.end[index]!;
  const bytes = sizeOf(batch, index);
  tally.inbox.add(identity, 1, bytes);
  accepted[index] = {
    identity, outbox, id: batch.id[index]!, time: batch.time[index]!, repeat: flags & BATCH_REPEAT,
    body: batch.bodies.subarray(end - bytes, end), topic: batch.topic[index]!, expires: batch.expires[index]!,
    pending: batch.pending, suite: (flags >> BATCH_SUITE) & 7, trust: flags >> BATCH_TRUST,
  };
}

function sizeOf({ end }: Batch, index: number): number {
  return end[index]! - (index === 0 ? 0 : end[index - 1]!);
}
