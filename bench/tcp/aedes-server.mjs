/** aedes in a process of its own, on a plain TCP server as its README starts it. It counts at its publish event. */

import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import { settledMemory } from '../lib/memory.mjs';
import { Meter } from '../lib/meter.mjs';
import { serve } from '../lib/child.mjs';

const meter = new Meter();
let broker;

serve({
  async start() {
    broker = await Aedes.createBroker();
    // Without a client it is a message of the broker itself ($SYS).
    broker.on('publish', (packet, client) => {
      if (client !== null) meter.message();
    });
    const server = createServer({ noDelay: true }, broker.handle);
    await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    return server.address().port;
  },
  arm: ({ count }) => meter.arm(count),
  result: () => meter.result(),
  progress: () => `${meter.count} messages`,
  clients: () => broker.connectedClients,
  memory: settledMemory,
});
