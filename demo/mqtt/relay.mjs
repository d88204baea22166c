/** A wire of TCP that can be cut: what passes is passed on unread. */
import { once } from 'node:events';
import net from 'node:net';

export class Relay {
  /** @type {net.Server} */
  #server;
  /** @type {Set<net.Socket>} */
  #sockets = new Set();
  #port = 0;
  #cut = false;

  /**
   * @param {string} host
   * @param {number} port
   */
  constructor(host, port) {
    this.#server = net.createServer((near) => {
      if (this.#cut) {
        near.destroy();
        return;
      }
      const far = net.connect(port, host);
      for (const [from, to] of [[near, far], [far, near]]) {
        this.#sockets.add(from);
        from.on('error', () => undefined); // 'close' follows
        from.on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
  }

  get port() {
    return this.#port;
  }

  async listen() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = /** @type {net.AddressInfo} */ (this.#server.address()).port;
    return this;
  }

  /** Nothing passes any more, until `mend`. */
  cut() {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend() {
    this.#cut = false;
  }

  close() {
    this.cut();
    this.#server.close();
  }
}
