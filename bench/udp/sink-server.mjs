/** A bare dgram socket: what Node itself needs to receive a datagram. */

import { createSocket } from 'node:dgram';
import { serve } from '../lib/child.mjs';
import { Arrivals } from './arrivals.mjs';

const arrivals = new Arrivals();

serve({
  async start() {
    const socket = createSocket('udp4');
    await /** @type {Promise<void>} */ (new Promise((resolve) => socket.bind(0, '127.0.0.1', () => resolve())));
    socket.setRecvBufferSize(4 * 1024 * 1024); // as the gateway asks for
    socket.on('message', () => arrivals.message());
    return socket.address().port;
  },
  arm: () => arrivals.arm(),
  result: () => arrivals.result(),
});
