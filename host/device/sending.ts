/**
 * What the device sends: its outbox, and messages without acknowledgement that wait for the end of the tick.
 * It decides nothing: the core asks for ids, this hands over their bodies.
 */
import { ACK_BUSY, ACK_OK, ACK_STALE, DATA, E_TARGET, E_TOO_LONG } from '../../assembly/abi.js';
import type { DeviceCoreApi, Outgoing } from '../core/types.js';
import { ask, handOver, type Want } from '../delivery/hand-over.js';
import { Outbox, type OutboxBounds, type OutboxTotals } from '../delivery/outbox.js';

export class DeviceSender {
  readonly outbox: Outbox;
  readonly totals: OutboxTotals = { delivered: 0, failed: 0, bytes: 0, most: Infinity };
  posted = 0;
  dropped = 0;
  busy = 0;
  #posts: Outgoing[] = [];
  #postBytes = 0;
  /** What the core asked for. */
  readonly #want: Want = { first: 0, count: 0 };
  /** The core knows ids below this. */
  #told = 2;
  #renew = -1;

  constructor(gateway: string, bounds: OutboxBounds) {
    this.outbox = new Outbox(gateway, bounds, this.totals);
  }

  /** Bytes that leave with the next flush. */
  get postBytes(): number {
    return this.#postBytes;
  }

  post(body: Uint8Array, type: number = DATA): void {
    this.#posts.push({ type, id: 0, age: 0, repeat: false, body });
    this.#postBytes += body.length;
  }

  /** Without a session there is nobody to post to. */
  dropPosts(): void {
    this.dropped += this.#posts.length;
    this.#posts = [];
    this.#postBytes = 0;
  }

  wanted(first: number, count: number): void {
    ask(this.#want, first, count);
  }

  result(id: number, status: number): void {
    if (status === ACK_OK) this.outbox.acknowledged(id);
    else if (status < ACK_STALE) this.outbox.refused(id, status);
    else if (status === ACK_BUSY) {
      this.busy += 1;
      this.outbox.untaken(id);
    }
  }

  outboxUnknown(doubt: number): void {
    this.#renew = doubt;
  }

  /** Everything is with the core and acknowledged. */
  get idle(): boolean {
    return this.outbox.size === 0 && this.#posts.length === 0;
  }

  /** Tells the core what is new and hands over what it asked for. Called once a tick. */
  flush(core: DeviceCoreApi, now: number): void {
    if (this.#renew >= 0) {
      this.outbox.renew(this.#renew);
      this.#renew = -1;
      this.#want.count = 0;
      this.#told = this.outbox.ready;
      core.renumber(this.outbox.number, this.outbox.ready, now);
    }
    if (this.#told !== this.outbox.ready) {
      this.#told = this.outbox.ready;
      core.queued(this.outbox.ready, now);
    }
    handOver(this.#want, this.outbox, now, (batch) => core.send(batch, now), () => core.info().largest);
    this.#sendPosts(core, now);
  }

  #sendPosts(core: DeviceCoreApi, now: number): void {
    let posts = this.#posts;
    if (posts.length === 0) return;
    this.#posts = [];
    this.#postBytes = 0;
    while (posts.length > 0) {
      const taken = core.send(posts, now);
      if (taken > 0) {
        this.posted += taken;
        posts = posts.slice(taken);
      } else if (taken === E_TOO_LONG || taken === E_TARGET) {
        this.dropped += 1;
        posts.shift();
      } else {
        this.dropped += posts.length;
        return;
      }
    }
  }
}
