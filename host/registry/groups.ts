/**
 * Group commit: while one transaction is being written, what is called meanwhile collects for the next one. So a single
 * message waits for one flush, and a thousand wait for one flush as well.
 */
import { TidelockError } from '../errors.js';
import { BatchWriter, verdictsOf } from './batch.js';
import { CONSUMERS, type Name, type Operation, type Outcome, type Params, type Result } from './engine/operations.js';
import { errorOf, type Runner } from './thread/runner.js';
import type { Ended, Received, Verdict } from './types.js';

/** Bounds of one transaction; what is beyond waits for the next. */
const MOST_OPERATIONS = 1_024;
const MOST_MESSAGES = 8_192;
const MOST_BYTES = 4_194_304;

interface Call {
  /** Undefined: a batch, which is finished when it goes. */
  operation: Operation | undefined;
  batch: BatchWriter | undefined;
  /** Takes over the result before anybody hears of it, in order. */
  settle(outcome: Outcome): void;
  reject(error: TidelockError): void;
}

interface BatchCall extends Call {
  batch: BatchWriter;
  members: { first: number; count: number; resolve(verdicts: Verdict[]): void; reject(error: TidelockError): void }[];
}

export interface GroupsOwner {
  ended(ended: readonly Ended[]): void;
  /** Rows have entered the inbox. */
  received(): void;
  /** Results for the broker were written. */
  told(): void;
}

export class Groups {
  readonly #runner: Runner;
  readonly #owner: GroupsOwner;
  /** Who is to be done with what enters the inbox from now on: bits of CONSUMERS. */
  pending: number = CONSUMERS.app;
  #calls: Call[] = [];
  /** The last call, where it is a batch that takes more. */
  #open: BatchCall | undefined;
  #running = false;
  #closing: Promise<void> | undefined;
  #idle: (() => void) | undefined;

  constructor(runner: Runner, owner: GroupsOwner) {
    this.#runner = runner;
    this.#owner = owner;
  }

  /** `apply` runs at the moment the result is known, in the order of calls; its return is the promise's value. */
  call<N extends Name, R>(name: N, params: Params<N>, apply: (result: Result<N>) => R): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      if (this.#closing !== undefined) return reject(closed());
      this.#open = undefined;
      this.#push({
        operation: { name, params },
        batch: undefined,
        settle: (outcome) => {
          if ('fault' in outcome) reject(errorOf(outcome.fault));
          else resolve(apply(outcome.value as Result<N>));
        },
        reject,
      });
    });
  }

  /** Throws TypeError or RangeError. */
  commit(messages: readonly Received[]): Promise<Verdict[]> {
    if (this.#closing !== undefined) return Promise.reject(closed());
    if (messages.length === 0) return Promise.resolve([]);
    let batch = this.#open;
    if (batch === undefined || batch.batch.messages + messages.length > MOST_MESSAGES || batch.batch.bytes > MOST_BYTES) batch = this.#newBatch();
    const first = batch.batch.add(messages);
    if (this.#open !== batch) {
      this.#open = batch;
      this.#push(batch);
    }
    const { members } = batch;
    return new Promise((resolve, reject) => members.push({ first, count: messages.length, resolve, reject }));
  }

  /** Finishes what was called, then closes the runner. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      if (this.#running || this.#calls.length > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
      await this.#runner.close();
    })();
    return this.#closing;
  }

  #newBatch(): BatchCall {
    const members: BatchCall['members'] = [];
    return {
      operation: undefined,
      batch: new BatchWriter(),
      members,
      settle: (outcome) => {
        if ('fault' in outcome) {
          for (const { reject } of members) reject(errorOf(outcome.fault));
          return;
        }
        const { verdicts, rows } = outcome.value as Result<'commit'>;
        const all = verdictsOf(verdicts);
        if (rows > 0) this.#owner.received();
        for (const { first, count, resolve } of members) resolve(count === all.length ? all : all.slice(first, first + count));
      },
      reject: (error) => {
        for (const { reject } of members) reject(error);
      },
    };
  }

  #push(call: Call): void {
    this.#calls.push(call);
    if (this.#running) return;
    this.#running = true;
    // All that is called in this turn goes together.
    queueMicrotask(() => void this.#work());
  }

  async #work(): Promise<void> {
    while (this.#calls.length > 0) await this.#run(this.#next());
    this.#running = false;
    this.#idle?.();
  }

  #next(): Call[] {
    let count = 0;
    for (let messages = 0, bytes = 0; count < this.#calls.length && count < MOST_OPERATIONS; count++) {
      const { batch } = this.#calls[count]!;
      messages += batch?.messages ?? 0;
      bytes += batch?.bytes ?? 0;
      if (count > 0 && (messages > MOST_MESSAGES || bytes > MOST_BYTES)) break;
    }
    const group = this.#calls.splice(0, count);
    if (this.#open !== undefined && group.includes(this.#open)) this.#open = undefined;
    return group;
  }

  async #run(group: Call[]): Promise<void> {
    const operations = group.map(({ operation, batch }): Operation => operation ?? { name: 'commit', params: batch!.finish(this.pending) });
    try {
      const { outcomes, ended, told } = await this.#runner.run(operations);
      if (ended.length > 0) this.#owner.ended(ended);
      if (told) this.#owner.told();
      outcomes.forEach((outcome, i) => group[i]!.settle(outcome));
    } catch (error) {
      for (const { reject } of group) reject(error as TidelockError);
    }
  }
}

function closed(): TidelockError {
  return new TidelockError('CLOSED', { what: 'the registry' });
}
