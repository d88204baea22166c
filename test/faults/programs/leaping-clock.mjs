/**
 * The system's time, which leaps over what a device would wait before its next try: with sessions as short as faults make
 * them it would wait for minutes. Everything else keeps its own time.
 */

/** ms that are left of a wait. */
const LEFT_TO_WAIT = 300;

export class LeapingClock {
  #ahead = 0;
  /** @type {Map<() => void, { at: number, timer: NodeJS.Timeout }>} */
  #timers = new Map();

  now() {
    return performance.now() + this.#ahead;
  }

  unix() {
    return Date.now() + this.#ahead;
  }

  /**
   * @param {number} ms
   * @param {() => void} run
   */
  after(ms, run) {
    const fire = () => {
      this.#timers.delete(fire);
      run();
    };
    this.#timers.set(fire, { at: this.now() + ms, timer: setTimeout(fire, ms) });
    return {
      cancel: () => {
        clearTimeout(this.#timers.get(fire)?.timer);
        this.#timers.delete(fire);
      },
    };
  }

  /**
   * For a device's `state`.
   * @param {{ name: string, wait?: number }} state
   */
  hurry({ name, wait = 0 }) {
    if (name === 'waiting') setImmediate(() => this.#leap(Math.max(0, wait - LEFT_TO_WAIT)));
  }

  /** @param {number} ms */
  #leap(ms) {
    this.#ahead += ms;
    for (const [fire, entry] of this.#timers) {
      clearTimeout(entry.timer);
      entry.timer = setTimeout(fire, Math.max(0, entry.at - this.now()));
    }
  }
}
