/** A plain TCP server at a free port of loopback. */

import { createServer } from 'node:net';

/**
 * @param {(socket: import('node:net').Socket) => void} handle
 * @returns {Promise<number>} the port
 */
export function listenTcp(handle) {
  const server = createServer({ noDelay: true }, handle);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address !== null && typeof address === 'object') resolve(address.port);
    });
  });
}
