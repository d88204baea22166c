/**
 * Runs groups of operations against the database: one group is one transaction, so that however many messages and
 * commands came meanwhile share one flush to the disk. Either all of a group is durable when `run` is fulfilled, or
 * nothing of it is told to anybody.
 */
import { TidelockError } from '../../errors.js';
import { connect, type Connection, type ConnectOptions } from '../database/connect.js';
import { findDriver, type DriverName } from '../database/driver.js';
import { databaseError, isConstraint } from '../database/faults.js';
import { SCHEMA_VERSION } from '../database/migrations.js';
import type { Ended, RegistryInfo, RegistryLimits } from '../types.js';
import type { Context } from './context.js';
import * as devices from './devices.js';
import * as inbox from './inbox.js';
import { takeover } from './lease.js';
import type { Fault, Name, Operation, Outcome, Params, Reply, Result } from './operations.js';
import { probe } from './probe.js';
import * as queue from './queue.js';
import { commit } from './receive.js';
import { restored } from './restored.js';
import * as send from './send.js';
import { Tally } from './tally.js';

export interface EngineOptions extends ConnectOptions {
  driver: 'auto' | DriverName;
  limits: Required<RegistryLimits>;
}

type Handler<N extends Name> = (context: Context, params: Params<N>) => Promise<Result<N>>;

export class Engine {
  readonly #connection: Connection;
  readonly #driver: DriverName;
  readonly #options: EngineOptions;
  readonly #tally: Tally;
  #transactions = 0;
  #operations = 0;
  readonly #handlers: { readonly [N in Name]: Handler<N> } = {
    directory: devices.directory,
    add: devices.add,
    disable: devices.disable,
    list: devices.list,
    takeover,
    commit,
    enqueue: queue.enqueue,
    cancel: queue.cancel,
    expire: queue.expire,
    waiting: queue.waiting,
    outcome: queue.outcome,
    take: send.take,
    delivered: send.delivered,
    refused: send.refused,
    untaken: send.untaken,
    renew: send.renew,
    restored,
    read: inbox.read,
    done: inbox.done,
    info: (context) => this.#info(context),
    probe,
    check: () => this.#check(),
  };

  private constructor(connection: Connection, driver: DriverName, options: EngineOptions) {
    this.#connection = connection;
    this.#driver = driver;
    this.#options = options;
    this.#tally = new Tally(options.limits);
  }

  /** Throws DRIVER_MISSING and DATABASE_*. */
  static async open(options: EngineOptions): Promise<Engine> {
    const driver = await findDriver(options.driver);
    return new Engine(await connect(driver, options), driver.name, options);
  }

  /** Not to be called again before it is fulfilled. Throws DATABASE_* where the whole group failed; nothing of it is known then. */
  async run(group: readonly Operation[]): Promise<Reply> {
    try {
      return await this.#transact(group);
    } catch (error) {
      // A fault of one operation must not cost the others their transaction.
      if (group.length > 1 && isConstraint(error)) return this.#oneByOne(group);
      throw databaseError(error, this.#options.url);
    } finally {
      for (const { name, params } of group) if (name === 'add') (params as Params<'add'>).key.fill(0);
    }
  }

  close(): void {
    this.#connection.close();
  }

  async #transact(group: readonly Operation[]): Promise<Reply> {
    const ended: Ended[] = [];
    const tally = this.#tally;
    try {
      const outcomes = await this.#connection.db.transaction().execute(async (db) => {
        if (tally.stale) await tally.load(db);
        const context: Context = { db, tally, limits: this.#options.limits, ended };
        const done: Outcome[] = [];
        for (const operation of group) done.push(await this.#operate(context, operation));
        return done;
      });
      this.#transactions += 1;
      this.#operations += group.length;
      return { outcomes, ended };
    } catch (error) {
      tally.stale = true;
      throw error;
    }
  }

  /** A refusal (unknown device, full queue) is this operation's outcome; it has written nothing. Anything else fails the group. */
  async #operate<N extends Name>(context: Context, { name, params }: Operation<N>): Promise<Outcome> {
    try {
      return { value: await (this.#handlers[name] as Handler<N>)(context, params) };
    } catch (error) {
      if (error instanceof TidelockError) return { fault: faultOf(error) };
      throw error;
    }
  }

  async #oneByOne(group: readonly Operation[]): Promise<Reply> {
    const reply: Reply = { outcomes: [], ended: [] };
    for (const operation of group) {
      try {
        const { outcomes, ended } = await this.#transact([operation]);
        reply.outcomes.push(...outcomes);
        reply.ended.push(...ended);
      } catch (error) {
        reply.outcomes.push({ fault: faultOf(databaseError(error, this.#options.url)) });
      }
    }
    return reply;
  }

  async #info({ db }: Context): Promise<RegistryInfo> {
    const { count } = await db.selectFrom('devices').select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
    const { inbox: received, queue: queued } = this.#tally;
    return {
      driver: this.#driver,
      version: this.#connection.version,
      schema: SCHEMA_VERSION,
      devices: Number(count),
      inbox: { rows: received.total.count, bytes: received.total.bytes },
      queue: { messages: queued.total.count, bytes: queued.total.bytes },
      transactions: this.#transactions,
      operations: this.#operations,
    };
  }

  async #check(): Promise<void> {
    const { url } = this.#options;
    const found = this.#connection.all('pragma integrity_check(3)').map((row) => String(Object.values(row)[0]));
    if (found[0] !== 'ok') throw new TidelockError('DATABASE_CORRUPT', { database: url, reason: found.join('; ') });
    const orphans = this.#connection.all('pragma foreign_key_check');
    if (orphans.length > 0) {
      throw new TidelockError('DATABASE_CORRUPT', { database: url, reason: `${orphans.length} rows of ${String(orphans[0]!['table'])} belong to no device` });
    }
  }
}

export function faultOf(error: TidelockError): Fault {
  const { cause } = error;
  return { code: error.code, details: error.details, cause: cause instanceof Error ? cause.message : undefined };
}
