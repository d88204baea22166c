/** `gateway.messages()`: the durable inbox as an async iteration, and the marking of rows as done. */
import type { InboxRow, Registry } from '../registry/types.js';
import { outlasting } from './outlast.js';
import type { InboxMessage, MessagesOptions, Trust } from './types.js';

/** Rows marked done, joined over a tick into one call. */
export class DoneMarks {
  readonly #registry: Registry;
  readonly #ending = new AbortController();
  #positions: number[] = [];
  #batch: Promise<void> | undefined;
  #running = 0;
  #idle: (() => void) | undefined;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Fulfilled when it is committed. */
  mark(position: number): Promise<void> {
    this.#positions.push(position);
    this.#batch ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        const positions = this.#positions;
        this.#positions = [];
        this.#batch = undefined;
        this.#running += 1;
        outlasting(this.#registry, this.#ending.signal, () => this.#registry.done(positions)).then(resolve, reject).finally(() => {
          this.#running -= 1;
          if (this.#running === 0) this.#idle?.();
        });
      });
    });
    return this.#batch;
  }

  /** Fulfilled when nothing is under way. From here on a database that is away is not waited for. */
  whenIdle(): Promise<void> {
    this.#ending.abort();
    if (this.#running === 0 && this.#batch === undefined) return Promise.resolve();
    return new Promise((resolve) => (this.#idle = resolve));
  }
}

class Row implements InboxMessage {
  readonly device: string;
  readonly id: string;
  readonly body: Buffer;
  readonly time: number;
  readonly repeat: boolean;
  readonly topic: string | undefined;
  readonly expires: number | undefined;
  readonly trust: Trust;
  readonly #position: number;
  readonly #marks: DoneMarks;

  constructor(row: InboxRow, marks: DoneMarks) {
    this.device = row.identity;
    this.id = row.message;
    this.body = row.body;
    this.time = row.time;
    this.repeat = row.repeat;
    this.topic = row.topic;
    this.expires = row.expires;
    this.trust = row.trust;
    this.#position = row.position;
    this.#marks = marks;
  }

  text(): string {
    return this.body.toString('utf8');
  }

  done(): Promise<void> {
    return this.#marks.mark(this.#position);
  }
}

type Step = IteratorResult<InboxMessage, undefined>;
interface Waiter {
  resolve(step: Step): void;
  reject(error: unknown): void;
}

const END: Step = { done: true, value: undefined };

/** Reads behind the last row that it saw, so every row once in a run; a new run begins with the oldest undone one. */
export class InboxReader implements AsyncIterableIterator<InboxMessage> {
  readonly #registry: Registry;
  readonly #marks: DoneMarks;
  readonly #prefetch: number;
  readonly #left: (reader: InboxReader) => void;
  readonly #signal: AbortSignal | undefined;
  #rows: InboxRow[] = [];
  #after = 0;
  /** There may be more rows than were read. */
  #more = true;
  #reading = false;
  #ended = false;
  readonly #over = new AbortController();
  #error: Error | undefined;
  #waiting: Waiter[] = [];
  readonly #onInbox = (): void => {
    this.#more = true;
    this.#fill();
  };
  readonly #onAbort = (): void => this.end();

  /** `left` is called once, when it ends. */
  constructor(registry: Registry, marks: DoneMarks, prefetch: number, options: MessagesOptions, left: (reader: InboxReader) => void) {
    this.#registry = registry;
    this.#marks = marks;
    this.#prefetch = options.prefetch ?? prefetch;
    this.#left = left;
    this.#signal = options.signal;
    registry.on('inbox', this.#onInbox);
    if (this.#signal?.aborted === true) this.end();
    else this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  next(): Promise<Step> {
    const row = this.#rows.shift();
    if (row !== undefined) {
      this.#fill();
      return Promise.resolve({ done: false, value: new Row(row, this.#marks) });
    }
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve(END);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#fill();
    });
  }

  return(): Promise<Step> {
    this.end();
    return Promise.resolve(END);
  }

  /** What was read ahead is not handed out any more: it is undone, and comes in the next run. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#over.abort();
    this.#rows = [];
    this.#registry.off('inbox', this.#onInbox);
    this.#signal?.removeEventListener('abort', this.#onAbort);
    for (const waiter of this.#waiting.splice(0)) waiter.resolve(END);
    this.#left(this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #fill(): void {
    if (this.#reading || this.#ended || !this.#more || this.#rows.length > this.#prefetch / 2) return;
    this.#reading = true;
    this.#more = false;
    const limit = this.#prefetch;
    outlasting(this.#registry, this.#over.signal, () => this.#registry.read({ after: this.#after, limit })).then(
      (rows) => {
        this.#reading = false;
        if (this.#ended) return;
        if (rows.length > 0) this.#after = rows.at(-1)!.position;
        if (rows.length >= limit) this.#more = true;
        this.#rows.push(...rows);
        this.#serve();
        this.#fill();
      },
      (error: unknown) => {
        this.#reading = false;
        const waiter = this.#waiting.shift();
        if (waiter === undefined) this.#error = error as Error;
        else waiter.reject(error);
        this.end();
      },
    );
  }

  #serve(): void {
    while (this.#waiting.length > 0 && this.#rows.length > 0) {
      this.#waiting.shift()!.resolve({ done: false, value: new Row(this.#rows.shift()!, this.#marks) });
    }
  }
}
