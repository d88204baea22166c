/** Gives up queued messages that have outlived their lifetime, when the first of them is due. */
import type { Clock } from '../clock.js';
import type { DeliveryStore } from '../registry/types.js';

/** After the store failed. */
const AGAIN_MS = 5_000;

export class Expiry {
  readonly #store: DeliveryStore;
  readonly #clock: Clock;
  readonly #failed: (error: unknown) => void;
  /** Unix ms. At first at once: there may be messages of an earlier run. */
  #next = 0;
  #running = false;

  constructor(store: DeliveryStore, clock: Clock, failed: (error: unknown) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#failed = failed;
  }

  /** A message with this lifetime was queued. */
  within(ms: number): void {
    this.#next = Math.min(this.#next, this.#clock.unix() + ms);
  }

  tick(): void {
    if (this.#running || this.#clock.unix() < this.#next) return;
    this.#running = true;
    this.#next = Infinity;
    this.#store.expire().then(
      (next) => {
        this.#running = false;
        if (next !== undefined) this.#next = Math.min(this.#next, next);
      },
      (error: unknown) => {
        this.#running = false;
        this.within(AGAIN_MS);
        this.#failed(error);
      },
    );
  }
}
