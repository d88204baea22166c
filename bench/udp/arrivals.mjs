/** Counts messages that may be lost on their way: a round is over when none has come for a while. */

const QUIET_MS = 200;

export class Arrivals {
  #count = 0;
  #first = 0n;
  #last = 0n;
  #cpu;

  arm() {
    this.#count = 0;
  }

  message() {
    this.#last = process.hrtime.bigint();
    if (this.#count++ > 0) return;
    this.#first = this.#last;
    this.#cpu = process.cpuUsage();
  }

  /** Messages a second from the first to the last, µs of CPU a message, and how many came. */
  async result() {
    for (let before = -1; this.#count === 0 || before !== this.#count; ) {
      before = this.#count;
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    }
    const { user, system } = process.cpuUsage(this.#cpu);
    const count = this.#count;
    return { rate: ((count - 1) / Number(this.#last - this.#first)) * 1e9, cpu: (user + system) / count, count };
  }
}
