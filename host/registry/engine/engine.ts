/**
 * Runs groups of operations against the database: one group is one transaction, so that however many messages and
 * commands came meanwhile share one flush to the disk. Either all of a group is durable when `run` is fulfilled, or
 * nothing of it is told to anybody.
 */
import { TidelockError } from '../../errors.js';
import { connect, type ConnectOptions } from '../database/connect.js';
import type { Connection, DatabaseState } from '../database/connection.js';
import { findDriver, type DriverName } from '../database/driver.js';
import { databaseError, isConstraint, reasonOf } from '../database/faults.js';
import { SCHEMA_VERSION } from '../database/migrations.js';
import type { RegistryInfo, RegistryLimits } from '../types.js';
import * as letters from './bridge/dead-letters.js';
import { intake } from './bridge/intake.js';
import * as keeper from './bridge/keeper.js';
import * as results from './bridge/results.js';
import * as rules from './bridge/rules.js';
import type { Context } from './context.js';
import { exportAll, importAll } from './bulk.js';
import * as devices from './devices.js';
import * as entities from './entities.js';
import * as inbox from './inbox.js';
import * as keys from './keys.js';
import { Master, scrubbed } from './master.js';
import { receipt, takeover } from './lease.js';
import type { Fault, Name, Operation, Outcome, Params, Reply, Result } from './operations.js';
import { probe } from './probe.js';
import * as queue from './queue.js';
import { commit } from './receive.js';
import { restored } from './restored.js';
import { rewrap } from './rewrap.js';
import * as send from './send.js';
import { Tally } from './tally.js';

export interface EngineOptions extends ConnectOptions {
  driver: 'auto' | DriverName;
  /** The whole URL of a PostgreSQL database, its password too; undefined: it is SQLite. */
  server: string | undefined;
  limits: Required<RegistryLimits>;
  /** Becomes the engine's, which wipes it. */
  masterKey: Uint8Array | undefined;
}

/** What an engine says without being asked. */
export type News = { readonly state: DatabaseState } | { readonly progress: readonly [done: number, of: number] };

type Handler<N extends Name> = (context: Context, params: Params<N>) => Promise<Result<N>>;

export class Engine {
  readonly #connection: Connection;
  readonly #options: EngineOptions;
  readonly #tally: Tally;
  readonly #master: Master;
  readonly #tell: (news: News) => void;
  #transactions = 0;
  #operations = 0;
  readonly #handlers: { readonly [N in Name]: Handler<N> } = {
    directory: devices.directory,
    add: devices.add,
    disable: devices.disable,
    list: devices.list,
    takeover,
    receipt,
    announce: entities.announce,
    unannounce: entities.unannounce,
    entities: entities.entities,
    forget: entities.forget,
    keys: keys.keysOf,
    rotate: keys.rotate,
    rewrap,
    export: exportAll,
    import: importAll,
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
    keep: keeper.keep,
    renewKeeper: keeper.renewKeeper,
    intake,
    results: results.results,
    told: results.told,
    dead: letters.dead,
    deadLetters: letters.deadLetters,
    retry: letters.retry,
    subscriptions: rules.subscriptions,
    subscribe: rules.subscribe,
    unsubscribe: rules.unsubscribe,
    rules: rules.rules,
    addRule: rules.addRule,
    extendRule: rules.extendRule,
    shrinkRule: rules.shrinkRule,
    removeRule: rules.removeRule,
    bridgeInfo: async ({ tally }) => ({ deadLetters: { ...tally.dead }, commands: tally.commands, results: tally.results }),
    check: () => this.#connection.check(),
    remarks: () => this.#connection.remarks(),
  };

  private constructor(connection: Connection, options: EngineOptions, tell: (news: News) => void) {
    this.#connection = connection;
    this.#options = options;
    this.#tell = tell;
    this.#master = new Master(options.masterKey, options.url);
    this.#tally = new Tally(options.limits);
  }

  /** `tell` hears when the database goes away and comes back, and how far a long operation is. Throws DRIVER_MISSING and DATABASE_*. */
  static async open(options: EngineOptions, tell: (news: News) => void): Promise<Engine> {
    const { server } = options;
    if (server === undefined) return new Engine(await connect(await findDriver(options.driver), options), options, tell);
    const { PostgresConnection } = await import('../database/postgres/connection.js');
    return new Engine(await PostgresConnection.open({ ...options, connection: server }, (state) => tell({ state })), options, tell);
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
      for (const { name, params } of group) {
        if (name === 'add' || name === 'rotate') (params as Params<'add' | 'rotate'>).key.fill(0);
        if (name === 'import') (params as Params<'import'>).records.keys.fill(0);
        if (name === 'rewrap') this.#master.wipeOther((params as Params<'rewrap'>).to);
      }
    }
  }

  close(): Promise<void> {
    this.#master.wipe();
    return this.#connection.close();
  }

  async #transact(group: readonly Operation[]): Promise<Reply> {
    let reply: Reply = { outcomes: [], ended: [], told: false };
    let context: Context | undefined;
    const tally = this.#tally;
    try {
      await this.#connection.transact(async (db) => {
        // From the beginning at each try: what a lost one has counted is not so.
        reply = { outcomes: [], ended: [], told: false };
        if (tally.stale) await tally.load(db);
        tally.stale = true;
        context = {
          db, tally, limits: this.#options.limits, ended: reply.ended, locks: this.#connection.locks, master: this.#master,
          progress: (done, of) => this.#tell({ progress: [done, of] }),
          recount: false, rewrapped: false, scrub: false, told: false,
        };
        for (const operation of group) reply.outcomes.push(await this.#operate(context, operation));
        tally.stale = context.recount;
        reply.told = context.told;
      });
      this.#transactions += 1;
      this.#operations += group.length;
    } catch (error) {
      tally.stale = true;
      throw error;
    }
    await this.#afterwards(group, context!);
    return reply;
  }

  /** What follows a change of the keys' form, once it is committed. A crash before the end of it is made good at the next opening. */
  async #afterwards(group: readonly Operation[], { rewrapped, scrub }: Context): Promise<void> {
    if (rewrapped) {
      const last = group.findLast(({ name }) => name === 'rewrap') as Operation<'rewrap'>;
      this.#master.become(last.params.to);
    }
    if (!scrub) return;
    try {
      await this.#connection.scrub();
      await this.#connection.transact((db) => scrubbed(db));
    } catch (error) {
      const { url } = this.#options;
      const reason = `the keys have their new form, but what lay there before could not be cleared (${reasonOf(error)}); it is tried again at the next opening`;
      throw new TidelockError('DATABASE_FAILED', { database: url, reason }, { cause: error });
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
    const reply: Reply = { outcomes: [], ended: [], told: false };
    for (const operation of group) {
      try {
        const { outcomes, ended, told } = await this.#transact([operation]);
        reply.outcomes.push(...outcomes);
        reply.ended.push(...ended);
        reply.told ||= told;
      } catch (error) {
        reply.outcomes.push({ fault: faultOf(databaseError(error, this.#options.url)) });
      }
    }
    return reply;
  }

  async #info(context: Context): Promise<RegistryInfo> {
    const { db } = context;
    const { count } = await db.selectFrom('devices').select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
    const { inbox: received, queue: queued } = this.#tally;
    return {
      driver: this.#connection.driver,
      version: this.#connection.version,
      schema: SCHEMA_VERSION,
      devices: Number(count),
      wrapped: await this.#master.wrapped(context),
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
