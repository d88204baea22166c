/** Queues towards devices, from outside: put in, take out, look at, give up what lived too long. */
import { TidelockError } from '../../errors.js';
import { statement } from '../database/statement.js';
import { messageName, type MessageName } from '../names.js';
import type { End, Ended, Queued, Waiting } from '../types.js';
import { builder } from './builder.js';
import { rowOf, rowsOf, type Context } from './context.js';
import { endRows, forgetEnds } from './ends.js';
import { shownNext } from './lease.js';
import type { Params } from './operations.js';

/** Numbers end here; takeover begins a new outbox long before. */
const LAST_NUMBER = 0xffff_fffe;

const ADDRESSEE = statement<{ identity: string }>()((p) =>
  builder.selectFrom('devices').select(['disabled', 'out_next']).where('identity', '=', p.identity));

/** Draws the next number from the identity's counter. */
const DRAW = statement<{ identity: string }>()((p) =>
  builder.updateTable('devices')
    .set((eb) => ({ out_next: eb('out_next', '+', 1) }))
    .where('identity', '=', p.identity)
    .returning(['out_outbox', 'out_low', 'out_next']));

const INSERT = statement<{ identity: string; id: number; outbox: number; made: number; deadline: number; again: number; body: Uint8Array; topic: string | null; trust: number | null }>()((p) =>
  builder.insertInto('queue').values({
    identity: p.identity, id: p.id, first_outbox: p.outbox, first_id: p.id, made: p.made, deadline: p.deadline, again: p.again, repeat: 0, body: p.body, topic: p.topic, trust: p.trust,
  }).returning('position'));

/** A message towards a device, and how long it may live from when it was made. */
interface NewMessage {
  identity: string;
  body: Uint8Array;
  topic: string | null;
  /** Its number. */
  trust: number | null;
  /** Unix ms; `lifetime` counts from here. */
  made: number;
  lifetime: number;
  again: boolean;
}

export async function enqueue(context: Context, { now, ...message }: Params<'enqueue'>): Promise<Queued> {
  const { message: name, next } = await enqueueRow(context, { ...message, made: now });
  return { message: name, next };
}

/** Throws DEVICE_UNKNOWN, DISABLED or QUEUE_FULL, and has written nothing then. */
export async function enqueueRow(context: Context, { identity, body, topic, trust, made, lifetime, again }: NewMessage): Promise<Queued & { position: number }> {
  const device = await rowOf(context, ADDRESSEE.with({ identity }));
  if (device === undefined) throw new TidelockError('DEVICE_UNKNOWN', { identity });
  if (device.disabled !== 0) throw new TidelockError('DISABLED', { identity });
  const bound = device.out_next > LAST_NUMBER ? 'the numbers of its outbox, until its next session' : context.tally.fullQueue(identity, body.length);
  if (bound !== undefined) throw new TidelockError('QUEUE_FULL', { to: identity, bound });

  const out = (await rowOf(context, DRAW.with({ identity })))!;
  const id = out.out_next - 1;
  const { position } = (await rowOf(context, INSERT.with({ identity, id, outbox: out.out_outbox, made, deadline: made + lifetime, again: again ? 1 : 0, body, topic, trust })))!;
  context.tally.queue.add(identity, 1, body.length);
  return { position, message: messageName(identity, out.out_outbox, id), next: shownNext(out) };
}

/** Rows of the queue with what is needed to end or to show them. */
const withDevice = () => builder.selectFrom('queue')
  .innerJoin('devices', 'devices.identity', 'queue.identity')
  .select(({ fn }) => [
    'queue.position', 'queue.identity', 'queue.id', 'first_outbox', 'first_id', 'made', 'deadline', 'out_sent', 'topic', fn<number>('length', ['body']).as('bytes'),
  ]);

interface QueueRow {
  position: number;
  identity: string;
  id: number;
  first_outbox: number;
  first_id: number;
  made: number;
  deadline: number;
  out_sent: number;
  bytes: number;
}

