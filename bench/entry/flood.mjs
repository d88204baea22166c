/**
 * entry.flood: seconds until a real device has its session while strangers hold 10,000 silent connections and 10,000
 * HELLOs without a proof, one of sixteen in the device's own name. The gateway runs with its default limits.
 */

import { compare, row as rowOf } from '../lib/compare.mjs';
import { withChildren } from '../lib/child.mjs';

const VISITOR = 'pump-7';
const NAMES = [VISITOR, ...Array.from({ length: 15 }, (_, i) => `client-${i}`)];
const GOAL_SECONDS = 2;

export async function run({ name, quick, emit, row, note, skip }) {
  // Only Linux answers on all of 127.0.0.0/8 without being told to.
  if (process.platform !== 'linux') return skip('its strangers come from 127.1.0.0/16, which needs Linux');
  const count = quick ? 500 : 10_000;
  const rounds = quick ? 1 : 3;
  const results = [];
  const plan = { unit: 's', better: 'low', goal: 1 };
  row(await compare({
    ...plan, name, rounds, warmUp: false, peerName: `the goal; ${2 * count} strangers hang`,
    ours: async () => {
      const result = await flood(count);
      results.push(result);
      return result.after;
    },
    peer: () => GOAL_SECONDS,
  }, emit));
  const during = results.map((result) => result.during);
  row(rowOf({ ...plan, name: `${name}-during`, peerName: 'the goal; they are still coming' }, during, during.map(() => GOAL_SECONDS)));
  for (const { told } of results) note(told);
}

async function flood(count) {
  return withChildren(['tcp/gateway-server.mjs', 'entry/attacker.mjs', 'entry/attacker.mjs', 'entry/visitor.mjs'], async (server, silent, talking, visitor) => {
    const port = await server.call('start', { suite: 'sealed' });
    const { rss: idle } = await server.call('memory');
    let over = false;
    const attack = Promise.all([
      silent.call('attack', { port, count }, 60),
      talking.call('attack', { port, count, identities: NAMES }, 60),
    ]).finally(() => (over = true));
    // A failed attack is reported where it is awaited.
    attack.catch(() => {});
    while (!over && (await talking.call('tried')) < count / 4) await new Promise((resolve) => setTimeout(resolve, 5));
    const during = await visitor.call('enter', { port, id: 'pump-8' }, 60);
    const met = over ? 'the strangers had all come' : 'strangers were still coming';
    await attack;
    const hanging = (await silent.call('hanging')) + (await talking.call('hanging'));
    const after = await visitor.call('enter', { port, id: VISITOR }, 60);
    const { gaveWay, overRate } = await server.call('counters');
    const { rss } = await server.call('memory');
    const told = `in after ${during.toFixed(3)} s (when it was in, ${met}) and after ${after.toFixed(3)} s; ${hanging} strangers hung then, ${gaveWay} had given way, ${overRate} HELLOs were over the rate; ${((rss - idle) / 2 ** 20).toFixed(0)} MiB above idle`;
    return { during, after, told };
  });
}
