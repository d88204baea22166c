/** What the gateway remembers of an identity beyond one session. */
import type { Handling } from '../delivery/handling.js';
import type { GatewayMessage } from './message.js';
import type { Session } from './session.js';

/** A proof of a challenge of before must not open anything: that takes 10 s; the rest is kindness to those who come back. */
const REMEMBERED_MS = 60_000;
const MINUTE = 60_000;

export class Peer {
  readonly identity: string;
  /** The session that stands. */
  live: Session | undefined;
  /** The newest one whose proof holds and whose receipts are being fetched. */
  accepting: Session | undefined;
  /** Epoch of its newest session: the next one's is later. */
  lastEpoch = 0;
  /** Volatile mode: messages of this outbox on their way through the handlers. They outlive a session. */
  handling: Handling<GatewayMessage> | undefined;
  outbox = 0;
  /** Where messages go through to a broker: the last one of `outbox` that was acknowledged. */
  passed = 0;
  /** A message that a handler refused, until its sender has put a SKIP in its place. */
  refused: { outbox: number; number: number; status: number } | undefined;
  /** Takeovers in the minute that began at `takeoversSince`. */
  #takeovers = 0;
  #takeoversSince = -Infinity;

  constructor(identity: string) {
    this.identity = identity;
  }

  /** Counts one; returns how many there were in this minute. */
  takeover(now: number): number {
    if (now - this.#takeoversSince >= MINUTE) {
      this.#takeoversSince = now;
      this.#takeovers = 0;
    }
    return ++this.#takeovers;
  }
}

/** All identities that have a session, or had one a short while ago. */
export class Peers {
  readonly #peers = new Map<string, Peer>();
  /** Those without a session, with the time since when: oldest first. */
  readonly #offline = new Map<Peer, number>();
  online = 0;

  get(identity: string): Peer | undefined {
    return this.#peers.get(identity);
  }

  isOnline(identity: string): boolean {
    return this.#peers.get(identity)?.live !== undefined;
  }

  /** The one whose session is about to be accepted. */
  enter(identity: string): Peer {
    let peer = this.#peers.get(identity);
    if (peer === undefined) this.#peers.set(identity, (peer = new Peer(identity)));
    this.#offline.delete(peer);
    return peer;
  }

  /** Call it when `live` or `accepting` went away. */
  left(peer: Peer, now: number): void {
    if (peer.live === undefined && peer.accepting === undefined) {
      this.#offline.delete(peer);
      this.#offline.set(peer, now);
    }
  }

  tick(now: number): void {
    for (const [peer, since] of this.#offline) {
      if (now - since < REMEMBERED_MS) return;
      if (peer.handling !== undefined && peer.handling.size > 0) {
        this.left(peer, now); // its handlers are at work yet
        continue;
      }
      this.#offline.delete(peer);
      this.#peers.delete(peer.identity);
    }
  }

  /** The wall clock has a new base: epochs of before are of another time. All sessions have ended. */
  forgetEpochs(): void {
    for (const peer of this.#peers.values()) peer.lastEpoch = 0;
  }

  /** Sessions that stand. */
  *live(): IterableIterator<Session> {
    for (const peer of this.#peers.values()) if (peer.live !== undefined) yield peer.live;
  }
}
