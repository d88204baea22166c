/** The load: devices that each send one burst in one write, as raw sockets. One process for one server. */

import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';
import { serve } from '../lib/child.mjs';

const PAYLOAD = 'temp=33.5&humid=40%';
/** Stamps begin this far ahead of the clock, so that a slow server does not find the last ones stale. */
const AHEAD_S = 2.9;

/** @type {{ socket: import('node:net').Socket, id: string }[]} */
let devices = [];

serve({
  async open({ port, devices: number }) {
    devices = await Promise.all(Array.from({ length: number }, async (_, i) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
      socket.on('error', () => {});
      return { socket, id: String(1_000_000_000 + i) };
    }));
  },

  /** Of the devices from this one on each sends `count` messages, its stamps 0.1 ms apart, in one write: the Python server takes one read for whole frames. */
  async go({ count, from, devices: number }) {
    const first = Math.floor((Date.now() / 1000 + AHEAD_S) * 10_000);
    const burst = devices.slice(from, from + number);
    const writes = burst.map(({ id }) => Buffer.from(Array.from({ length: count }, (_, i) => frame(id, first + i)).join('')));
    const loop = performance.eventLoopUtilization();
    await Promise.all(burst.map(({ socket }, i) => /** @type {Promise<void>} */ (new Promise((resolve, reject) => {
      if (socket.destroyed) reject(new Error('the server closed a connection'));
      else socket.write(writes[i], () => resolve());
    }))));
    return { busy: performance.eventLoopUtilization(loop).utilization };
  },

  close() {
    for (const { socket } of devices) socket.destroy();
  },
});

/** @param {string} id @param {number} units 0.1 ms since 1970 */
function frame(id, units) {
  const time = `${Math.floor(units / 10_000)}.${String(units % 10_000).padStart(4, '0')}`;
  return `IOT:1.1\r\nDATE:12/12/2019\r\nTIME:${time}\r\nDEVICE:${id}\r\nKEY:goodkey123\r\n\r\n\r\n${PAYLOAD}|#|`;
}
