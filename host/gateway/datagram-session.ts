/** A session on datagrams: what it knows besides of the path to its device. */
import { linkBits } from '../transport/link.js';
import { PathMtu } from '../transport/mtu.js';
import type { UdpLink } from '../transport/udp-link.js';
import type { Engine } from './engine.js';
import { Session } from './session.js';

export class DatagramSession extends Session {
  readonly #engine: Engine;
  readonly #udp: UdpLink;
  #mtu: PathMtu | undefined;
  /** Ids below were asked for: to be asked again for one of them is a sign of loss. */
  #askedTo = 0;

  constructor(engine: Engine, link: UdpLink) {
    super(engine, link);
    this.#engine = engine;
    this.#udp = link;
    this.open(engine.core.open(this, linkBits(link), engine.now()));
  }

  override linkReceived(chunk: Buffer): void {
    const now = this.#engine.now();
    if (this.over) return; // the clock stepped
    const { path, source } = this.#udp;
    this.#engine.core.receive(this.slot, chunk, now, path, source);
  }

  override proved(session: number, outbox: number): void {
    this.#udp.source = undefined; // the handshake is over
    this.#udp.established(session);
    super.proved(session, outbox);
  }

  override wanted(first: number, count: number): void {
    if (first < this.#askedTo && this.#mtu !== undefined) {
      this.#mtu.suspect(this.#engine.clock.now());
      this.#engine.paths.add(this);
    }
    this.#askedTo = first + count;
    super.wanted(first, count);
  }

  outputToSource(bytes: Buffer): void {
    this.#udp.reply(bytes);
  }

  moved(): void {
    const before = this.address;
    this.#udp.move();
    this.#engine.log.logger?.info({ device: this.id, before, address: this.address }, 'device moved');
    this.#mtu?.reset(this.#engine.clock.now());
    this.#tell();
    this.#engine.paths.add(this);
  }

  probed(bytes: number): void {
    this.#mtu?.answered(bytes, this.#engine.clock.now());
    this.#tell();
  }

  /** Once a tick of 250 ms while there is something to find out. False: no more. */
  probe(now: number): boolean {
    if (!this.online) return false;
    const mtu = (this.#mtu ??= new PathMtu(now)), before = mtu.size, bytes = mtu.next(now);
    if (mtu.size !== before) this.#tell();
    if (bytes > 0) {
      if (!this.#engine.core.probe(this.slot, bytes, this.#engine.now())) mtu.limit(); // longer than the device takes
      this.#engine.schedule(this);
    }
    return mtu.deadline !== Infinity;
  }

  #tell(): void {
    if (this.#mtu !== undefined && this.online) this.#engine.core.setBudget(this.slot, this.#mtu.size);
  }
}
