/**
 * A device as thin as it can be: the package's device core on a plain socket. The bench uses it where it must decide
 * itself what leaves in one write, make frames ahead of their sending, or hold thousands of sessions in one process.
 */

import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';
import { DeviceCore, abi } from 'tidelock/core';
import { keyOf } from './keys.mjs';

export const SUITES = { sealed: abi.SUITE_SEALED, signed: abi.SUITE_SIGNED };

/** The clock that the core takes: monotonic, whole ms. */
export const clock = () => Math.floor(performance.now()) >>> 0;

/** @returns the settings of a device that has no message waiting and no record */
export const deviceSettings = (id, suite) => ({
  id,
  key: keyOf(id),
  keyId: 0,
  link: 0,
  suites: SUITES[suite],
  largest: 1024,
  roundTrip: 0,
  outbox: 1,
  outLow: 1,
  outSent: 0,
  outNext: 1,
  inOutbox: 0,
  inLast: 0,
});

/** `count` messages of `bytes` bytes that want no acknowledgement, as the core takes them. */
export function outgoing(count, bytes = 64) {
  const body = Buffer.alloc(bytes, 'a reading of 64 bytes, as a meter would send it; ');
  return Array.from({ length: count }, () => ({ type: abi.DATA, id: 0, age: 0, repeat: false, body }));
}

export class RawDevice {
  #core;
  #socket;
  #options;
  #online;
  #poll;
  #taken;

  /** @param {{ port: number, id: string, suite: 'sealed'|'signed', localAddress?: string, retry?: boolean }} options */
  constructor(options) {
    this.#options = options;
  }

  get socket() {
    return this.#socket;
  }

  /** Fulfilled when READY came. With `retry` it goes on through lost links, as the core says; else the first one fails it. */
  async online() {
    const standing = new Promise((resolve, reject) => (this.#online = { resolve, reject }));
    this.#core = await DeviceCore.load(deviceSettings(this.#options.id, this.#options.suite), this.#sink());
    this.#step(() => this.#core.start(clock()));
    return standing;
  }

  /**
   * Frames `count` messages, `perWrite` in each buffer. Nothing is sent: the frames carry the present time and must
   * leave within the gateway's window, before any other frame of this session.
   */
  prepare(count, perWrite) {
    // A PING between them would take a counter out of its turn.
    clearTimeout(this.#poll);
    const writes = [];
    const messages = outgoing(perWrite);
    const now = clock();
    for (let left = count; left > 0; left -= perWrite) {
      const batch = left < perWrite ? messages.slice(0, left) : messages;
      this.#taken = [];
      for (let done = 0; done < batch.length; ) {
        const taken = this.#core.send(done === 0 ? batch : batch.slice(done), now);
        if (taken <= 0) throw new Error(`the core took none of ${batch.length - done} messages (status ${taken})`);
        done += taken;
      }
      writes.push(this.#taken.length === 1 ? this.#taken[0] : Buffer.concat(this.#taken));
    }
    this.#taken = undefined;
    return writes;
  }

  /** Forgets the core and leaves the socket open: what a gateway sees of a device that has nothing to say. */
  abandon() {
    clearTimeout(this.#poll);
    this.#core.wipe();
    this.#core = undefined;
    this.#socket.removeAllListeners('data');
    this.#socket.resume();
    return this.#socket;
  }

  destroy() {
    clearTimeout(this.#poll);
    this.#socket?.destroy();
  }

  #sink() {
    return {
      connect: () => this.#connect(),
      output: (bytes) => {
        if (this.#taken !== undefined) this.#taken.push(bytes);
        else this.#socket?.write(bytes);
      },
      online: () => this.#online?.resolve(this),
      disconnect: (why, detail, wait) => this.#disconnect(why, detail, wait),
      message() {},
      wanted() {},
      result() {},
      outboxUnknown() {},
      refused() {},
      closed() {},
      clock() {},
    };
  }

  #connect() {
    const { port, localAddress } = this.#options;
    const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true });
    this.#socket = socket;
    socket.on('connect', () => this.#step(() => this.#core.connected(clock())));
    socket.on('data', (chunk) => this.#step(() => this.#core.receive(chunk, clock())));
    socket.on('error', () => {});
    socket.on('close', () => this.#step(() => this.#core?.lost(clock())));
  }

  /** Events of a socket that the core has already left are dropped. */
  #step(work) {
    if (this.#core === undefined) return;
    work();
    this.#arm();
  }

  #disconnect(why, detail, wait) {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.removeAllListeners('close').destroy();
    if (!this.#options.retry) this.#online?.reject(new Error(`device ${this.#options.id}: no session (why ${why}, detail ${detail}, wait ${wait} ms)`));
  }

  #arm() {
    clearTimeout(this.#poll);
    if (this.#core === undefined) return;
    this.#poll = setTimeout(() => this.#step(() => {}), this.#core.poll(clock()));
  }
}
