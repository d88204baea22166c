/** Messages without acknowledgement towards one device, collected until the end of the tick and framed in one crossing. */
import { E_TARGET, E_TOO_LONG } from '../../assembly/abi.js';
import type { GatewayCore } from '../core/index.js';
import type { Outgoing } from '../core/types.js';

interface Sender {
  readonly core: GatewayCore;
  posted: number;
  dropped: number;
}

export class Posts {
  /** Of the bodies that wait. */
  bytes = 0;
  #waiting: Outgoing[] = [];

  push(body: Uint8Array, type: number): void {
    this.#waiting.push({ type, id: 0, age: 0, repeat: false, body });
    this.bytes += body.length;
  }

  /** Hands them all to the core; what this device does not take is counted as dropped. */
  send(sender: Sender, slot: number, now: number): void {
    let posts = this.#waiting;
    if (posts.length === 0) return;
    this.#waiting = [];
    this.bytes = 0;
    while (posts.length > 0) {
      const taken = sender.core.send(slot, posts, now);
      if (taken > 0) {
        sender.posted += taken;
        if (taken === posts.length) return;
        posts = posts.slice(taken);
      } else {
        const alone = taken === E_TOO_LONG || taken === E_TARGET;
        sender.dropped += alone ? 1 : posts.length;
        if (!alone) return;
        posts.shift(); // longer than this device takes
      }
    }
  }

  /** Gives up what waits; returns how many there were. */
  drop(): number {
    const { length } = this.#waiting;
    this.#waiting = [];
    this.bytes = 0;
    return length;
  }
}
