/** One connection of a device at the gateway. */
import type { IotsocketSink } from '../../core/index.js';
import type { Link, LinkKind, LinkOwner } from '../../transport/link.js';
import { Pushes } from './pushes.js';
import { iotsocketReason } from './reasons.js';
import type { Entry, IotsocketServer } from './server.js';

export class Connection implements IotsocketSink, LinkOwner {
  readonly slot: number;
  /** Its device, once the first message was accepted; and what it said that it is before. */
  id = '';
  claimed = '';
  /** It holds the stamps of the connection before, until this monotonic ms; 0: it holds none. */
  inherits = 0;
  /** Unix ms of the first message, and the number of the session. */
  since = 0;
  session = 0;
  over = false;
  readonly #server: IotsocketServer;
  readonly #link: Link;
  readonly #entry: Entry;
  readonly #pushes: Pushes;
  #wantsDrain = false;

  constructor(server: IotsocketServer, link: Link, entry: Entry) {
    this.#server = server;
    this.#link = link;
    this.#entry = entry;
    const { core, host } = server;
    this.slot = core.open(this, false, link.kind === 'tls', host.clock.unix());
    this.#pushes = new Pushes(core, this.slot, link, host.clock, server.queue);
  }

  get address(): string {
    return this.#link.peer;
  }

  get kind(): LinkKind {
    return this.#link.kind;
  }

  /** Sends it, or lets it wait for its time. False: too many wait. Throws IOTSOCKET_BODY. */
  push(body: Uint8Array): boolean {
    const taken = this.#pushes.push(body);
    if (!taken) this.#wantsDrain = true;
    return taken;
  }

  pause(): void {
    this.#link.pause();
  }

  resume(): void {
    if (!this.over) this.#link.resume();
  }

  /** Ends it without a byte: the protocol has none for this. */
  close(reason: string): void {
    if (this.over) return;
    this.over = true;
    this.#server.ended(this, reason, this.#pushes.end());
    this.#link.destroy();
  }

  /** The same, where what came is at fault. */
  refuse(reason: string, off: number): void {
    if (this.over) return;
    if (this.id === '') this.#entry.reject(reason);
    else this.#server.host.refused(this, reason, off);
    this.close(reason);
  }

  tick(): void {
    const { core, host } = this.#server;
    core.tick(this.slot, host.clock.unix());
    if (this.#wantsDrain && !this.over && this.#pushes.size === 0) {
      this.#wantsDrain = false;
      host.drain(this.id);
    }
  }

  // ---- The core tells ----

  login(identity: string): void {
    this.claimed = identity;
    this.#server.login(this, identity);
  }

  message(chunk: Buffer, start: number, end: number, time: number): void {
    if (this.over) return;
    if (this.id === '') {
      this.id = this.claimed;
      this.since = Math.floor(this.#server.host.clock.unix());
      this.#entry.proved();
      this.#server.accepted(this);
    }
    this.#server.host.message(this, chunk, start, end, time);
  }

  refused(reason: number, off: number): void {
    this.refuse(iotsocketReason(reason), off);
  }

  // ---- The link tells ----

  linkReceived(chunk: Buffer): void {
    this.#server.core.receive(this.slot, chunk, this.#server.host.clock.unix());
  }

  linkEnded(): void {
    this.close('closed');
  }

  linkDrained(): void {
    this.#pushes.drained();
  }

  linkGone(): void {
    this.close('link lost');
  }
}
