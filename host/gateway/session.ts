/**
 * One connection at the gateway, from its first byte to its last: what the core tells of it and what its link tells.
 * There may be a hundred thousand of these, so it holds no closure, no emitter and no timer.
 *
 * Verdicts, bodies and messages are collected and go to the core in `flush`, once a tick: then one ACK answers for all
 * messages of a chunk, one crossing frames all that was sent, and one write carries everything.
 */
import { ACK_BUSY, ACK_OK, CLOSE_DISABLED, CLOSE_GOING_AWAY, CLOSE_TAKEN_OVER, TYPE_MASK } from '../../assembly/abi.js';
import type { GatewaySink, Receipts } from '../core/types.js';
import { downName, suiteName } from '../names.js';
import type { Lease, Takeover } from '../registry/types.js';
import type { HalfOpen, Link, LinkOwner } from '../transport/link.js';
import type { DownState } from './down.js';
import type { Engine } from './engine.js';
import { LOOKUPS_FULL, type Found } from './keys.js';
import { GatewayMessage } from './message.js';
import type { Peer } from './peer.js';
import { Posts } from './posts.js';
import type { ConnectedDevice } from './types.js';
import { Verdicts } from './verdicts.js';

/** For a proof that the core refuses as older than the live session. */
const NO_RECEIPTS: Receipts = { inLast: 0, outOutbox: 0, outLow: 1, outSent: 0, outNext: 1 };

/** HELLO and PROOF are awaited; the proof holds and the receipts are being fetched; it stands; it is over. */
const HALF_OPEN = 0, PROVED = 1, ONLINE = 2, OVER = 3;

export class Session implements GatewaySink, LinkOwner, HalfOpen {
  older: HalfOpen | undefined = undefined;
  newer: HalfOpen | undefined = undefined;
  came = 0;
  phase: number = HALF_OPEN;
  id = '';
  keyId = 0;
  /** Unix ms of session time 0. */
  epoch = 0;
  session = 0;
  /** Unix ms at which it was accepted, 0: not yet. */
  since = 0;
  /** Its end has been told. */
  gone = false;
  /** The right to act for the identity, and with it the device's outbox. */
  lease: Lease | undefined = undefined;
  /** What goes down to the device with an acknowledgement, once there is something. */
  down: DownState | undefined = undefined;
  /** A flush is asked for. */
  dirty = false;
  readonly #engine: Engine;
  readonly #link: Link;
  #slot = -1;
  #suite = 0;
  #peer: Peer | undefined = undefined;
  #paused = false;
  /** Since when the peer has not read what waits for it, monotonic ms. */
  #stuckSince = Infinity;
  #needDrain = false;
  /** FIN came: it ends when what is due has left. */
  #finishing = false;
  /** Once the device has sent what wants one. */
  #verdicts: Verdicts | undefined = undefined;
  /** Once something was posted. */
  #posts: Posts | undefined = undefined;

  constructor(engine: Engine, link: Link) {
    this.#engine = engine;
    this.#link = link;
  }

  /** Takes a slot of the core; from here on bytes may come. */
  open(slot: number): void {
    this.#slot = slot;
  }

  get address(): string {
    return this.#link.peer;
  }

