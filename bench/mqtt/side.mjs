/** One side of a comparison: who sends, who receives, and what each process used. */

import { FULL, Usage } from '../lib/processes.mjs';
import { quantity } from '../lib/report.mjs';
import { median } from '../lib/statistics.mjs';

export const CLIENTS = 100;
/** Messages that each has unacknowledged at a time. */
export const FLIGHT = 16;

/** @typedef {{ median: number, p99: number }} Latency */
/** @typedef {{ rate: number, all: number, machine: number, perMessage: Record<string, number>, busy: Record<string, number>, sent: Latency, came: Latency, repeats: number }} Round */

export class Side {
  /** @type {Round[]} */
  #rounds = [];

  /**
   * @param {any} load  the child that sends
   * @param {any} receiver  the child at which every message must come
   * @param {Record<string, number>} pids  whose CPU is told, by name
   * @param {() => Promise<unknown>} settled  waits until nothing is under way any more
   */
  constructor(load, receiver, pids, settled = async () => undefined) {
    this.load = load;
    this.receiver = receiver;
    this.pids = pids;
    this.settled = settled;
  }

  /** One round of `each` messages a client; messages a second at the receiver. */
  async round(each) {
    const count = each * CLIENTS;
    await this.receiver.call('arm', { clients: CLIENTS, each });
    const usage = new Usage(this.pids);
    usage.start();
    const sent = this.load.call('go', { each, flight: FLIGHT }, 120);
    const [load, came] = await Promise.all([sent, this.receiver.call('result', {}, 120)]).catch(async (error) => {
      throw new Error(`${error.message} (${await this.receiver.call('progress').catch(() => 'no word from the receiver')})`);
    });
    const used = usage.end(count);
    await this.settled();
    this.#rounds.push({ ...used, rate: came.rate, sent: load, came, repeats: came.repeats });
    return came.rate;
  }

  /** Of all rounds but the first, which warmed up. */
  get cpus() {
    return this.#rounds.slice(1).map(({ all }) => all);
  }

  /** What it cost whom, how long it took, and what the limit was. */
  text() {
    const rounds = this.#rounds.slice(1);
    const of = (/** @type {(round: Round) => number} */ pick) => median(rounds.map(pick));
    const ms = (/** @type {(round: Round) => number} */ pick) => `${(of(pick) / 1e3).toFixed(1)} ms`;
    const names = Object.keys(this.pids);
    const costs = names.map((name) => `${name} ${of(({ perMessage }) => perMessage[name] ?? 0).toFixed(1)} µs (${(100 * of(({ busy }) => busy[name] ?? 0)).toFixed(0)} %)`);
    const repeats = rounds.reduce((sum, round) => sum + round.repeats, 0);
    const latency = `until acknowledged ${ms(({ sent }) => sent.median)}, p99 ${ms(({ sent }) => sent.p99)}; until received ${ms(({ came }) => came.median)}, p99 ${ms(({ came }) => came.p99)}`;
    return `${quantity(of(({ rate }) => rate), 'messages/s')}; CPU a message (and of one CPU): ${costs.join(', ')}; ${latency}; ${repeats} repeats${this.#limit(of)}`;
  }

  /** @param {(pick: (round: Round) => number) => number} of */
  #limit(of) {
    const full = Object.keys(this.pids).filter((name) => of(({ busy }) => busy[name] ?? 0) >= FULL);
    if (full.length > 0) return ` [${full.join(' and ')}: the limit]`;
    const machine = of((round) => round.machine);
    return machine >= FULL ? ' [all CPUs are the limit: compare the CPU]' : ` [no process was: the CPUs were ${(100 * machine).toFixed(0)} % in use by these]`;
  }
}
