/** Frames on their way to one peer: each goes when the core lets it, in one write of its own. What waits is bounded. */
import { OK } from '../../../assembly/abi.js';
import type { Clock, ClockTimer } from '../../clock.js';
import type { IotsocketCore } from '../../core/index.js';
import type { Link } from '../../transport/link.js';
import { bodyError } from './body.js';

/** A peer that does not read what it has gets no more. */
const LARGEST_UNSENT = 65_536;

export class Pushes {
  readonly #core: IotsocketCore;
  readonly #slot: number;
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #most: number;
  #waiting: Uint8Array[] = [];
  #timer: ClockTimer | undefined;
  #over = false;

  constructor(core: IotsocketCore, slot: number, link: Link, clock: Clock, most: number) {
    this.#core = core;
    this.#slot = slot;
    this.#link = link;
    this.#clock = clock;
    this.#most = most;
  }

  /** Frames that wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Sends it now, or when it may go. False: too many wait. Throws IOTSOCKET_BODY. */
  push(body: Uint8Array): boolean {
    if (this.#over) return false;
    const status = this.#core.check(this.#slot, body), wrong = bodyError(status, body.length, this.#link.kind === 'tls');
    if (wrong !== undefined) throw wrong;
    this.#sendWaiting();
    if (this.#waiting.length === 0 && this.#link.waiting <= LARGEST_UNSENT && this.#send(body) === OK) return true;
    if (this.#waiting.length >= this.#most) return false;
    this.#waiting.push(body);
    this.#arm();
    return true;
  }

  /** What waited for the peer has left. */
  drained(): void {
    this.#sendWaiting();
    this.#arm();
  }

  end(): number {
    this.#over = true;
    this.#timer?.cancel();
    const lost = this.#waiting.length;
    this.#waiting = [];
    return lost;
  }

  #send(body: Uint8Array): number {
    const result = this.#core.send(this.#slot, body, this.#clock.unix());
    if (typeof result === 'number') return result;
    this.#link.write(result);
    this.#link.flush();
    return OK;
  }

  #sendWaiting(): void {
    while (this.#waiting.length > 0 && this.#link.waiting <= LARGEST_UNSENT && this.#send(this.#waiting[0]!) === OK) this.#waiting.shift();
  }

  #arm(): void {
    if (this.#over || this.#timer !== undefined || this.#waiting.length === 0) return;
    if (this.#link.waiting > LARGEST_UNSENT) return; // `drained` follows
    this.#timer = this.#clock.after(this.#core.wait(this.#slot, this.#clock.unix()), () => {
      this.#timer = undefined;
      this.drained();
    }, false);
  }
}
