/**
 * A datagram session at the gateway: a share in its port's socket or line, and the address of its device, which changes only
 * when the core says so.
 */
import type { DatagramPort, Source } from './datagram-port.js';
import type { DatagramAcceptor, Link, LinkKind, LinkOwner } from './link.js';
import { pathNumber } from './source.js';

/** What a device that has proved itself may send ahead while the database is asked for its record. */
const HELD = 64;
/** Nobody has checked yet whose they are, so none that is longer than a path carries. */
const HELD_BYTES = 1_500;

interface Held {
  readonly bytes: Buffer;
  readonly from: Source;
  readonly port: DatagramPort;
}

export class UdpLink implements Link {
  readonly datagram = true;
  owner: LinkOwner | undefined;
  closing = false;
  address = '';
  port = 0;
  /** Of the datagram that is being received: see GatewayCoreApi.receive. */
  path = 0;
  source: Buffer | undefined;
  #via: DatagramPort;
  /** Where the datagram that is being received came from. */
  #from: Held | undefined;
  readonly #acceptor: DatagramAcceptor;
  /** The session's number, once a device has proved itself. */
  #number = -1;
  #paused = false;
  #held: Held[] = [];
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  constructor(via: DatagramPort, acceptor: DatagramAcceptor) {
    this.#via = via;
    this.#acceptor = acceptor;
  }

  get kind(): LinkKind {
    return this.#via.kind;
  }

  get peer(): string {
    return this.#via.peerOf(this.address, this.port);
  }

  get waiting(): number {
    return this.#pendingBytes;
  }

  write(bytes: Buffer): void {
    if (this.closing) return;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  /** A system call a datagram: Node has no call for several. */
  flush(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    this.#pendingBytes = 0;
    const { totals } = this.#acceptor;
    if (this.#via.hasRoom) {
      for (const bytes of pending) {
        totals.bytesOut += bytes.length;
        totals.writes += 1;
        this.#via.send(bytes, this.address, this.port);
      }
    } else {
      this.#acceptor.lost(pending.length);
    }
    this.owner?.linkDrained();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    const held = this.#held;
    this.#held = [];
    for (const { bytes, from, port } of held) this.received(bytes, from, port);
    this.flush(); // before it can be another device's
    this.#release();
  }

  end(gone: () => void): void {
    this.flush();
    this.destroy();
    gone();
  }

  destroy(): void {
    if (this.closing) return;
    this.closing = true;
    this.owner = undefined;
    this.#held = [];
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#number < 0) {
      this.#via.gone();
      return;
    }
    if (this.#acceptor.byNumber.get(this.#number) === this) this.#acceptor.byNumber.delete(this.#number);
    this.#via.left();
  }

  ref(): void {
    // The port's socket keeps the process alive.
  }

  unref(): void {
    // As above.
  }

  // ---- What the session says ----

  /** Sends at once to where the datagram that is being received came from. */
  reply(bytes: Buffer): void {
    const from = this.#from;
    if (from === undefined || this.closing) return;
    this.#acceptor.totals.bytesOut += bytes.length;
    this.#acceptor.totals.writes += 1;
    from.port.send(bytes, from.from.address, from.from.port);
  }

  /** The device is where the datagram that is being received came from. */
  move(): void {
    const from = this.#from;
    if (from === undefined) return;
    this.address = from.from.address;
    this.port = from.from.port;
    if (from.port === this.#via) return;
    from.port.joined();
    this.#via.left();
    this.#via = from.port;
  }

  /** A device has proved itself: datagrams with this number are this session's. */
  established(number: number): void {
    this.#number = number;
    this.#acceptor.byNumber.set(number, this);
    this.#via.gone();
    this.#via.joined();
  }

  // ---- What the port says ----

  /** @internal A datagram with this session's number. */
  received(bytes: Buffer, from: Source, port: DatagramPort): void {
    if (this.closing) return;
    if (this.#paused) {
      if (this.#held.length < HELD && bytes.length <= HELD_BYTES) this.#held.push({ bytes, from, port });
      return;
    }
    if (from.port === this.port && from.address === this.address && port === this.#via) {
      this.path = 0;
      this.owner?.linkReceived(bytes);
      return;
    }
    this.path = pathNumber(from.address, from.port);
    this.#from = { bytes, from, port };
    this.owner?.linkReceived(bytes);
    this.#from = undefined;
  }

  /** @internal HELLO or PROOF: as long as no device has proved itself here the link is anybody's. */
  handshake(bytes: Buffer, from: Source): void {
    this.address = from.address;
    this.port = from.port;
    this.path = 0;
    this.source = this.#via.sourceOf(from);
    this.owner?.linkReceived(bytes);
    this.flush();
    this.#release();
  }

  /** Waits for the next device, unless a key is being looked up for this one, or it has a session now. */
  #release(): void {
    if (!this.closing && !this.#paused && this.#number < 0) this.#via.isFree(this);
  }
}
