/** Connects many clients to one server and keeps their sockets open. */

import { RawDevice } from '../lib/raw-device.mjs';
import { serve } from '../lib/child.mjs';
import { openMqtt } from '../tcp/raw-mqtt.mjs';

const KINDS = {
  // The core of each is dropped once its session stands, or this process would hold 5,000 WASM instances.
  gateway: async ({ port, suite }, id) => (await new RawDevice({ port, suite, id }).online()).abandon(),
  aedes: ({ port }, clientId) => openMqtt({ port, clientId }),
};

const sockets = [];

serve({
  /** Clients `from` … `to`-1, `batch` at a time; the next batch when all of one stand. */
  async connect({ kind, from, to, batch, ...options }) {
    for (let at = from; at < to; at += batch) {
      const numbers = Array.from({ length: Math.min(batch, to - at) }, (_, i) => at + i);
      sockets.push(...(await Promise.all(numbers.map((number) => KINDS[kind](options, `client-${number}`)))));
    }
    return sockets.length;
  },
});
