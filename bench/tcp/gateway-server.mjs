/** A gateway in a process of its own. It counts at its message event and does nothing else with a message. */

import { Gateway } from 'tidelock/gateway';
import { keyOf } from '../lib/keys.mjs';
import { settledMemory } from '../lib/memory.mjs';
import { Meter } from '../lib/meter.mjs';
import { serve } from '../lib/child.mjs';

const meter = new Meter();
let gateway;
let bad = 0;
let lastRefusal = '';

serve({
  /**
   * `window`: frames are made ahead of their sending, so they may be older than a live device's.
   * Rates of HELLO are lifted, because all clients of a bench share one address.
   */
  async start({ suite, window = 2_000, limits = {} }) {
    gateway = await Gateway.listen({
      lookup: (identity) => keyOf(identity),
      listen: 'tidelock://127.0.0.1:0',
      suites: [suite],
      window,
      idle: 600,
      limits,
    });
    gateway.on('message', () => meter.message());
    gateway.on('refused', ({ reason }) => {
      bad++;
      lastRefusal = reason;
    });
    return Number(new URL(gateway.address.replace(/^tidelock:/, 'http:')).port);
  },
  arm: ({ count }) => meter.arm(count),
  result: () => meter.result(),
  progress: () => `${meter.count} messages; ${bad} refusals ${lastRefusal}`,
  clients: () => gateway.counters().online,
  counters: () => gateway.counters(),
  memory: settledMemory,
});
