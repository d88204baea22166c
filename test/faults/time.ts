/** Virtual time for real sockets: it stands still while anything moves, and then leaps to the next timer. */
import type { Clock, ClockTimer } from 'tidelock/gateway';
import { TestClock, turns } from '../gateway/support.js';

/**
 * Turns of the event loop without a byte on its way, after which nothing more is to be expected: from a chunk to its
 * answer it takes three (read and committed, verdict told, written).
 */
const QUIET_TURNS = 6;
const MOST_IDLE_MS = 30_000;

export class VirtualTime {
  readonly clock = new TestClock();
  readonly #moved: () => number;
  #seen = -1;
  #idle = 0;

  /** `moved` rises with everything that comes through between the two sides. */
  constructor(moved: () => number) {
    this.#moved = moved;
  }

  /** Until nothing moves any more. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; ) {
      await turns(1);
      const moved = this.#moved();
      quiet = moved === this.#seen ? quiet + 1 : 0;
      this.#seen = moved;
    }
  }

  /** On to the next timer. */
  async leap(): Promise<void> {
    await this.settle();
    const ms = this.clock.untilNext;
    if (ms !== Infinity) return this.clock.advance(ms);
    // Something waits for what has no virtual time, such as a file: at most so long, in real ms.
    if ((this.#idle += 1) > MOST_IDLE_MS) throw new Error('nothing is left that could happen');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }

  /** Leaps until this is fulfilled. */
  async while<T>(promise: Promise<T>): Promise<T> {
    let over = false;
    const end = promise.finally(() => (over = true));
    end.catch(() => undefined);
    for (await this.settle(); !over; ) await this.leap();
    return end;
  }
}

/** The same time by another crystal: it runs 50 ppm too fast, and its wall clock was never set. */
export class CheapClock implements Clock {
  readonly #real: Clock;

  constructor(real: Clock) {
    this.#real = real;
  }

  now(): number {
    return this.#real.now() * 1.000_05;
  }

  unix(): number {
    return this.now() - 500_000;
  }

  after(ms: number, run: () => void, ref: boolean): ClockTimer {
    return this.#real.after(Math.ceil(ms / 1.000_05), run, ref);
  }
}
