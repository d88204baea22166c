/**
 * Links that were closed and wait for the peer's FIN, so that our last frame is not lost to a reset.
 * A peer that does not answer costs its link for a short while only.
 */
import type { Link } from './link.js';

/** A round trip and a retransmission (RFC 6298: at least 1 s). */
const LINGER_MS = 2_000;
/** More than this many at a time are not waited for. */
const LINKS = 1_024;

export class Lingering {
  readonly #links = new Map<Link, number>();
  #last = -Infinity;
  #empty: (() => void) | undefined;

  /** Closes the link; `now` in monotonic ms. */
  end(link: Link, now: number): void {
    if (this.#links.size >= LINKS) {
      // Out of the list at once: its 'close' comes a turn later, and until then it would be chosen again and again.
      const oldest = this.#links.keys().next().value!;
      this.#links.delete(oldest);
      oldest.destroy();
    }
    this.#last = now + LINGER_MS;
    this.#links.set(link, this.#last);
    link.end(() => {
      this.#links.delete(link);
      if (this.#links.size === 0) this.#empty?.();
    });
  }

  /** When the first one is given up; Infinity where none waits. */
  get nextDeadline(): number {
    const first = this.#links.values().next();
    return first.done === true ? Infinity : first.value;
  }

  /** When the last one is given up; -Infinity where none waits. */
  get lastDeadline(): number {
    return this.#last;
  }

  /** Gives up those that waited long enough. */
  tick(now: number): void {
    for (const [link, until] of this.#links) {
      if (until > now) return; // in order of their ends
      link.destroy();
    }
  }

  destroy(): void {
    for (const link of this.#links.keys()) link.destroy();
  }

  get size(): number {
    return this.#links.size;
  }

  /** Calls `empty` once none is left. */
  whenEmpty(empty: () => void): void {
    if (this.#links.size === 0) empty();
    else this.#empty = empty;
  }
}
