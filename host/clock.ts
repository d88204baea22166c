/**
 * Time as a parameter. Every timer and every reading of a clock in gateway and device goes through this interface,
 * so that a test owns the time and no rule depends on how fast a machine is.
 */
export interface Clock {
  /** Monotonic ms; only differences count. It need not run through a suspend: hosts compare it with `unix`. */
  now(): number;
  /** Wall clock, Unix ms. */
  unix(): number;
  /** Calls `run` once after `ms`. `ref` false: the timer does not keep the process alive. */
  after(ms: number, run: () => void, ref: boolean): ClockTimer;
}

export interface ClockTimer {
  cancel(): void;
}

class SystemTimer implements ClockTimer {
  readonly #timer: NodeJS.Timeout;

  constructor(ms: number, run: () => void, ref: boolean) {
    this.#timer = setTimeout(run, ms);
    if (!ref) this.#timer.unref();
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}

/** The process's own clocks and timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  unix: () => Date.now(),
  after: (ms, run, ref) => new SystemTimer(ms, run, ref),
};

/**
 * Notices that wall and monotonic clock have parted: the wall clock was set, or the machine slept and its monotonic
 * clock, as everywhere in Node, did not run on.
 */
export class ClockWatch {
  readonly #clock: Clock;
  readonly #limit: number;
  /** Wall clock minus monotonic clock. */
  #base: number;

  /** `limit`: ms by which they may part. */
  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
    this.#base = clock.unix() - clock.now();
  }

  /** ms by which they have parted since it was last told, 0: within the limit. `now`: the monotonic clock. */
  parted(now: number): number {
    const parted = this.#clock.unix() - now - this.#base;
    if (Math.abs(parted) <= this.#limit) return 0;
    this.#base += parted;
    return parted;
  }
}
