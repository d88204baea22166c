/** aedes in a process of its own, on a plain TCP server as its README starts it. It counts at its publish event. */

import { Aedes } from 'aedes';
import { settledMemory } from '../lib/memory.mjs';
import { Meter } from '../lib/meter.mjs';
import { serve } from '../lib/child.mjs';
import { listenTcp } from '../lib/listen.mjs';

const meter = new Meter();
let broker;

serve({
  async start() {
    broker = await Aedes.createBroker();
    // Without a client it is a message of the broker itself ($SYS).
    broker.on('publish', (packet, client) => {
      if (client !== null) meter.message();
    });
    return listenTcp(broker.handle);
  },
  arm: ({ count }) => meter.arm(count),
  result: () => meter.result(),
  progress: () => `${meter.count} messages`,
  clients: () => broker.connectedClients,
  memory: settledMemory,
});
