/**
 * memory.device: what one connected, silent device costs the server's process. Each round starts both servers anew,
 * measures them with one client connected, connects 5,000, and measures again; garbage is collected before both.
 */

import { compare, row as rowOf } from '../lib/compare.mjs';
import { startChild } from '../lib/child.mjs';

/** Paced, so that nobody's backlog overflows and neither server allocates for a burst that no fleet makes. */
const BATCH = 50;

/** Rates of HELLO are per address prefix; all clients of the bench come from one. */
const LIMITS = { helloRate: 1e6, helloBurst: 1e6, helloRateTotal: 1e6, helloBurstTotal: 1e6 };

const SIDES = {
  ours: { server: 'tcp/gateway-server.mjs', kind: 'gateway', options: { suite: 'sealed', limits: LIMITS } },
  aedes: { server: 'tcp/aedes-server.mjs', kind: 'aedes', options: {} },
};

/** @returns {Promise<{ rss: number, heap: number }>} bytes a client */
async function perClient({ server: file, kind, options }, count) {
  const server = startChild(file);
  const crowd = startChild('memory/crowd.mjs');
  try {
    const port = await server.call('start', options);
    const connect = (from, to) => crowd.call('connect', { kind, port, from, to, batch: BATCH, ...options }, 120);
    // The first client makes what is made once: compiled code, pools, the first slots.
    await connect(0, 1);
    const before = await server.call('memory');
    await connect(1, count + 1);
    const connected = await server.call('clients');
    if (connected !== count + 1) throw new Error(`${connected} of ${count + 1} clients are connected at the server of ${kind}`);
    const after = await server.call('memory');
    return { rss: (after.rss - before.rss) / count, heap: (after.heap - before.heap) / count };
  } finally {
    await Promise.all([crowd.stop(), server.stop()]);
  }
}

export async function run({ name, quick, emit, row }) {
  const count = quick ? 500 : 5_000;
  const rounds = quick ? 2 : 3;
  const heaps = { ours: /** @type {number[]} */ ([]), aedes: /** @type {number[]} */ ([]) };
  const side = (which) => async () => {
    const { rss, heap } = await perClient(SIDES[which], count);
    heaps[which].push(heap);
    return rss;
  };
  const plan = { unit: 'bytes', better: 'low', rounds, warmUp: false };
  row(await compare({ ...plan, name, goal: 1, ours: side('ours'), peer: side('aedes'), peerName: `aedes, RSS a client of ${count}` }, emit));
  row(rowOf({ unit: 'bytes', better: 'low', name: `${name}-heap`, peerName: 'aedes, heap and external memory a client' }, heaps.ours, heaps.aedes));
}
