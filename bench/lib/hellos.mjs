/** HELLOs as a stranger can send them: well-formed, of identities that may exist, never followed by a proof. */

import { DeviceCore } from 'tidelock/core';
import { deviceSettings } from './raw-device.mjs';

/**
 * @param {number} count
 * @param {string[]} identities  taken in turn
 * @returns {Promise<Buffer[]>} each under a nonce of its own
 */
export async function hellos(count, identities) {
  const made = [];
  const makers = await Promise.all(identities.map((id) => Maker.load(id)));
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

  static async load(id) {
    const maker = new Maker();
    const nothing = () => {};
    maker.#core = await DeviceCore.load(deviceSettings(id, 'sealed'), {
      connect: () => { maker.#wanted = true; },
      output: (bytes) => { maker.#bytes = bytes; },
      disconnect: (why, detail, wait) => { maker.#now += wait + 1; },
      online: nothing, message: nothing, wanted: nothing, result: nothing, outboxUnknown: nothing, refused: nothing, closed: nothing, clock: nothing,
    });
    maker.#core.start(maker.#now);
    return maker;
  }

  next() {
    if (!this.#wanted) this.#core.poll(this.#now);
    if (!this.#wanted) throw new Error('the device core did not ask for a link');
    this.#wanted = false;
    this.#core.connected(this.#now);
    this.#core.lost(this.#now);
    return this.#bytes;
  }

  wipe() {
    this.#core.wipe();
  }
}
