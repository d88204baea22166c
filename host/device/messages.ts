/**
 * What comes from the gateway, on its way to the application: its listeners, its `for await` loops, and the record
 * of what was taken. A message that wants an acknowledgement is judged by them, one after the other.
 */
import { HANDLER_GONE } from './loop.js';
import { Handling, NOBODY, isPromise, type HandlingOwner } from '../delivery/handling.js';
import type { Subscribers } from '../delivery/subscribers.js';
import { TidelockError } from '../errors.js';
import type { Loop } from './loop.js';
import type { ReceivedMessage } from './message.js';
import type { DeviceMessageHandler, RecordStore } from './types.js';

export interface MessagesOwner {
  /** The verdict on message `number`, an ACK status; to be told to the core. */
  verdict(number: number, status: number): void;
  failed(error: unknown): void;
}

export class Messages implements HandlingOwner<ReceivedMessage> {
  /** The gateway's outbox that the numbers belong to. */
  outbox = 0;
  readonly loops = new Set<Loop>();
  readonly #owner: MessagesOwner;
  readonly #listeners: Subscribers<DeviceMessageHandler>;
  readonly #record: RecordStore | undefined;
  readonly #handling: Handling<ReceivedMessage>;

  constructor(owner: MessagesOwner, listeners: Subscribers<DeviceMessageHandler>, record: RecordStore | undefined) {
    this.#owner = owner;
    this.#listeners = listeners;
    this.#record = record;
    this.#handling = new Handling<ReceivedMessage>(this, { messages: 0, bytes: 0 });
  }

  /** Messages that wait for their verdict. */
  get size(): number {
    return this.#handling.size;
  }

  /** One that wants no acknowledgement. Returns how many older ones had to go because no loop fetched them. */
  post(message: ReceivedMessage): number {
    for (const listener of this.#listeners.list) {
      try {
        const result = listener(message);
        if (isPromise(result)) result.then(undefined, (error: unknown) => this.#handlerFailed(error));
      } catch (error) {
        this.#handlerFailed(error);
      }
    }
    let dropped = 0;
    for (const loop of this.loops) dropped += loop.post(message);
    return dropped;
  }

  /** One that wants an acknowledgement. */
  take(message: ReceivedMessage): void {
    this.#handling.push(message);
  }

  /** The core has been told the last verdict: what comes from here on is new again. */
  told(): void {
    this.#handling.unblock();
  }

  /** The gateway's numbers begin anew. */
  restart(outbox: number): void {
    this.outbox = outbox;
    this.#handling.restart();
  }

  end(): void {
    for (const loop of [...this.loops]) loop.end();
    this.#handling.restart();
  }

  /** @internal */
  handle(message: ReceivedMessage): unknown {
    const record = this.#record;
    if (record === undefined) return this.#dispatch(message);
    return record.when === 'before' ? this.#storeThenHandle(message) : this.#handleThenStore(message);
  }

  /** @internal */
  settled(message: ReceivedMessage, status: number, error: unknown): void {
    if (error !== undefined) this.#handlerFailed(error);
    this.#owner.verdict(message.number, status);
  }

  async #storeThenHandle(message: ReceivedMessage): Promise<unknown> {
    if (!(await this.#store(message))) return NOBODY;
    return this.#dispatch(message);
  }

  async #handleThenStore(message: ReceivedMessage): Promise<unknown> {
    if ((await this.#dispatch(message)) === NOBODY) return NOBODY;
    return (await this.#store(message)) ? undefined : NOBODY;
  }

  async #store(message: ReceivedMessage): Promise<boolean> {
    try {
      await this.#record!.store({ outbox: this.outbox, last: message.number });
      return true;
    } catch (cause) {
      this.#owner.failed(new TidelockError('RECORD_FAILED', { call: 'store', reason: String((cause as Error)?.message ?? cause) }, { cause }));
      return false; // the gateway hears busy, and sends it again
    }
  }

  /** To every listener and loop; their promises together are the verdict. */
  #dispatch(message: ReceivedMessage): unknown {
    if (message.skipped) return undefined;
    const listeners = this.#listeners.list;
    if (listeners.length === 0 && this.loops.size === 0) return NOBODY;
    const waits: PromiseLike<unknown>[] = [];
    for (const listener of listeners) {
      const result = listener(message);
      if (isPromise(result)) waits.push(result);
    }
    for (const loop of this.loops) waits.push(loop.take(message));
    if (waits.length === 0 || message.isDone) {
      for (const wait of waits) wait.then(undefined, (error: unknown) => this.#handlerFailed(error));
      return undefined;
    }
    const all = Promise.all(waits).then((ends) => (ends.includes(HANDLER_GONE) ? NOBODY : undefined));
    all.catch((error: unknown) => {
      if (message.isDone) this.#handlerFailed(error); // too late for a verdict, not for the owner
    });
    return Promise.race([message.whenDone(), all]);
  }

  #handlerFailed(cause: unknown): void {
    this.#owner.failed(new TidelockError('HANDLER_FAILED', { reason: String((cause as Error)?.message ?? cause) }, { cause }));
  }
}
