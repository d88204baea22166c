/** A device on UDP as thin as it can be: see raw-device.mjs. */

import { createSocket } from 'node:dgram';
import { DeviceCore, abi } from 'tidelock/core';
import { clock, deviceSettings, outgoing } from './raw-device.mjs';

export class RawUdpDevice {
  #core;
  #socket;
  #online;
  #taken;

  /** Fulfilled when READY came. @param {{ port: number, id: string, suite: 'sealed'|'signed' }} options */
  async online({ port, id, suite }) {
    const socket = createSocket('udp4');
    this.#socket = socket;
    socket.on('error', () => {});
    await /** @type {Promise<void>} */ (new Promise((resolve) => socket.connect(port, '127.0.0.1', () => resolve())));
    const standing = new Promise((resolve) => (this.#online = resolve));
    this.#core = await DeviceCore.load({ ...deviceSettings(id, suite), link: abi.LINK_DATAGRAM }, this.#sink());
    socket.on('message', (bytes) => {
      this.#core.receive(bytes, clock());
      this.#core.poll(clock());
    });
    this.#core.start(clock());
    await standing;
    return this;
  }

  /** Frames `count` messages, each a datagram; at most 4,000 at a time, so that what is unconfirmed stays below 2^14. */
  async prepare(count) {
    for (let i = 0; i < 3; i++) {
      this.#core.poll(clock()); // PING, where it is time to ask what has come
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.#taken = [];
    const messages = outgoing(count);
    for (let done = 0; done < count; ) {
      const taken = this.#core.send(messages.slice(done, done + 64), clock());
      if (taken <= 0) throw new Error(`the core took none of ${count - done} messages (status ${taken})`);
      done += taken;
    }
    const datagrams = this.#taken;
    this.#taken = undefined;
    return datagrams;
  }

  send(datagram, done) {
    this.#socket.send(datagram, done);
  }

  #sink() {
    return {
      connect: () => this.#core.connected(clock()),
      output: (bytes) => {
        if (this.#taken !== undefined) this.#taken.push(bytes);
        else this.#socket.send(bytes);
      },
      online: () => this.#online(),
      disconnect: () => {},
      message() {},
      wanted() {},
      result() {},
      outboxUnknown() {},
      refused() {},
      closed() {},
      clock() {},
    };
  }
}