/** What a list shows besides. */
interface ShownRow extends QueueRow {
  topic: string | null;
}

const NAMED = statement<MessageName>()((p) =>
  withDevice().where('queue.identity', '=', p.identity).where('first_outbox', '=', p.outbox).where('first_id', '=', p.id));

export async function cancel(context: Context, { now, ...name }: MessageName & { now: number }): Promise<'cancelled' | 'sent' | 'unknown'> {
  const row = await rowOf(context, NAMED.with(name));
  if (row === undefined) return 'unknown';
  if (row.id <= row.out_sent) return 'sent';
  await endRows(context, [row], 'cancelled', now);
  return 'cancelled';
}

const ENDED = statement<MessageName>()((p) =>
  builder.selectFrom('ends').select(['position', 'how', 'at'])
    .where('identity', '=', p.identity).where('outbox', '=', p.outbox).where('id', '=', p.id));

export async function outcome(context: Context, name: MessageName): Promise<Ended | Waiting | undefined> {
  const row = await rowOf(context, NAMED.with(name));
  if (row !== undefined) return shown(row);
  const end = await rowOf(context, ENDED.with(name));
  if (end === undefined) return undefined;
  const { identity, outbox, id } = name;
  return { message: messageName(identity, outbox, id), identity, end: end.how as End, at: end.at };
}

function shown({ identity, id, first_outbox, first_id, made, deadline, out_sent, topic, bytes }: ShownRow): Waiting {
  return { message: messageName(identity, first_outbox, first_id), identity, bytes, ...(topic === null ? {} : { topic }), made, deadline, sent: id <= out_sent };
}

const ALL_WAITING = statement<{ after: number; limit: number }>()((p) =>
  withDevice().where('queue.position', '>', p.after).orderBy('queue.position').limit(p.limit));

const WAITING_OF = statement<{ identity: string; after: number; limit: number }>()((p) =>
  withDevice().where('queue.identity', '=', p.identity).where('queue.position', '>', p.after).orderBy('queue.position').limit(p.limit));

export async function waiting(
  context: Context,
  { identity, after: last, limit }: { identity: string | undefined; after: MessageName | undefined; limit: number },
): Promise<Waiting[]> {
  let after = 0;
  if (last !== undefined) {
    // It may have ended since it was seen.
    const place = (await rowOf(context, NAMED.with(last))) ?? (await rowOf(context, ENDED.with(last)));
    if (place === undefined) return [];
    after = place.position;
  }
  const query = identity === undefined ? ALL_WAITING.with({ after, limit }) : WAITING_OF.with({ identity, after, limit });
  return (await rowsOf<ShownRow>(context, query)).map(shown);
}

const OVERDUE = statement<{ now: number; limit: number }>()((p) =>
  withDevice().where('deadline', '<=', p.now).orderBy('deadline').orderBy('queue.position').limit(p.limit));

const NEXT_DEADLINE = statement<Record<string, never>>()(() => builder.selectFrom('queue').select(({ fn }) => fn.min<number | null>('deadline').as('deadline')));

/** So many at a time: what is overdue after a long halt must not hold up the commits. */
const AT_ONCE = 1_000;

export async function expire(context: Context, { now }: { now: number }): Promise<number | undefined> {
  const rows = await rowsOf(context, OVERDUE.with({ now, limit: AT_ONCE }));
  await giveUp(context, rows, now);
  await forgetEnds(context, now);
  return (await rowOf(context, NEXT_DEADLINE.with({})))?.deadline ?? undefined;
}

/** Overdue rows: expired where they were never sent, else in doubt. */
export async function giveUp(context: Context, rows: readonly QueueRow[], now: number): Promise<void> {
  await endRows(context, rows.filter(({ id, out_sent }) => id > out_sent), 'expired', now);
  await endRows(context, rows.filter(({ id, out_sent }) => id <= out_sent), 'in doubt', now);
}
