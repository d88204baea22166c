/**
 * Who may take up room before he has proved anything. Connections that have not proved themselves stand in a list by
 * age, and the oldest gives way to a new one: a crowd that never speaks keeps nobody out, because a device needs one
 * round trip and the crowd needs `halfOpen` new connections to push it out.
 */
import { addressPrefix } from '../transport/address.js';
import type { HalfOpen } from '../transport/link.js';
import { HelloBuckets } from './buckets.js';
import type { GatewayLimits } from './types.js';

export class Admission {
  halfOpen = 0;
  gaveWay = 0;
  overRate = 0;
  readonly #limits: Required<GatewayLimits>;
  readonly #buckets: HelloBuckets;
  #oldest: HalfOpen | undefined;
  #newest: HalfOpen | undefined;

  constructor(limits: Required<GatewayLimits>, now: number) {
    this.#limits = limits;
    this.#buckets = new HelloBuckets({
      rate: limits.helloRate, burst: limits.helloBurst, rateTotal: limits.helloRateTotal, burstTotal: limits.helloBurstTotal,
    }, now);
  }

  /** Makes room for one more connection, `open` being there; false: there is none. */
  makeRoom(open: number): boolean {
    const oldest = this.#oldest;
    if (this.halfOpen < this.#limits.halfOpen && open < this.#limits.connections) return true;
    if (oldest === undefined) return false;
    this.gaveWay += 1;
    oldest.reject('gave way');
    return true;
  }

  add(link: HalfOpen, now: number): void {
    link.came = now;
    this.halfOpen += 1;
    link.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = link;
    else this.#newest.newer = link;
    this.#newest = link;
  }

  /** What `link` was so far is now `next`; it does not grow younger by it. */
  replace(link: HalfOpen, next: HalfOpen): void {
    next.came = link.came;
    next.older = link.older;
    next.newer = link.newer;
    if (next.older === undefined) this.#oldest = next;
    else next.older.newer = next;
    if (next.newer === undefined) this.#newest = next;
    else next.newer.older = next;
    link.older = link.newer = undefined;
  }

  /** Turns away those that came before `time`. */
  expire(time: number): void {
    for (const link of this.all()) {
      if (link.came > time) return;
      link.reject('no proof in time');
    }
  }

  /** It has proved itself, or is gone. Does nothing where it is not in the list. */
  remove(link: HalfOpen): void {
    if (link.older === undefined && this.#oldest !== link) return;
    this.halfOpen -= 1;
    if (link.older === undefined) this.#oldest = link.newer;
    else link.older.newer = link.newer;
    if (link.newer === undefined) this.#newest = link.older;
    else link.newer.older = link.older;
    link.older = link.newer = undefined;
  }

  /** Every connection in the list, oldest first. */
  *all(): IterableIterator<HalfOpen> {
    for (let link = this.#oldest; link !== undefined; ) {
      const next: HalfOpen | undefined = link.newer;
      yield link;
      link = next;
    }
  }

  /** May this address have another HELLO answered? */
  hello(address: string, now: number): boolean {
    if (this.#buckets.take(addressPrefix(address), now)) return true;
    this.overRate += 1;
    return false;
  }
}
