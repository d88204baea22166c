/** Interleaved rounds: ours, peer, ours, peer … so that a slow minute of the machine falls on both. */

import { median, spread } from './statistics.mjs';

/**
 * @typedef {object} Subject
 * @property {string} name      row name
 * @property {string} unit      'ns', 'messages/s', 'bytes', 's', 'µs'
 * @property {string} better    which direction is better: 'low' or 'high'
 * @property {string} peerName
 * @property {number} [goal]    ratio that is aimed at
 *
 * @typedef {object} Rounds
 * @property {number} rounds    measured rounds
 * @property {boolean} [warmUp] false: no round in front that warms both up and is dropped
 * @property {() => number | Promise<number>} ours  one round; gives the figure in `unit`
 * @property {() => number | Promise<number>} peer
 */

/**
 * @param {Subject & Rounds} plan
 * @param {(event: object) => void} emit  hears {kind: 'round', …}
 * @returns the row
 */
export async function compare(plan, emit) {
  const { name, unit, better, peerName, rounds, goal, warmUp = true } = plan;
  const ours = [];
  const peer = [];
  for (let round = warmUp ? 0 : 1; round <= rounds; round++) {
    const first = await plan.ours();
    const second = await plan.peer();
    positive(first, `${name}: our figure`);
    positive(second, `${name}: the figure of ${peerName}`);
    emit({ kind: 'round', name, round, rounds, unit, ours: first, peer: second, peerName });
    if (round === 0) continue;
    ours.push(first);
    peer.push(second);
  }
  return row({ name, unit, better, peerName, goal }, ours, peer);
}

/**
 * One row of the table from the figures of all rounds.
 * @param {Subject} subject
 * @param {number[]} ours
 * @param {number[]} peer
 */
export function row({ name, unit, better, peerName, goal }, ours, peer) {
  const a = median(ours);
  const b = median(peer);
  return {
    name,
    unit,
    ours: a,
    peer: b,
    peerName,
    ratio: better === 'low' ? b / a : a / b,
    // One number for the reader of the JSON: the worse of the two sides.
    spread: Math.max(spread(ours), spread(peer)),
    spreadOurs: spread(ours),
    spreadPeer: spread(peer),
    goal,
  };
}

/**
 * Nanoseconds per operation of `work`, which does `operations` of them. Garbage of the round before is
 * collected first, so that nobody pays for another's.
 */
export function timed(operations, work) {
  globalThis.gc?.();
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  work();
  const nanoseconds = Number(process.hrtime.bigint() - start);
  const { user, system } = process.cpuUsage(cpu);
  shares.push((1000 * (user + system)) / nanoseconds);
  return nanoseconds / operations;
}

const shares = /** @type {number[]} */ ([]);

/** Below it other programs had the CPU while a figure was taken. */
export const OWN_CPU = 0.9;

/** What part of the timed work's time this process had a CPU; undefined where nothing was timed. */
export const ownCpu = () => (shares.length === 0 ? undefined : median(shares));

function positive(value, what) {
  if (!Number.isFinite(value) || value <= 0) throw new Error(`${what} is ${value}; the measurement went wrong`);
}
