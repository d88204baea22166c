/** The gateway of the demo, a process of its own, so that it can be killed: database, port and broker are told by the parent. */
import { mqtt } from 'tidelock/bridge';
import { Gateway } from 'tidelock/gateway';
import { openRegistry } from 'tidelock/registry';

process.once('message', async (/** @type {{ database: string, listen: string, broker: string, prefix: string, user?: string, password?: string }} */ { database, listen, broker, prefix, user, password }) => {
  const registry = await openRegistry(database);
  const credentials = user === undefined ? {} : { username: user, ...(password === undefined ? {} : { password }) };
  // 3.1.1 with its envelope, so that every broker and every client sees the same.
  const bridge = mqtt({ url: broker, prefix, protocol: '3.1.1', probe: 0, ...credentials });
  const gateway = await Gateway.listen({ registry, listen, bridge });
  // Before its first subscription the broker knows nobody to keep commands for.
  const taking = setInterval(() => {
    if (!bridge.counters().keeper) return;
    clearInterval(taking);
    process.send?.({ address: gateway.address });
  }, 20);
  process.on('message', async () => {
    await gateway.close();
    await registry.close();
    process.disconnect();
  });
});
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => undefined); // Ctrl-C reaches the whole group; the parent ends this process in order
