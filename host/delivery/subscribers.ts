/**
 * The listeners of one event, as a list that is made anew only when one comes or goes: `listeners()` would copy it
 * for every message. What a listener returns matters here, which `emit` would drop.
 */
import type { EventEmitter } from 'node:events';

export type Listener = (...args: never[]) => unknown;

export class Subscribers<L extends Listener> {
  readonly #emitter: EventEmitter;
  readonly #event: string;
  #list: readonly L[] = [];
  #stale = false;

  constructor(emitter: EventEmitter, event: string) {
    this.#emitter = emitter;
    this.#event = event;
    const changed = (name: string | symbol): void => {
      if (name === event) this.#stale = true;
    };
    emitter.on('newListener', changed);
    emitter.on('removeListener', changed);
  }

  /** Those of `once` are wrapped: to call one removes it. */
  get list(): readonly L[] {
    if (this.#stale) {
      this.#stale = false;
      this.#list = this.#emitter.rawListeners(this.#event) as unknown as L[];
    }
    return this.#list;
  }
}

/**
 * Emits from inside an event of the core. What a listener throws is thrown where Node shows it, but later: it must not
 * pass through the core's list of events and lose the rest of them.
 */
export function emitSafely(emitter: EventEmitter, event: string, ...args: unknown[]): void {
  try {
    emitter.emit(event, ...args);
  } catch (error) {
    throwLater(error);
  }
}

/** An error that no caller waits for: to the listeners of `error`, to `otherwise`, or thrown where Node shows it. */
export function emitError(emitter: EventEmitter, error: unknown, otherwise?: (error: unknown) => void): void {
  if (emitter.listenerCount('error') > 0) emitSafely(emitter, 'error', error);
  else if (otherwise !== undefined) otherwise(error);
  else throwLater(error);
}

function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
