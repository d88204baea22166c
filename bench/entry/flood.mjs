/**
 * entry.flood: seconds until a real device has its session while strangers hold 10,000 silent connections and 10,000
 * HELLOs without a proof, one of sixteen in the device's own name. The gateway runs with its default limits.
 */

import { compare } from '../lib/compare.mjs';
import { withChildren } from '../lib/child.mjs';

const VISITOR = 'pump-7';
const NAMES = [VISITOR, ...Array.from({ length: 15 }, (_, i) => `client-${i}`)];
const GOAL_SECONDS = 2;

export async function run({ name, quick, emit, row, note, skip }) {
  // Only Linux answers on all of 127.0.0.0/8 without being told to.
  if (process.platform !== 'linux') return skip('its strangers come from 127.1.0.0/16, which needs Linux');
  const count = quick ? 500 : 10_000;
  const told = [];
  row(await compare({
    name, unit: 's', better: 'low', rounds: quick ? 1 : 3, goal: 1, warmUp: false,
    ours: () => flood(count, told),
    peer: () => GOAL_SECONDS, peerName: `the goal, ${2 * count} strangers`,
  }, emit));
  told.forEach((text) => note(text));
}

async function flood(count, told) {
  return withChildren(['tcp/gateway-server.mjs', 'entry/attacker.mjs', 'entry/attacker.mjs', 'entry/visitor.mjs'], async (server, silent, talking, visitor) => {
    const port = await server.call('start', { suite: 'sealed' });
    const { rss: idle } = await server.call('memory');
    await Promise.all([
      silent.call('attack', { port, count }, 60),
      talking.call('attack', { port, count, identities: NAMES }, 60),
    ]);
    const hanging = (await silent.call('hanging')) + (await talking.call('hanging'));
    const seconds = await visitor.call('enter', { port, id: VISITOR }, 60);
    const { gaveWay, overRate } = await server.call('counters');
    const { rss } = await server.call('memory');
    told.push(`in after ${seconds.toFixed(2)} s; ${hanging} strangers hung, ${gaveWay} had given way, ${overRate} HELLOs were over the rate; ${((rss - idle) / 2 ** 20).toFixed(0)} MiB above idle`);
    return seconds;
  });
}
