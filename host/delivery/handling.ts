/**
 * Messages that want an acknowledgement, on their way through the application's handlers. One after the other:
 * a message that is refused makes those behind it come again, so none of them may have been handled yet.
 */
import { ACK_BUSY, ACK_OK, ACK_REFUSED } from '../../assembly/abi.js';

/** What a handler returns where there is nobody to handle: the sender tries again later. */
export const NOBODY: unique symbol = Symbol('nobody');

export interface Numbered {
  /** Number of the message in its outbox. */
  readonly number: number;
  readonly length: number;
}

/** What waits, summed over many. */
export interface Gauge {
  messages: number;
  bytes: number;
}

/** What a message costs beside its body while it waits: objects and views, 480 bytes measured on Node 20. */
const MESSAGE_COST = 512;

/** Bytes that a message is counted with, so that a flood of empty ones is bounded too. */
export function costOf(bodyBytes: number): number {
  return bodyBytes + MESSAGE_COST;
}

export interface HandlingOwner<M> {
  /** Hands it to the application; what it returns or throws is the verdict. */
  handle(message: M): unknown;
  /** The verdict, an ACK status. `error` is what the handler threw. */
  settled(message: M, status: number, error: unknown): void;
}

export class Handling<M extends Numbered> {
  readonly #owner: HandlingOwner<M>;
  readonly #gauge: Gauge;
  #queue: M[] = [];
  #current: M | undefined;
  #highest = 0;
  /** A verdict other than ok was given, and the core does not know it yet: what it reports meanwhile comes again. */
  #blocked = false;
  /** Raised where the numbers begin anew: a verdict of before is nobody's any more. */
  #generation = 0;

  constructor(owner: HandlingOwner<M>, gauge: Gauge) {
    this.#owner = owner;
    this.#gauge = gauge;
  }

  /** Messages that wait, with the one in hand. */
  get size(): number {
    return this.#queue.length + (this.#current === undefined ? 0 : 1);
  }

  /** False: it is being handled or waits already, so that its verdict will come; or it stands behind one that was refused. */
  push(message: M): boolean {
    if (this.#blocked || message.number <= this.#highest) return false;
    this.#highest = message.number;
    this.#count(message, 1);
    this.#queue.push(message);
    if (this.#current === undefined) this.#run();
    return true;
  }

  /** The core has been told the last verdict. */
  unblock(): void {
    this.#blocked = false;
  }

  /** Forgets what waits: it will come again. The one in hand is still judged. */
  drop(): void {
    for (const message of this.#queue) this.#count(message, -1);
    this.#queue = [];
    this.#highest = this.#current?.number ?? 0;
  }

  /** The sender's numbers begin anew: what waits is gone, and the verdict on the one in hand too. */
  restart(): void {
    this.#generation += 1;
    this.#blocked = false;
    this.#release();
    this.drop();
  }

  #release(): void {
    if (this.#current !== undefined) this.#count(this.#current, -1);
    this.#current = undefined;
  }

  #count(message: M, sign: 1 | -1): void {
    this.#gauge.messages += sign;
    this.#gauge.bytes += sign * costOf(message.length);
  }

  #run(): void {
    while (this.#current === undefined) {
      const message = this.#queue.shift();
      if (message === undefined) return;
      this.#current = message;
      const generation = this.#generation;
      let result: unknown;
      let status: number = ACK_OK;
      let thrown: unknown;
      try {
        result = this.#owner.handle(message);
        if (result === NOBODY) status = ACK_BUSY;
      } catch (error) {
        status = ACK_REFUSED;
        thrown = error;
      }
      if (generation !== this.#generation) continue; // the handler closed us
      if (isPromise(result)) {
        const end = (status: number, error?: unknown): void => {
          if (generation !== this.#generation) return;
          this.#settle(message, status, error);
          this.#run();
        };
        result.then((value) => end(value === NOBODY ? ACK_BUSY : ACK_OK), (error: unknown) => end(ACK_REFUSED, error));
        return;
      }
      this.#settle(message, status, thrown);
    }
  }

  #settle(message: M, status: number, error: unknown): void {
    this.#release();
    if (status !== ACK_OK) {
      this.#blocked = true;
      this.drop(); // the sender goes back to this one; those behind it come again
    }
    this.#owner.settled(message, status, error);
  }
}

export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
