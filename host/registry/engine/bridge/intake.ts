/**
 * Commands from the broker into the queues: each once, known by its `once` for 24 hours whatever became of it, and each with a result.
 * The keeper's epoch is checked in the same transaction, so what a superseded keeper brings queues nothing.
 */
import { TidelockError } from '../../../errors.js';
import { statement } from '../../database/statement.js';
import type { Command, KeeperLease, ResultHow, TakenCommand } from '../../bridge-types.js';
import { builder } from '../builder.js';
import { change, rowsOf, type Context } from '../context.js';
import { endRows } from '../ends.js';
import { enqueueRow } from '../queue.js';
import { holdsKeeper } from './keeper.js';
import { tell } from './results.js';

/** ms for which a command is known to have been taken. */
const KEEP_TAKEN = 86_400_000;
/** ms between two removals of what is older. */
const FORGET_EVERY = 60_000;

const TAKEN = statement<{ name: string; at: number }>()((p) =>
  builder.insertInto('taken').values({ name: p.name, at: p.at })
    .onConflict((conflict) => conflict.column('name').doNothing()));

const UNTAKE = statement<{ name: string }>()((p) => builder.deleteFrom('taken').where('name', '=', p.name));

const FORGET = statement<{ before: number }>()((p) => builder.deleteFrom('taken').where('at', '<', p.before));

const COMMAND = statement<{ position: number; identity: string; response: string; correlation: Uint8Array; tlId: string; replaces: string }>()((p) =>
  builder.insertInto('commands').values({
    position: p.position, identity: p.identity, response: p.response, correlation: p.correlation, tl_id: p.tlId, replaces: p.replaces,
  }));

/** Commands under a word that wait and were never sent. */
const UNSENT = statement<{ identity: string; replaces: string }>()((p) =>
  builder.selectFrom('commands')
    .innerJoin('queue', 'queue.position', 'commands.position')
    .innerJoin('devices', 'devices.identity', 'commands.identity')
    .select(({ fn }) => ['queue.position', 'queue.identity', 'first_outbox', 'first_id', fn<number>('length', ['body']).as('bytes')])
    .where('commands.identity', '=', p.identity).where('commands.replaces', '=', p.replaces)
    .whereRef('queue.id', '>', 'devices.out_sent')
    .orderBy('queue.id'));

export async function intake(
  context: Context, { lease, commands, now }: { lease: KeeperLease; commands: readonly Command[]; now: number },
): Promise<TakenCommand[] | undefined> {
  const { tally, limits } = context;
  if (!(await holdsKeeper(context, lease))) return undefined;
  // Not whether all of them have room: those of a message to many devices might never have it, and be asked for again for ever.
  if (tally.results >= limits.results) throw new TidelockError('QUEUE_FULL', { to: 'the broker', bound: `${limits.results} results` });
  if (now - tally.takenForgotten >= FORGET_EVERY) {
    tally.takenForgotten = now;
    tally.taken -= await change(context, FORGET.with({ before: now - KEEP_TAKEN }));
  }
  const taken: TakenCommand[] = [];
  for (const command of commands) taken.push(await takeOne(context, command, now));
  return taken;
}

async function takeOne(context: Context, command: Command, now: number): Promise<TakenCommand> {
  const { tally, limits } = context;
  const refuse = async (how: ResultHow, reason: string): Promise<TakenCommand> => {
    await tell(context, { ...command, message: '', how, reason, at: now });
    // Whoever may command one device can have as many refused as he likes: what is remembered of that leaves half for what was queued.
    if (tally.taken > limits.taken / 2 && command.once !== '') tally.taken -= await change(context, UNTAKE.with({ name: command.once }));
    return { how, message: '', next: 0 };
  };
  if (command.once !== '') {
    if (tally.taken >= limits.taken) return refuse('queue full', `${limits.taken} commands are remembered as taken, which is the bound`);
    if ((await change(context, TAKEN.with({ name: command.once, at: now }))) === 0) return { how: 'repeat', message: '', next: 0 };
    tally.taken += 1;
  }
  const { refusal, made, identity, body, topic, trust, replaces, response, correlation, tlId } = command;
  if (refusal !== undefined) return refuse(refusal.how, refusal.reason);
  const deadline = Math.min(command.deadline, now + limits.queueLifetime);
  if (deadline <= now) return refuse('expired', 'its lifetime was over when it came');
  if (replaces !== '') await replace(context, identity, replaces, now);
  try {
    const { position, message, next } = await enqueueRow(context, { identity, body, topic: topic === '' ? null : topic, trust: topic === '' ? null : trust, made, lifetime: deadline - made, again: false });
    await change(context, COMMAND.with({ position, identity, response, correlation, tlId, replaces }));
    tally.commands += 1;
    return { how: 'queued', message, next };
  } catch (error) {
    if (!(error instanceof TidelockError)) throw error;
    return refuse(error.code === 'QUEUE_FULL' ? 'queue full' : 'refused', error.problem);
  }
}

async function replace(context: Context, identity: string, replaces: string, now: number): Promise<void> {
  await endRows(context, await rowsOf(context, UNSENT.with({ identity, replaces })), 'cancelled', now, 'replaced');
}
