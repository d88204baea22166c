/**
 * Messages that wait for their acknowledgement, in memory: the bodies behind the ids that the core keeps.
 * A device's outbox, and the gateway's queue towards one device where there is no registry.
 * An id without a message is one that was given up: SKIP goes in its place.
 *
 * Number 1 of every outbox is a SKIP, and nothing else goes before it is acknowledged: a receiver without a record takes
 * number 1 whatever it is, so one that lost its record before its ACK would act twice on a message under it.
 */
import { randomBytes } from 'node:crypto';
import { ACK_NO_TARGET, ACK_TOO_LONG, DATA, SKIP } from '../../assembly/abi.js';
import type { Outgoing } from '../core/types.js';
import { TidelockError } from '../errors.js';
import { Outcome } from './outcome.js';

export interface OutboxBounds {
  bytes: number;
  messages: number;
  full: 'refuse' | 'drop-oldest';
}

export interface OutboxMessageOptions {
  lifetime: number;
  doubt: 'report' | 'repeat';
  signal: AbortSignal | undefined;
  /** Type of its frame, whose whole body was given. Default DATA. */
  type?: number;
  /** Why it is not taken at all, if so. */
  refuse?: TidelockError | undefined;
}

/** How messages ended, and bytes that wait, counted by the owner over all its outboxes. */
export interface OutboxTotals {
  delivered: number;
  failed: number;
  bytes: number;
  /** Bound of `bytes`. */
  most: number;
}

export class OutboxMessage {
  id = 0;
  /** Its stable name, where its owner gives it one. */
  name: string | undefined = undefined;
  readonly body: Uint8Array;
  readonly type: number;
  /** Monotonic ms. */
  readonly made: number;
  readonly deadline: number;
  readonly doubt: 'report' | 'repeat';
  /** It may have been acted on before. */
  repeat = false;
  /** Sent, and not known to be untaken. */
  sent = false;
  readonly outcome = new Outcome<void>();
  #signal: AbortSignal | undefined;
  #abort: (() => void) | undefined;

  constructor(body: Uint8Array, type: number, now: number, lifetime: number, doubt: 'report' | 'repeat') {
    this.body = body;
    this.type = type;
    this.made = now;
    this.deadline = now + lifetime;
    this.doubt = doubt;
  }

  get acknowledged(): Promise<void> {
    return this.outcome.promise;
  }

  /** @internal */
  watch(signal: AbortSignal, abort: () => void): void {
    this.#signal = signal;
    this.#abort = abort;
    signal.addEventListener('abort', abort, { once: true });
  }

  /** @internal */
  unwatch(): void {
    if (this.#abort !== undefined) this.#signal?.removeEventListener('abort', this.#abort);
    this.#signal = this.#abort = undefined;
  }
}

/** Any but zero, which the core takes for none. */
export function newOutboxNumber(): number {
  for (;;) {
    const number = randomBytes(4).readUInt32BE();
    if (number !== 0) return number;
  }
}

export class Outbox {
  /** Random, told to the peer in the handshake. */
  number = newOutboxNumber();
  /** Lowest id not yet acknowledged, highest ever sent. */
  low = 1;
  sent = 0;
  /** Called at the end of each message, before its outcome; without an error it was acknowledged. */
  ended: ((message: OutboxMessage, error: TidelockError | undefined) => void) | undefined;
  /** Bytes of bodies that wait. */
  bytes = 0;
  readonly #messages = new Map<number, OutboxMessage>();
  readonly #to: string;
  readonly #bounds: OutboxBounds;
  readonly #totals: OutboxTotals;
  /** The next id to be given. */
  #next = 2;
  #nextDeadline = Infinity;

  constructor(to: string, bounds: OutboxBounds, totals: OutboxTotals) {
    this.#to = to;
    this.#bounds = bounds;
    this.#totals = totals;
  }

  /** Messages that wait. */
  get size(): number {
    return this.#messages.size;
  }

  /** Ids below this may be sent: what the core is told as queued. */
  get ready(): number {
    return this.low === 1 ? 2 : this.#next;
  }

  /** When the next one is to be given up, monotonic ms; Infinity: never. It may be too early, never too late. */
  get nextDeadline(): number {
    return this.#nextDeadline;
  }

