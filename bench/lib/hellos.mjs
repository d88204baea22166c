/** HELLOs as a stranger can send them: well-formed, of identities that may exist, never followed by a proof. */

import { DeviceCore } from 'tidelock/core';
import { deviceSettings } from './raw-device.mjs';

/**
 * @param {number} count
 * @param {string[]} identities  taken in turn
 * @returns {Buffer[]} each under a nonce of its own
 */
export function hellos(count, identities) {
  const made = [];
  const makers = identities.map((id) => new Maker(id));
  for (let i = 0; i < count; i++) made.push(makers[i % makers.length].next());
  for (const maker of makers) maker.wipe();
  return made;
}

/** One device core that is told again and again that its link was lost; the time is ours, so its waits cost none. */
class Maker {
  #now = 0;
  #wanted = false;
  #bytes;
  #core;

  constructor(id) {
    const nothing = () => {};
    this.#core = new DeviceCore(deviceSettings(id, 'sealed'), {
      connect: () => { this.#wanted = true; },
      output: (bytes) => { this.#bytes = bytes; },
      disconnect: (why, detail, wait) => { this.#now += wait + 1; },
      online: nothing, message: nothing, wanted: nothing, result: nothing, outboxUnknown: nothing, refused: nothing, closed: nothing, clock: nothing,
    });
    this.#core.start(this.#now);
  }

  next() {
    if (!this.#wanted) this.#core.poll(this.#now);
    if (!this.#wanted) throw new Error('the device core did not ask for a link');
    this.#wanted = false;
    this.#core.connected(this.#now);
    // The core may reuse its output: a copy is kept.
    const hello = Buffer.from(this.#bytes);
    this.#core.lost(this.#now);
    return hello;
  }

  wipe() {
    this.#core.wipe();
  }
}
