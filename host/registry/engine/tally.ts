/**
 * How much waits, in all and for each identity, so that a bound costs no query. Operations keep it up to date as they
 * write; where a transaction is rolled back it is counted anew from the tables.
 */
import type { Kysely } from 'kysely';
import type { Tables } from '../database/schema.js';
import type { RegistryLimits } from '../types.js';

export interface Amount {
  count: number;
  bytes: number;
}

/** One table: inbox or queue. */
export class Ledger {
  readonly total: Amount = { count: 0, bytes: 0 };
  readonly #of = new Map<string, Amount>();

  of(identity: string): Readonly<Amount> {
    return this.#of.get(identity) ?? NOTHING;
  }

  add(identity: string, count: number, bytes: number): void {
    let amount = this.#of.get(identity);
    if (amount === undefined) this.#of.set(identity, (amount = { count: 0, bytes: 0 }));
    amount.count += count;
    amount.bytes += bytes;
    this.total.count += count;
    this.total.bytes += bytes;
    if (amount.count === 0) this.#of.delete(identity);
  }

  clear(): void {
    this.#of.clear();
    this.total.count = this.total.bytes = 0;
  }
}

const NOTHING: Readonly<Amount> = { count: 0, bytes: 0 };

export class Tally {
  readonly inbox = new Ledger();
  readonly queue = new Ledger();
  /** Ends that are remembered. */
  ends = 0;
  /** Messages in queues whose senders at the broker wait for their end; results on their way to the broker; commands known as taken. */
  commands = 0;
  results = 0;
  taken = 0;
  /** When the oldest of these were last removed, Unix ms. */
  takenForgotten = 0;
  /** Dead letters. */
  readonly dead: Amount = { count: 0, bytes: 0 };
  /** Set where it may be wrong. */
  stale = true;
  readonly #limits: Required<RegistryLimits>;

  constructor(limits: Required<RegistryLimits>) {
    this.#limits = limits;
  }

  async load(db: Kysely<Tables>): Promise<void> {
    for (const name of ['inbox', 'queue'] as const) {
      const ledger = this[name];
      ledger.clear();
      const rows = await db.selectFrom(name)
        .select(({ fn }) => ['identity', fn.countAll<number>().as('count'), fn.sum<number>(fn('length', ['body'])).as('bytes')])
        .groupBy('identity')
        .execute();
      for (const { identity, count, bytes } of rows) ledger.add(identity, Number(count), Number(bytes));
    }
    const { count } = await db.selectFrom('ends').select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
    this.ends = Number(count);
    for (const name of ['commands', 'results', 'taken'] as const) {
      const row = await db.selectFrom(name).select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
      this[name] = Number(row.count);
    }
    const dead = await db.selectFrom('dead_letters')
      .select(({ fn }) => [fn.countAll<number>().as('count'), fn.sum<number | null>(fn('length', ['body'])).as('bytes')])
      .executeTakeFirstOrThrow();
    Object.assign(this.dead, { count: Number(dead.count), bytes: Number(dead.bytes ?? 0) });
    this.stale = false;
  }

  /** Room in the inbox for this much more from `identity`. */
  inboxHasRoom(identity: string, count: number, bytes: number): boolean {
    if (count === 0) return true; // a SKIP, which must get past a full inbox
    const { inboxRows, inboxBytes, inboxRowsPerDevice, inboxBytesPerDevice } = this.#limits;
    const { total } = this.inbox;
    const own = this.inbox.of(identity);
    return total.count + count <= inboxRows && total.bytes + bytes <= inboxBytes
      && own.count + count <= inboxRowsPerDevice && own.bytes + bytes <= inboxBytesPerDevice;
  }

  /** Undefined, or the bound of the queue that one more message would break, in words. */
  fullQueue(identity: string, bytes: number): string | undefined {
    const { queueMessages, queueBytes, queueMessagesPerDevice, queueBytesPerDevice } = this.#limits;
    const { total } = this.queue;
    const own = this.queue.of(identity);
    if (own.count + 1 > queueMessagesPerDevice) return `${queueMessagesPerDevice} messages`;
    if (own.bytes + bytes > queueBytesPerDevice) return `${queueBytesPerDevice} bytes`;
    if (total.count + 1 > queueMessages) return `${queueMessages} messages of all devices`;
    if (total.bytes + bytes > queueBytes) return `${queueBytes} bytes of all devices`;
    return undefined;
  }
}
