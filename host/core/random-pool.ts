/** Random bytes for many small calls: the system is asked once for 64 of them. */
import { randomFillSync } from 'node:crypto';

const PORTIONS = 64;

export class RandomPool {
  readonly #bytes: Buffer;
  readonly #portion: number;
  #at: number;

  constructor(portion: number) {
    this.#portion = portion;
    this.#bytes = Buffer.alloc(portion * PORTIONS);
    this.#at = this.#bytes.length;
  }

  /** Copies the next portion to its place, and wipes it here. */
  take(to: Buffer, place: number): void {
    if (this.#at === this.#bytes.length) {
      randomFillSync(this.#bytes);
      this.#at = 0;
    }
    const next = this.#at + this.#portion;
    this.#bytes.copy(to, place, this.#at, next);
    this.#bytes.fill(0, this.#at, next);
    this.#at = next;
  }
}
