/**
 * The engine in a thread of its own. SQLite is synchronous, and a flush to the disk takes milliseconds, on some disks
 * tens of them: in the gateway's thread every session would stand still for it.
 */
import { Worker, type TransferListItem } from 'node:worker_threads';
import { TidelockError } from '../../errors.js';
import type { EngineOptions, News } from '../engine/engine.js';
import type { Batch, Operation, Params, Reply } from '../engine/operations.js';
import { errorOf, type Runner } from './runner.js';
import type { FromThread, ToThread } from './worker.js';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: TidelockError): void;
}

export class ThreadRunner implements Runner {
  readonly #worker: Worker;
  readonly #url: string;
  #waiting: Waiting | undefined;
  /** Set once the thread is no more. */
  #dead: TidelockError | undefined;

  private constructor(options: EngineOptions, tell: (news: News) => void) {
    this.#url = options.url;
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: options,
      transferList: options.masterKey === undefined ? [] : [options.masterKey.buffer as ArrayBuffer], // it is to lie in one place only
      name: 'tidelock-registry',
      execArgv: [], // flags of the program, such as --input-type, are not the thread's
    });
    this.#worker.on('message', (message: FromThread) => {
      if ('state' in message || 'progress' in message) tell(message);
      else this.#settle(message);
    });
    this.#worker.on('error', (error) => this.#die(error.message, error));
    this.#worker.on('exit', () => this.#die('its thread ended', undefined));
  }

  static async open(options: EngineOptions, tell: (news: News) => void): Promise<ThreadRunner> {
    const runner = new ThreadRunner(options, tell);
    try {
      await runner.#ask(undefined, []);
    } catch (error) {
      await runner.#worker.terminate();
      throw error;
    }
    return runner;
  }

  run(group: readonly Operation[]): Promise<Reply> {
    const moved: TransferListItem[] = [];
    for (const { name, params } of group) {
      // Moved, not copied: bodies by the megabyte; and a key is to lie in one place only.
      if (name === 'commit') moved.push((params as Batch).bodies.buffer as ArrayBuffer);
      if (name === 'add' || name === 'rotate') moved.push((params as Params<'add' | 'rotate'>).key.buffer as ArrayBuffer);
      if (name === 'import') moved.push((params as Params<'import'>).records.keys.buffer as ArrayBuffer);
      if (name === 'rewrap' && (params as Params<'rewrap'>).to !== undefined) moved.push((params as Params<'rewrap'>).to!.buffer as ArrayBuffer);
    }
    return this.#ask({ group }, moved) as Promise<Reply>;
  }

  async close(): Promise<void> {
    try {
      if (this.#dead === undefined) await this.#ask({ close: true }, []);
    } finally {
      this.#dead ??= new TidelockError('CLOSED', { what: 'the registry' });
      await this.#worker.terminate();
    }
  }

  /** Without a message: only waits for the next. The thread holds the process only while something waits for it. */
  #ask(message: ToThread | undefined, moved: TransferListItem[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#dead !== undefined) return reject(this.#dead);
      this.#waiting = { resolve, reject };
      this.#worker.ref();
      if (message !== undefined) this.#worker.postMessage(message, moved);
    });
  }

  #settle(message: Exclude<FromThread, News>): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#worker.unref();
    if ('fault' in message) waiting?.reject(errorOf(message.fault));
    else waiting?.resolve(message.reply);
  }

  #die(reason: string, cause: unknown): void {
    this.#dead ??= new TidelockError('DATABASE_FAILED', { database: this.#url, reason }, { cause });
    this.#waiting?.reject(this.#dead);
    this.#waiting = undefined;
  }
}
