/** `for await (const message of device)`: a queue whose consumer sets the pace. */
import type { ReceivedMessage } from './message.js';
import type { DeviceMessage } from './types.js';

/** The loop was left with the message in hand, or before it came to it. */
export const HANDLER_GONE: unique symbol = Symbol('handler gone');

/** Messages without acknowledgement that wait for the loop; the oldest go first. */
const POSTED = 1_000;
const POSTED_BYTES = 1_048_576;

interface Entry {
  readonly message: ReceivedMessage;
  /** Undefined where no acknowledgement is wanted. */
  readonly settle: ((end: unknown) => void) | undefined;
}

type Step = IteratorResult<DeviceMessage, undefined>;

export class Loop implements AsyncIterableIterator<DeviceMessage> {
  #queue: Entry[] = [];
  #posted = 0;
  #postedBytes = 0;
  #inHand: Entry | undefined;
  #waiting: ((step: Step) => void)[] = [];
  #ended = false;
  readonly #left: (loop: Loop) => void;

  /** `left` is called once, when the loop ends. */
  constructor(left: (loop: Loop) => void) {
    this.#left = left;
  }

  /** Returns how many messages had to go. */
  post(message: ReceivedMessage): number {
    let dropped = 0;
    while (this.#posted >= POSTED || (this.#posted > 0 && this.#postedBytes + message.body.length > POSTED_BYTES)) {
      const oldest = this.#queue.findIndex((entry) => entry.settle === undefined);
      this.#count(this.#queue.splice(oldest, 1)[0]!, -1);
      dropped += 1;
    }
    const entry = { message, settle: undefined };
    this.#count(entry, 1);
    this.#offer(entry);
    return dropped;
  }

  /** Fulfilled when the loop has done with it, with HANDLER_GONE where it was left before. */
  take(message: ReceivedMessage): Promise<unknown> {
    return new Promise((settle) => this.#offer({ message, settle }));
  }

  next(): Promise<Step> {
    this.#inHand?.settle?.(undefined);
    this.#inHand = undefined;
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    const entry = this.#queue.shift();
    if (entry !== undefined) return Promise.resolve(this.#hand(entry));
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<Step> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#inHand?.settle?.(this.#inHand.message.isDone ? undefined : HANDLER_GONE);
    this.#inHand = undefined;
    for (const entry of this.#queue) entry.settle?.(HANDLER_GONE);
    this.#queue = [];
    for (const resolve of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
    this.#left(this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #offer(entry: Entry): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting(this.#hand(entry));
    else this.#queue.push(entry);
  }

  #hand(entry: Entry): Step {
    if (entry.settle === undefined) this.#count(entry, -1);
    this.#inHand = entry;
    return { done: false, value: entry.message };
  }

  #count(entry: Entry, sign: 1 | -1): void {
    this.#posted += sign;
    this.#postedBytes += sign * entry.message.body.length;
  }
}