  /** Takes a message, whose end may come at once. */
  add(body: Uint8Array, now: number, options: OutboxMessageOptions): OutboxMessage {
    const message = new OutboxMessage(body, options.type ?? DATA, now, options.lifetime, options.doubt);
    if (options.refuse !== undefined) {
      this.#fail(message, options.refuse);
      return message;
    }
    if (options.signal?.aborted === true) {
      this.#fail(message, new TidelockError('CANCELLED', {}, { cause: options.signal.reason }));
      return message;
    }
    const full = this.#makeRoom(body.length);
    if (full !== undefined) {
      this.#fail(message, new TidelockError('QUEUE_FULL', { to: this.#to, bound: full }));
      return message;
    }
    message.id = this.#next++;
    this.#messages.set(message.id, message);
    this.#count(body.length);
    if (message.deadline < this.#nextDeadline) this.#nextDeadline = message.deadline;
    const { signal } = options;
    if (signal !== undefined) {
      // What was sent may have been taken: its end is told by the peer, or it is in doubt.
      message.watch(signal, () => this.cancel(message, signal.reason));
    }
    return message;
  }

  get(id: number): OutboxMessage | undefined {
    return this.#messages.get(id);
  }

  /** Gives up one that was not sent; false: too late. */
  cancel(message: OutboxMessage, reason?: unknown): boolean {
    if (message.sent || this.#messages.get(message.id) !== message) return false;
    this.#remove(message, new TidelockError('CANCELLED', {}, { cause: reason }));
    return true;
  }

  /** The messages that the core asked for, in order, SKIP for those given up. They count as sent from now on. */
  take(first: number, count: number, now: number): Outgoing[] {
    const out: Outgoing[] = [];
    for (let id = Math.max(first, this.low); id < first + count; id++) {
      const message = this.#messages.get(id);
      out.push(message === undefined ? skip(id) : { type: message.type, id, age: Math.max(0, now - message.made), repeat: message.repeat, body: message.body });
    }
    return out;
  }

  /** These ids have been framed. */
  framed(first: number, last: number): void {
    for (let id = first; id <= last; id++) {
      const message = this.#messages.get(id);
      if (message !== undefined) message.sent = true;
    }
    if (last > this.sent) this.sent = last;
  }

  /** The peer has taken every id up to this one. */
  acknowledged(last: number): void {
    for (; this.low <= last && this.low < this.#next; this.low++) {
      const message = this.#messages.get(this.low);
      if (message !== undefined) this.#remove(message, undefined);
    }
  }

  /** The peer will never take this one. */
  refused(id: number, status: number): void {
    this.acknowledged(id - 1);
    const message = this.#messages.get(id);
    if (message === undefined) return;
    if (status === ACK_TOO_LONG) this.tooLong(id, 0);
    else this.#remove(message, new TidelockError(status === ACK_NO_TARGET ? 'NO_TARGET' : 'REFUSED'));
  }

  /** The peer takes no body as long as this one's. `largest` 0: how long is not known. */
  tooLong(id: number, largest: number): void {
    const message = this.#messages.get(id);
    if (message === undefined) return;
    this.#remove(message, new TidelockError('TOO_LONG', { bytes: message.body.length, largest: largest === 0 ? 'length' : largest }));
  }

  /** The peer is busy: it has taken neither this id nor one behind it. */
  untaken(id: number): void {
    for (; id <= this.sent; id++) {
      const message = this.#messages.get(id);
      if (message !== undefined) message.sent = false;
    }
  }

  /**
   * The peer has lost its record. Ids up to `doubt` may have been taken: they end in doubt, or go again marked as repeats.
   * What stays gets new ids under a new outbox number.
   */
  renew(doubt: number): void {
    const stay: OutboxMessage[] = [];
    for (let id = this.low; id < this.#next; id++) {
      const message = this.#messages.get(id);
      if (message === undefined) continue;
      if (id <= doubt && message.doubt === 'report') {
        this.#remove(message, new TidelockError('IN_DOUBT'));
        continue;
      }
      if (id <= doubt) message.repeat = true;
      message.sent = false;
      stay.push(message);
    }
    this.#messages.clear();
    this.number = newOutboxNumber();
    this.low = 1;
    this.sent = 0;
    this.#next = 2;
    for (const message of stay) {
      message.id = this.#next++;
      this.#messages.set(message.id, message);
    }
  }

  /** Gives up what has lived long enough. */
  expire(now: number): void {
    if (now < this.#nextDeadline) return;
    this.#nextDeadline = Infinity;
    for (const message of this.#messages.values()) {
      if (message.deadline > now) {
        if (message.deadline < this.#nextDeadline) this.#nextDeadline = message.deadline;
      } else if (message.sent) {
        this.#remove(message, new TidelockError('IN_DOUBT'));
      } else {
        this.#remove(message, new TidelockError('EXPIRED', { ms: Math.round(now - message.made) }));
      }
    }
  }

  /** Ends everything that waits. */
  close(error: (message: OutboxMessage) => TidelockError): void {
    for (const message of this.#messages.values()) this.#remove(message, error(message));
  }

  /** Undefined, or the bound that is full. */
  #makeRoom(bytes: number): string | undefined {
    const { full } = this.#bounds;
    for (;;) {
      const bound = this.#fullBound(bytes);
      if (bound === undefined || full === 'refuse') return bound;
      const oldest = this.#oldestUnsent();
      if (oldest === undefined) return bound;
      this.#remove(oldest, new TidelockError('QUEUE_FULL', { to: this.#to, bound }));
    }
  }

  #fullBound(bytes: number): string | undefined {
    if (this.#messages.size >= this.#bounds.messages) return `${this.#bounds.messages} messages`;
    if (this.bytes + bytes > this.#bounds.bytes) return `${this.#bounds.bytes} bytes`;
    if (this.#totals.bytes + bytes > this.#totals.most) return `${this.#totals.most} bytes in all`;
    return undefined;
  }

  #oldestUnsent(): OutboxMessage | undefined {
    for (const message of this.#messages.values()) if (!message.sent) return message;
    return undefined;
  }

  #remove(message: OutboxMessage, error: TidelockError | undefined): void {
    this.#messages.delete(message.id);
    this.#count(-message.body.length);
    if (error === undefined) {
      message.unwatch();
      this.#totals.delivered += 1;
      this.ended?.(message, undefined);
      message.outcome.resolve();
    } else {
      this.#fail(message, error);
    }
  }

  #fail(message: OutboxMessage, error: TidelockError): void {
    message.unwatch();
    this.#totals.failed += 1;
    this.ended?.(message, error);
    message.outcome.reject(error);
  }

  #count(bytes: number): void {
    this.bytes += bytes;
    this.#totals.bytes += bytes;
  }
}

const NOTHING = new Uint8Array(0);

export function skip(id: number): Outgoing {
  return { type: SKIP, id, age: 0, repeat: false, body: NOTHING };
}
