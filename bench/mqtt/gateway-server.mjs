/** A gateway with its database and its bridge in a process of its own. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mqtt } from 'tidelock/bridge';
import { Gateway } from 'tidelock/gateway';
import { openRegistry } from 'tidelock/registry';
import { keyOf } from '../lib/keys.mjs';
import { serve } from '../lib/child.mjs';

const folder = mkdtempSync(join(tmpdir(), 'tidelock-bench-gateway-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
let registry;
let gateway;
let bridge;

serve({
  /** Rates of HELLO are lifted, because all devices of a bench share one address. The rest are defaults. */
  async start({ port, mode, clients }) {
    registry = await openRegistry(`sqlite:${join(folder, 'gateway.db')}`);
    for (let i = 0; i < clients; i++) await registry.add(String(i), { key: keyOf(String(i)) });
    bridge = mqtt({ url: `mqtt://127.0.0.1:${port}`, mode });
    gateway = await Gateway.listen({ registry, bridge, listen: 'tidelock://127.0.0.1:0', limits: { helloRate: 10_000, helloBurst: 100_000 } });
    while (bridge.counters().connections < bridge.counters().wanted || !bridge.counters().keeper) await new Promise((resolve) => setTimeout(resolve, 20));
    return { port: Number(new URL(gateway.address.replace(/^tidelock:/, 'http:')).port), pid: process.pid };
  },
  /** Nothing of a round may still be under way when the next begins. */
  async settled() {
    for (;;) {
      const { inbox, queue } = await registry.info();
      if (inbox.rows === 0 && queue.messages === 0 && bridge.counters().waiting === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  },
  progress: async () => JSON.stringify([await registry.info(), bridge.counters(), gateway.counters()]),
});
