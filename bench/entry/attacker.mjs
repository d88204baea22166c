/** Strangers: connections that say nothing, or one HELLO and then nothing. They hold on until the gateway drops them. */

import { connect } from 'node:net';
import { hellos } from '../lib/hellos.mjs';
import { serve } from '../lib/child.mjs';

const AT_ONCE = 200;
const sockets = new Set();
let tried = 0;

/** Spread over 127.1.0.0/16, so that a limit for each /24 is met 256 times. */
const addressOf = (number) => `127.1.${number % 256}.${1 + (Math.floor(number / 256) % 254)}`;

serve({
  /** Fulfilled when every connection was tried. `identities`: HELLOs are sent in their names; none: silence. */
  async attack({ port, count, identities }) {
    const say = identities === undefined ? [] : await hellos(count, identities);
    let next = 0;
    const one = async () => {
      while (next < count) {
        const number = next++;
        await open(port, addressOf(number), say[number]);
        tried++;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
  },
  tried: () => tried,
  hanging: () => sockets.size,
});

function open(port, localAddress, hello) {
  return /** @type {Promise<void>} */ (new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true });
    socket.once('connect', () => {
      sockets.add(socket);
      if (hello !== undefined) socket.write(hello);
      socket.resume();
      resolve();
    });
    socket.once('close', () => {
      sockets.delete(socket);
      resolve();
    });
    socket.on('error', () => {});
  }));
}
