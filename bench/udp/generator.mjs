/** Sends datagrams made before the time starts, as fast as the system takes them. One process for one server. */

import { createSocket } from 'node:dgram';
import { serve } from '../lib/child.mjs';
import { RawUdpDevice } from '../lib/raw-udp-device.mjs';

/** Between two looks at the event loop; fewer than a socket's buffer holds of the receiver's. */
const BURST = 32;
const FRAME = 90; // 64 bytes, header 10, tag 16

/** Each kind connects one client: what it sends next, and how. */
const KINDS = {
  async gateway({ port, suite }, number) {
    const device = await new RawUdpDevice().online({ port, suite, id: `client-${number}` });
    return { prepare: (count) => device.prepare(count), send: (datagram) => device.send(datagram, ignore) };
  },
  async sink({ port }) {
    const socket = createSocket('udp4'), datagram = Buffer.alloc(FRAME, 0x55);
    await /** @type {Promise<void>} */ (new Promise((resolve) => socket.connect(port, '127.0.0.1', () => resolve())));
    return { prepare: (count) => Array(count).fill(datagram), send: (bytes) => socket.send(bytes, ignore) };
  },
};

function ignore() {}

let clients = [];

serve({
  async open({ kind, clients: number, ...options }) {
    clients = [];
    for (let i = 0; i < number; i++) clients.push(await KINDS[kind](options, i));
  },
  async prepare({ count }) {
    for (const client of clients) client.datagrams = await client.prepare(count);
    globalThis.gc?.();
  },
  async go({ count }) {
    for (let at = 0; at < count; at += BURST) {
      for (const { datagrams, send } of clients) {
        for (const datagram of datagrams.slice(at, at + BURST)) send(datagram);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  },
});
