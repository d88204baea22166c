/** Messages that the application sends down: their names, their ends, and who waits for them. */
import { Outcome } from '../delivery/outcome.js';
import { TidelockError } from '../errors.js';
import { checkDoubt, checkLifetime } from '../options.js';
import type { End, Ended, QueueOptions } from '../registry/types.js';
import type { Engine } from './engine.js';
import type { Sending, SendOptions } from './types.js';

const LIFETIME_MS = 60_000;

class PendingSend implements Sending {
  readonly device: string;
  readonly bytes: number;
  readonly lifetime: number;
  readonly named = new Outcome<string>();
  readonly ended = new Outcome<void>();
  unwatch: (() => void) | undefined;

  constructor(device: string, bytes: number, lifetime: number) {
    this.device = device;
    this.bytes = bytes;
    this.lifetime = lifetime;
  }

  get queued(): Promise<string> {
    return this.named.promise;
  }

  get acknowledged(): Promise<void> {
    return this.ended.promise;
  }

  fail(error: unknown): void {
    this.unwatch?.();
    this.named.reject(error);
    this.ended.reject(error);
  }

  succeed(): void {
    this.unwatch?.();
    this.ended.resolve();
  }
}

export class Sender {
  delivered = 0;
  failed = 0;
  readonly #engine: Engine;
  /** By name; and those whose place in the queue is not yet committed. */
  readonly #pending = new Map<string, PendingSend>();
  readonly #unnamed = new Set<PendingSend>();
  readonly #onEnded = (ended: Ended): void => this.#end(ended);

  constructor(engine: Engine) {
    this.#engine = engine;
    engine.store.on('ended', this.#onEnded);
  }

  send(device: string, body: Uint8Array, options: SendOptions): Sending {
    const lifetime = checkLifetime(options.lifetime ?? LIFETIME_MS), doubt = checkDoubt(options.doubt ?? 'report');
    const sending = new PendingSend(device, body.length, lifetime), { signal } = options;
    if (this.#engine.closing) {
      this.#fail(sending, new TidelockError('CLOSED', { what: 'the gateway' }));
    } else if (signal?.aborted === true) {
      this.#fail(sending, new TidelockError('CANCELLED', {}, { cause: signal.reason }));
    } else {
      const { topic, trust } = options;
      this.#enqueue(sending, body, { lifetime, doubt, ...(topic === undefined ? {} : { topic, trust: trust ?? 'proved' }) }, signal);
    }
    return sending;
  }

  refuse(device: string, error: TidelockError): Sending {
    const sending = new PendingSend(device, 0, 0);
    this.#fail(sending, error);
    return sending;
  }

  /** The gateway closes: a durable message stays in its queue, but nobody here hears of its end. */
  close(): void {
    this.#engine.store.off('ended', this.#onEnded);
    for (const sending of [...this.#pending.values(), ...this.#unnamed]) sending.fail(new TidelockError('CLOSED', { what: 'the gateway' }));
    this.#pending.clear();
    this.#unnamed.clear();
  }

  #enqueue(sending: PendingSend, body: Uint8Array, options: QueueOptions, signal: AbortSignal | undefined): void {
    const engine = this.#engine, { device, lifetime } = sending;
    this.#unnamed.add(sending);
    engine.store.enqueue(device, body, options).then(
      ({ message, next }) => {
        if (!this.#unnamed.delete(sending)) return; // closed meanwhile
        this.#pending.set(message, sending);
        sending.named.resolve(message);
        engine.queued(device, next, lifetime);
        if (signal !== undefined) this.#watch(sending, message, signal);
      },
      (error: unknown) => {
        if (this.#unnamed.delete(sending)) this.#fail(sending, error);
      },
    );
  }

  #watch(sending: PendingSend, message: string, signal: AbortSignal): void {
    const abort = (): void => {
      // Once sent it may have been taken: then its end is told by the device, or it is in doubt.
      this.#engine.store.cancel(message).then(undefined, (error: unknown) => this.#engine.failed(error));
    };
    sending.unwatch = () => signal.removeEventListener('abort', abort);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  }

  #end({ message, end }: Ended): void {
    if (end === 'delivered') this.delivered += 1;
    else this.failed += 1;
    const sending = this.#pending.get(message);
    if (sending === undefined) return; // queued before a restart
    this.#pending.delete(message);
    if (end === 'delivered') sending.succeed();
    else sending.fail(endError(end, sending));
    this.#engine.settled();
  }

  #fail(sending: PendingSend, error: unknown): void {
    this.failed += 1;
    sending.fail(error);
  }
}

function endError(end: Exclude<End, 'delivered'>, { bytes, lifetime }: PendingSend): TidelockError {
  switch (end) {
    case 'expired': return new TidelockError('EXPIRED', { ms: lifetime });
    case 'refused': return new TidelockError('REFUSED');
    case 'too long': return new TidelockError('TOO_LONG', { bytes, largest: 'length' });
    case 'no target': return new TidelockError('NO_TARGET');
    case 'in doubt': return new TidelockError('IN_DOUBT');
    case 'cancelled': return new TidelockError('CANCELLED');
  }
}