  describe(): ConnectedDevice {
    return { id: this.id, address: this.address, link: this.#link.kind, protocol: 'tidelock', suite: suiteName(this.#suite), session: this.session, since: this.since };
  }

  get online(): boolean {
    return this.phase === ONLINE;
  }

  get over(): boolean {
    return this.phase === OVER;
  }

  /** Bit of its suite; 0: it is not accepted yet. */
  get suite(): number {
    return this.#suite;
  }

  get slot(): number {
    return this.#slot;
  }

  /** Messages from the device that wait for a verdict, or verdicts that wait for the core. */
  get undecided(): boolean {
    return this.#verdicts?.pending === true;
  }

  /** Bytes that the device has not taken yet. */
  get unsent(): number {
    return this.#link.waiting + (this.#posts?.bytes ?? 0);
  }

  // ---- The core speaks ----

  hello(identity: string, keyId: number): void {
    const engine = this.#engine;
    this.id = identity;
    this.keyId = keyId;
    if (this.#link.kind !== 'udp' && !engine.entrance.admission.hello(this.#link.address, engine.clock.now())) {
      this.reject('too many HELLOs');
      return;
    }
    const found = engine.find(identity, keyId);
    if (!(found instanceof Promise)) return this.#key(found);
    this.#pause();
    found.then(
      (key) => {
        this.#key(key);
        this.#resume();
      },
      (error: unknown) => {
        engine.lookupFailed(identity, error);
        this.reject('lookup failed');
      },
    );
  }

  proved(_session: number, outbox: number): void {
    const engine = this.#engine;
    engine.proving(this);
    this.phase = PROVED;
    const peer = engine.peers.enter(this.id);
    this.#peer = peer;
    // A PROOF that was held back would end the lease of the session that stands, or is about to, in the store, and be
    // refused by the core only then. Of two at once the one that was challenged later counts.
    const newest = Math.max(peer.live?.epoch ?? 0, peer.accepting?.epoch ?? 0);
    this.epoch = engine.core.info(this.#slot).epoch;
    if (newest > 0 && this.epoch <= newest) {
      engine.core.accept(this.#slot, NO_RECEIPTS, newest, engine.now());
      return;
    }
    peer.accepting = this;
    const begun = engine.begin(this.id, outbox, this.keyId);
    if (!(begun instanceof Promise)) return this.#accept(begun);
    this.#pause();
    begun.then(
      (takeover) => {
        this.#accept(takeover);
        this.#resume();
      },
      (error: unknown) => this.#engine.beginFailed(this, error),
    );
  }

  output(bytes: Buffer): void {
    this.#link.write(bytes);
    this.#engine.schedule(this);
  }

  message(chunk: Buffer, start: number, end: number, id: number, time: number, flags: number): void {
    const engine = this.#engine;
    if (this.since === 0) this.#announce(); // it came right behind the proof
    if (id === 0) {
      engine.received += 1;
      if (engine.subscribers.list.length > 0 || engine.passing.watched) {
        engine.deliver(new GatewayMessage(this.id, this.epoch + time, 0, 0, flags, chunk, start, end));
      }
      return;
    }
    if (this.phase === OVER || this.lease === undefined) return; // a handler has ended it
    const verdicts = (this.#verdicts ??= new Verdicts(id - 1));
    if (verdicts.blocked) return;
    const message = new GatewayMessage(this.id, this.epoch + time, this.lease.outbox, id, flags, chunk, start, end);
    if (engine.up.take(this, message)) verdicts.reported(id);
    else verdicts.noRoom(id);
    engine.schedule(this);
  }

  wanted(first: number, count: number): void {
    this.#engine.down.wanted(this, first, count);
    this.#engine.schedule(this);
  }

  result(id: number, status: number): void {
    this.#engine.down.result(this, id, status);
    this.#engine.schedule(this);
  }

  outboxUnknown(doubt: number): void {
    this.#engine.down.outboxUnknown(this, doubt);
    this.#engine.schedule(this);
  }

  refused(reason: number, type: number, id: number, off: number): void {
    this.#engine.refused(this, reason, type & TYPE_MASK, id, off);
  }

  closed(): void {
    // `disconnect` follows and tells the reason.
  }

  disconnect(why: number, detail: number): void {
    this.#over(downName(why, detail));
  }

  // ---- The link speaks ----

  linkReceived(chunk: Buffer): void {
    const engine = this.#engine;
    const now = engine.now();
    if (this.phase === OVER) return; // the clock stepped
    engine.core.receive(this.#slot, chunk, now);
    if (this.#link.waiting > engine.limits.unsent) this.#holdReading();
  }

  linkEnded(): void {
    if (this.phase !== ONLINE) return this.#over('link lost');
    this.#finishing = true;
    this.#engine.schedule(this);
  }

  linkDrained(): void {
    this.#stuckSince = Infinity;
    if (this.#paused && this.phase !== HALF_OPEN && this.phase !== PROVED) this.#resume();
    if (this.#needDrain) {
      this.#needDrain = false;
      this.#engine.drained(this);
    }
  }

  linkGone(error: Error | undefined): void {
    this.#over(error === undefined ? 'link lost' : `link lost: ${(error as NodeJS.ErrnoException).code ?? error.message}`);
  }

  // ---- The gateway speaks ----

  /** Keys have changed: a handshake that was begun for this identity, or any, begins anew. */
  refresh(identity: string | undefined): void {
    if (this.id !== '' && (identity === undefined || this.id === identity)) this.reject('keys refreshed');
  }

  /** Ends a connection that has not proved itself, without a word: it would be unprotected. */
  reject(reason: string): void {
    if (this.phase === OVER) return;
    this.#engine.entrance.turnedAway(this.address, reason);
    this.#link.destroy();
    this.#over(reason);
  }

  /** CLOSE with a reason, and the end. */
  close(reason: number, retryAfter = 0): void {
    if (this.phase === OVER) return;
    this.#engine.core.close(this.#slot, reason, retryAfter, this.#engine.now());
  }

  /** The handler's or the store's verdict on a message of this lease. */
  verdict(id: number, status: number): void {
    (this.#verdicts ??= new Verdicts(id)).give(id, status);
    this.#engine.schedule(this);
  }

  /** False: no room. */
  post(body: Uint8Array, type: number): boolean {
    if (this.unsent + body.length > this.#engine.limits.unsent) {
      this.#needDrain = true;
      this.#markStuck();
      return false;
    }
    (this.#posts ??= new Posts()).push(body, type);
    this.#engine.schedule(this);
    return true;
  }

  /** Everything of this tick, in one write. */
  flush(now: number): void {
    const engine = this.#engine;
    if (this.phase === ONLINE) {
      if (this.#verdicts?.pending === true) this.#tellVerdicts(this.#verdicts, now);
      if (this.down !== undefined) engine.down.flush(this);
      this.#posts?.send(engine, this.#slot, now);
    }
    if (this.phase === OVER) return;
    this.#link.flush();
    if (this.#link.waiting > this.#engine.limits.unsent) this.#holdReading();
    if (this.#finishing && !this.undecided) this.#over('link lost');
  }

  /** Once a tick of 250 ms while something is stuck; true: it was ended. */
  checkStuck(now: number, longest: number): boolean {
    if (this.#link.progressed?.() === true) this.#stuckSince = now; // slow, but it reads
    if (now - this.#stuckSince < longest) return false;
    this.#engine.notReading += 1;
    this.#link.destroy();
    this.#over('peer does not read');
    return true;
  }

  get stuck(): boolean {
    return this.#stuckSince !== Infinity && this.phase !== OVER;
  }

  #key(found: Found): void {
    if (this.phase !== HALF_OPEN) return;
    const engine = this.#engine;
    if (found === LOOKUPS_FULL) {
      this.reject('too many lookups');
      return;
    }
    engine.core.key(this.#slot, found, engine.peers.get(this.id)?.lastEpoch ?? 0, engine.now());
  }

  #accept(takeover: Takeover | undefined): void {
    const engine = this.#engine, peer = this.#peer!;
    if (this.phase !== PROVED) return; // the link went away meanwhile
    if (takeover === undefined) {
      this.close(CLOSE_DISABLED);
      return;
    }
    if (peer.accepting !== this) {
      this.close(CLOSE_TAKEN_OVER);
      return;
    }
    if (engine.closing) {
      this.close(CLOSE_GOING_AWAY);
      return;
    }
    peer.accepting = undefined;
    this.lease = takeover.lease;
    this.phase = ONLINE;
    const info = engine.core.info(this.#slot);
    this.session = info.session;
    this.#suite = info.suite;
    engine.down.begin(this, takeover.receipts);
    if (engine.core.accept(this.#slot, takeover.receipts, peer.live?.epoch ?? 0, engine.now())) this.#announce();
    else if (this.online) this.phase = PROVED; // older than the live session: the core ends it
  }

  /** The session stands: everybody hears of it, once. */
  #announce(): void {
    if (this.since !== 0 || !this.online) return;
    const engine = this.#engine, peer = this.#peer!, { live } = peer;
    this.since = Math.floor(engine.clock.unix());
    peer.live = this;
    peer.lastEpoch = this.epoch;
    engine.accepted(this, peer, live);
  }

  #tellVerdicts(verdicts: Verdicts, now: number): void {
    const engine = this.#engine;
    const status = verdicts.tell((id, verdict) => engine.core.answer(this.#slot, id, verdict, now));
    if (status === ACK_BUSY) engine.busy += 1;
    if (status !== ACK_OK) engine.up.told(this);
  }

  /** What we read makes answers, and the peer does not take those it has. */
  #holdReading(): void {
    this.#markStuck();
    this.#pause();
  }

  #markStuck(): void {
    if (this.#stuckSince !== Infinity) return;
    this.#stuckSince = this.#engine.clock.now();
    this.#engine.stuck(this);
  }

  #pause(): void {
    this.#paused = true;
    this.#link.pause();
  }

  #resume(): void {
    if (!this.#paused || this.phase === OVER) return;
    this.#paused = false;
    this.#link.resume();
  }

  #over(reason: string): void {
    if (this.phase === OVER) return;
    const engine = this.#engine;
    this.phase = OVER;
    engine.core.free(this.#slot);
    engine.dropped += this.#posts?.drop() ?? 0;
    engine.ended(this, this.#link, this.#peer, reason);
  }
}
