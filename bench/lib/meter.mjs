/** Counts messages at a server's message event, and what the time between the first and the last of them cost. */

import { performance } from 'node:perf_hooks';

export class Meter {
  #target = Infinity;
  #count = 0;
  #start;
  #cpu;
  #loop;
  #result;
  #finished;

  /** Begins a round: the `target`-th message ends it. */
  arm(target) {
    globalThis.gc?.();
    this.#target = target;
    this.#count = 0;
    this.#result = new Promise((resolve) => (this.#finished = resolve));
  }

  get count() {
    return this.#count;
  }

  /** To be called for every message. */
  message() {
    if (++this.#count === 1) this.#begin();
    else if (this.#count === this.#target) this.#end();
  }

  /**
   * @returns {Promise<{ rate: number, cpu: number, busy: number }>} messages a second, CPU µs a message (all threads
   * of the process), and the part of the time that the event loop was not idle
   */
  result() {
    return this.#result;
  }

  #begin() {
    this.#cpu = process.cpuUsage();
    this.#loop = performance.eventLoopUtilization();
    this.#start = process.hrtime.bigint();
  }

  #end() {
    const nanoseconds = Number(process.hrtime.bigint() - this.#start);
    const { user, system } = process.cpuUsage(this.#cpu);
    // The first message started the clock: one less was measured.
    const messages = this.#target - 1;
    this.#finished({
      rate: (messages / nanoseconds) * 1e9,
      cpu: (user + system) / messages,
      busy: performance.eventLoopUtilization(this.#loop).utilization,
    });
  }
}
