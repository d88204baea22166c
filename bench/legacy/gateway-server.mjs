/** A gateway that takes IoTSocket, in a process of its own. It counts at its message event and does nothing else with a message. */

import { Gateway } from 'tidelock/gateway';
import { serve } from '../lib/child.mjs';
import { Meter } from '../lib/meter.mjs';

const meter = new Meter();
let bad = 0;
let lastRefusal = '';

serve({
  async start({ lifted }) {
    const gateway = await Gateway.listen({
      devices: {},
      listen: 'tidelock://127.0.0.1:0',
      legacy: { iotsocket: { lookup: () => 'goodkey123', ...(lifted ? { rate: 30_000 } : {}) } },
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
});
