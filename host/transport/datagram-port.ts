/**
 * Where a gateway takes datagrams, for all its sessions: a UDP socket or a serial line. A datagram finds its session by the
 * number that it carries; HELLO and PROOF go to a session that waits for the next device, so a stranger's HELLO makes
 * nothing: the core keeps nothing for it, and answers with no more bytes than came.
 */
import type { DatagramAcceptor, Listener } from './link.js';
import { UdpLink } from './udp-link.js';

/** Where a datagram came from. */
export interface Source {
  readonly address: string;
  readonly port: number;
}

/** First bytes of a handshake's datagrams, and where the session's number stands in all others. */
const HELLO = 0x81, PROOF = 0x83;
const SESSION_AT = 1;
/** A header and the shorter tag. */
const SHORTEST = 18;
/** Sessions that wait for a device at a time: more than one only while keys are looked up elsewhere. */
const WAITING = 64;
export abstract class DatagramPort implements Listener {
  abstract readonly kind: 'udp' | 'serial';
  readonly urls: readonly string[];
  /** @internal True where the system has room for more. */
  abstract readonly hasRoom: boolean;
  readonly #acceptor: DatagramAcceptor;
  /** Links without a device; the last one is used next. */
  readonly #free: UdpLink[] = [];
  #waiting = 0;
  /** Links that have a device. */
  #links = 0;
  #closing = false;
  #empty: (() => void) | undefined;

  protected constructor(url: string, acceptor: DatagramAcceptor) {
    this.urls = [url];
    this.#acceptor = acceptor;
  }

  /** @internal */
  abstract send(bytes: Buffer, address: string, port: number): void;
  /** @internal The source in the form that the core asks for, 18 bytes. */
  abstract sourceOf(from: Source): Buffer;
  /** @internal For logs. */
  abstract peerOf(address: string, port: number): string;
  /** Closes the socket or line. */
  protected abstract closeMedium(): Promise<void>;

  /** Fulfilled when the sessions that it carried are over. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    for (const link of this.#free.splice(0)) link.owner?.linkGone(undefined);
    if (this.#links > 0) await new Promise<void>((resolve) => (this.#empty = resolve));
    await new Promise<void>((resolve) => setImmediate(resolve)); // what was handed over just now
    await this.closeMedium();
  }

  /** @internal The link has a device now, or has come from another port. */
  joined(): void {
    this.#links += 1;
  }

  /** @internal The link is over, or has moved to another port. */
  left(): void {
    this.#links -= 1;
    if (this.#links === 0) this.#empty?.();
  }

  /** @internal The link waits for a device again. */
  isFree(link: UdpLink): void {
    if (this.#closing) link.owner?.linkGone(undefined);
    else this.#free.push(link);
  }

  /** @internal A link that waited is no longer there. */
  gone(): void {
    this.#waiting -= 1;
  }

  /** What goes wrong over one datagram is counted and told, a few times in a while, and ends nothing. */
  protected received(bytes: Buffer, from: Source): void {
    this.#acceptor.totals.bytesIn += bytes.length;
    try {
      this.#take(bytes, from);
    } catch (error) {
      this.#acceptor.turnedAway(this.peerOf(from.address, from.port), 'datagram failed', error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }

  #take(bytes: Buffer, from: Source): void {
    const acceptor = this.#acceptor;
    const first = bytes[0];
    if (first === HELLO || first === PROOF) {
      this.#handshake(bytes, from, first);
      return;
    }
    if (bytes.length < SHORTEST) return;
    acceptor.byNumber.get(bytes.readUInt32BE(SESSION_AT))?.received(bytes, from, this);
  }

  #handshake(bytes: Buffer, from: Source, first: number): void {
    const acceptor = this.#acceptor;
    if (this.#closing || (first === HELLO ? !acceptor.mayHello(from.address) : !acceptor.hasRoom())) return;
    const link = this.#free.pop() ?? this.#expect();
    link?.handshake(bytes, from);
  }

  #expect(): UdpLink | undefined {
    if (this.#waiting >= WAITING) return undefined;
    this.#waiting += 1;
    const link = new UdpLink(this, this.#acceptor);
    this.#acceptor.expect(link);
    return link;
  }
}
