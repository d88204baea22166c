/**
 * How large a datagram a path carries, found by probes that the peer answers (RFC 8899): what the network says of it
 * unauthenticated (ICMP) is not asked. This decides; its owner sends the probes and tells of their answers.
 */

/** RFC 8899's BASE_PLPMTU: every path that has IPv6's smallest MTU, 1,280, takes it. */
export const BASE_BYTES = 1_200;
/** Ethernet's 1,500 less the headers of IPv6 and UDP. */
export const MOST_BYTES = 1_452;
/** The search ends when it is this near. */
const NEAR_BYTES = 16;
/** RFC 8899, 5.1.2: MAX_PROBES. */
const TRIES = 3;
const PROBE_MS = 1_000;
/** PMTU_RAISE_TIMER: when a search that ended below the most begins again. */
const RAISE_MS = 600_000;

export class PathMtu {
  /** The largest datagram that is known to come through. */
  size = BASE_BYTES;
  /** The smallest that did not. */
  #failed = MOST_BYTES + 1;
  /** The size that is being asked about, 0: none. */
  #asked = 0;
  #tries = 0;
  /** When the next step is due, monotonic ms. */
  #due: number;

  constructor(now: number) {
    this.#due = now;
  }

  /** When `next` has something to do; Infinity once the search is over at the most there is. */
  get deadline(): number {
    return this.#due;
  }

  /** The size to probe now, 0: none. */
  next(now: number): number {
    if (now < this.#due) return 0;
    if (this.#asked > 0 && this.#tries === TRIES) this.#lost();
    if (this.#asked === 0) this.#choose(now);
    if (this.#asked === 0) return 0;
    this.#tries += 1;
    this.#due = now + PROBE_MS;
    return this.#asked;
  }

  /** A probe of this size was answered. */
  answered(size: number, now: number): void {
    if (size > this.size) this.size = size;
    if (size < this.#asked) return; // an older one
    this.#asked = 0;
    this.#tries = 0;
    this.#due = now;
  }

  /** Messages are lost: does the path still carry what it did? */
  suspect(now: number): void {
    if (this.size === BASE_BYTES || this.#asked > 0) return;
    this.#asked = this.size;
    this.#tries = 0;
    this.#due = now;
  }

  /** The peer takes no more than this, whatever the path does. */
  limit(): void {
    this.#asked = 0;
    this.#due = Infinity;
  }

  /** Another path. */
  reset(now: number): void {
    this.size = BASE_BYTES;
    this.#failed = MOST_BYTES + 1;
    this.#asked = this.#tries = 0;
    this.#due = now;
  }

  /** Three probes of this size went unanswered. */
  #lost(): void {
    this.#failed = this.#asked;
    if (this.#asked <= this.size) this.size = BASE_BYTES; // a black hole: it carried this before
    this.#asked = this.#tries = 0;
  }

  /** Most paths take the most there is, so that is asked first; then the middle of what is open. */
  #choose(now: number): void {
    if (this.#failed > MOST_BYTES) {
      if (this.size < MOST_BYTES) this.#asked = MOST_BYTES;
      else this.#due = Infinity;
    } else if (this.#failed - this.size > NEAR_BYTES) {
      this.#asked = Math.floor((this.size + this.#failed) / 2);
    } else {
      this.#failed = MOST_BYTES + 1; // from there it begins anew
      this.#due = now + RAISE_MS;
    }
  }
}
