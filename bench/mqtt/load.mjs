/** The load: a hundred devices, or a hundred clients of mqtt.js, each of which keeps so many messages in flight. */

import { connectAsync } from 'mqtt';
import { Device } from 'tidelock/device';
import { serve } from '../lib/child.mjs';
import { keyOf } from '../lib/keys.mjs';
import { quantile } from '../lib/statistics.mjs';
import { Arrivals, bodyOf, micros } from './bodies.mjs';

const NOTHING = { send: /** @type {(body: string) => Promise<unknown>} */ (async () => undefined) };
let senders = [NOTHING];
let arrivals = new Arrivals(1, 1);

const KINDS = {
  async devices({ port }, number) {
    const device = new Device({ url: `tidelock://127.0.0.1:${port}`, id: String(number), key: keyOf(String(number)), lifetime: 600_000 });
    device.on('message', (message) => arrivals.came(String(number), message.text(), micros()));
    await device.online();
    return { send: (body) => device.send(body).acknowledged };
  },
  /** `topic` of what it publishes; it also takes what is published for it. */
  async clients({ port, from = 'plain', to }, number) {
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: `client-${number}`, protocolVersion: 5, reconnectPeriod: 0 });
    if (to !== undefined) {
      await client.subscribeAsync(`${to}/-/${number}/down`, { qos: 1 });
      client.on('message', (_topic, payload) => arrivals.came(String(number), payload.toString(), micros()));
    }
    return { send: (body) => client.publishAsync(`${from}/-/${number}/up`, body, { qos: 1 }) };
  },
  /** Publishes commands for device `number`. */
  async commanders({ port, from }, number) {
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: `${from}-commander-${number}`, protocolVersion: 5, reconnectPeriod: 0 });
    const topic = `${from}/-/${number}/down`;
    let next = 0;
    return {
      send: (body) => client.publishAsync(topic, body, { qos: 1, properties: { messageExpiryInterval: 600, userProperties: { 'tl-id': `c${next++}` } } }),
    };
  },
};

serve({
  async open({ kind, clients, ...options }) {
    senders = await Promise.all(Array.from({ length: clients }, (_, i) => KINDS[kind](options, i)));
    return { pid: process.pid };
  },
  /** `each` messages of every one, `flight` of them unacknowledged at a time. Latency: from handing it over to its acknowledgement, µs. */
  async go({ each, flight }) {
    const delays = [];
    await Promise.all(senders.map(async (sender, whose) => {
      let next = 0;
      const lane = async () => {
        while (next < each) {
          const number = next++, began = micros();
          await sender.send(bodyOf(whose, number));
          delays.push(micros() - began);
        }
      };
      await Promise.all(Array.from({ length: flight }, lane));
    }));
    return { median: quantile(delays, 0.5), p99: quantile(delays, 0.99) };
  },
  arm({ clients, each }) {
    globalThis.gc?.();
    arrivals = new Arrivals(clients, each);
  },
  result: () => arrivals.result,
  progress: () => `${arrivals.left} messages missing`,
});
