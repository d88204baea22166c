/** What a device on datagrams finds out of its path: how large a datagram comes through. */
import type { DeviceCore } from '../core/index.js';
import { BASE_BYTES, PathMtu } from '../transport/mtu.js';

export class DevicePath {
  readonly #core: DeviceCore;
  readonly #mtu: PathMtu;
  /** Ids below were asked for: to be asked again for one of them is a sign of loss. */
  #askedTo = 0;

  constructor(core: DeviceCore, now: number) {
    this.#core = core;
    this.#mtu = new PathMtu(now);
    core.setBudget(BASE_BYTES);
  }

  /** When `work` is due, monotonic ms. */
  get deadline(): number {
    return this.#mtu.deadline;
  }

  work(now: number): void {
    const bytes = this.#mtu.next(now);
    this.#core.setBudget(this.#mtu.size);
    if (bytes > 0 && !this.#core.probe(bytes, Math.floor(now) >>> 0)) this.#mtu.limit(); // longer than the gateway takes
  }

  probed(bytes: number, now: number): void {
    this.#mtu.answered(bytes, now);
    this.#core.setBudget(this.#mtu.size);
  }

  wanted(first: number, count: number, now: number): void {
    if (first < this.#askedTo) this.#mtu.suspect(now);
    this.#askedTo = first + count;
  }
}
