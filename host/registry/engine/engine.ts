/**
 * Runs groups of operations against the database: one group is one transaction, so that however many messages and
 * commands came meanwhile share one flush to the disk. Either all of a group is durable when `run` is fulfilled, or
 * nothing of it is told to anybody.
 */
import { TidelockError } from '../../errors.js';
import { connect, type ConnectOptions } from '../database/connect.js';
import type { Connection, DatabaseState } from '../database/connection.js';
import { findDriver, type DriverName } from '../database/driver.js';
import { databaseError, isConstraint } from '../database/faults.js';
import { SCHEMA_VERSION } from '../database/migrations.js';
import type { RegistryInfo, RegistryLimits } from '../types.js';
import type { Context } from './context.js';
import * as devices from './devices.js';
import * as inbox from './inbox.js';
import * as keys from './keys.js';
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
  /** The whole URL of a PostgreSQL database, its password too; undefined: it is SQLite. */
  server: string | undefined;
  limits: Required<RegistryLimits>;
}

type Handler<N extends Name> = (context: Context, params: Params<N>) => Promise<Result<N>>;

export class Engine {
  readonly #connection: Connection;
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
    keys: keys.keysOf,
    rotate: keys.rotate,
    endKey: keys.endKey,
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
    check: () => this.#connection.check(),
    remarks: () => this.#connection.remarks(),
  };

  private constructor(connection: Connection, options: EngineOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#tally = new Tally(options.limits);
  }

  /** `tell` hears when the database goes away and comes back. Throws DRIVER_MISSING and DATABASE_*. */
  static async open(options: EngineOptions, tell: (state: DatabaseState) => void): Promise<Engine> {
    const { server } = options;
    if (server === undefined) return new Engine(await connect(await findDriver(options.driver), options), options);
    const { PostgresConnection } = await import('../database/postgres/connection.js');
    return new Engine(await PostgresConnection.open({ ...options, connection: server }, tell), options);
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
      for (const { name, params } of group) if (name === 'add' || name === 'rotate') (params as Params<'add' | 'rotate'>).key.fill(0);
    }
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #transact(group: readonly Operation[]): Promise<Reply> {
    let reply: Reply = { outcomes: [], ended: [] };
    const tally = this.#tally;
    try {
      await this.#connection.transact(async (db) => {
        // From the beginning at each try: what a lost one has counted is not so.
        reply = { outcomes: [], ended: [] };
        if (tally.stale) await tally.load(db);
        tally.stale = true;
        const context: Context = { db, tally, limits: this.#options.limits, ended: reply.ended, locks: this.#connection.locks, recount: false };
        for (const operation of group) reply.outcomes.push(await this.#operate(context, operation));
        tally.stale = context.recount;
      });
      this.#transactions += 1;
      this.#operations += group.length;
      return reply;
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
      driver: this.#connection.driver,
      version: this.#connection.version,
      schema: SCHEMA_VERSION,
      devices: Number(count),
      inbox: { rows: received.total.count, bytes: received.total.bytes },
      queue: { messages: queued.total.count, bytes: queued.total.bytes },
      transactions: this.#transactions,
      operations: this.#operations,
    };
  }
}

export function faultOf(error: TidelockError): Fault {
  const { cause } = error;
  return { code: error.code, details: error.details, cause: cause instanceof Error ? cause.message : undefined };
}
