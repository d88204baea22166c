/** CPU time of processes that are not ours to ask, as Linux tells it. */

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** The kernel's clock ticks, USER_HZ: 100 a second on every Linux (man 5 proc). */
const TICK_US = 10_000;

/** @param {number} pid @returns {number} µs in user and kernel mode, all threads */
export function cpuOf(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name stands in parentheses and may hold anything; utime and stime are the 14th and 15th field.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

/** Part of one CPU above which a process had no rest, and part of all CPUs above which there was none left. */
export const FULL = 0.9;

/** Gathers what processes use while something is measured. */
export class Usage {
  /** @type {Record<string, number>} */
  #before = {};
  #pids;
  #start = 0n;

  /** @param {Record<string, number>} pids by the name to show */
  constructor(pids) {
    this.#pids = pids;
  }

  start() {
    for (const [name, pid] of Object.entries(this.#pids)) this.#before[name] = cpuOf(pid);
    this.#start = process.hrtime.bigint();
  }

  /**
   * @param {number} messages
   * @returns {{ perMessage: Record<string, number>, busy: Record<string, number>, all: number, machine: number }}
   * µs a message and part of one CPU by name, µs a message of all together, and part of all CPUs
   */
  end(messages) {
    const us = Number(process.hrtime.bigint() - this.#start) / 1e3;
    /** @type {Record<string, number>} */
    const perMessage = {};
    /** @type {Record<string, number>} */
    const busy = {};
    let all = 0;
    for (const [name, pid] of Object.entries(this.#pids)) {
      const used = cpuOf(pid) - (this.#before[name] ?? 0);
      perMessage[name] = used / messages;
      busy[name] = used / us;
      all += used;
    }
    return { perMessage, busy, all: all / messages, machine: all / us / availableParallelism() };
  }
}
