/**
 * One UDP socket of a gateway, for all its sessions. A datagram finds its session by the number that it carries; HELLO and
 * PROOF go to a session that waits for the next device, so a stranger's HELLO makes nothing: the core keeps nothing
 * for it, and answers with no more bytes than came.
 */
import { lookup } from 'node:dns/promises';
import type { RemoteInfo, Socket } from 'node:dgram';
import { formatAddress, type Address } from './address.js';
import type { DatagramAcceptor, Listener } from './link.js';
import { listenError } from './tcp.js';
import { UdpLink } from './udp-link.js';
import { enlarge, udpSocket } from './udp-socket.js';

/** First bytes of a handshake's datagrams, and where the session's number stands in all others. */
const HELLO = 0x81, PROOF = 0x83;
const SESSION_AT = 1;
/** A header and the shorter tag. */
const SHORTEST = 18;
/** Sessions that wait for a device at a time: more than one only while keys are looked up elsewhere. */
const WAITING = 64;
/** Bytes that the system has not taken yet: beyond it datagrams are dropped, as the network would. */
const QUEUE_BYTES = 4 * 1024 * 1024;

export class UdpPort implements Listener {
  readonly urls: readonly string[];
  readonly #socket: Socket;
  readonly #acceptor: DatagramAcceptor;
  /** Links without a device; the last one is used next. */
  readonly #free: UdpLink[] = [];
  #waiting = 0;
  /** Links that have a device. */
  #links = 0;
  #closing = false;
  #closed = false;
  #empty: (() => void) | undefined;

  private constructor(socket: Socket, url: string, acceptor: DatagramAcceptor) {
    this.#socket = socket;
    this.urls = [url];
    this.#acceptor = acceptor;
    socket.on('message', (bytes, from) => this.#received(bytes, from));
    socket.on('error', (error) => acceptor.failed(error));
  }

  /** Rejects with PORT_IN_USE, PORT_FORBIDDEN or LISTEN_FAILED. */
  static async listen(address: Address, acceptor: DatagramAcceptor): Promise<UdpPort> {
    const { host, port } = address;
    let socket: Socket;
    try {
      const { address: numeric, family } = await lookup(host);
      socket = udpSocket(family === 6 ? 6 : 4);
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.bind({ address: numeric, port, exclusive: true }, resolve);
      });
    } catch (error) {
      throw listenError(address, error as NodeJS.ErrnoException);
    }
    socket.removeAllListeners('error');
    enlarge(socket);
    return new UdpPort(socket, formatAddress({ ...address, port: socket.address().port }), acceptor);
  }

  /** Fulfilled when the sessions that it carried are over. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    for (const link of this.#free.splice(0)) link.owner?.linkGone(undefined);
    if (this.#links > 0) await new Promise<void>((resolve) => (this.#empty = resolve));
    await new Promise<void>((resolve) => setImmediate(resolve)); // what was handed over just now
    this.#closed = true;
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  /** @internal True where the system has room for more. */
  get hasRoom(): boolean {
    return !this.#closed && this.#socket.getSendQueueSize() < QUEUE_BYTES;
  }

  /** @internal */
  send(bytes: Buffer, address: string, port: number): void {
    if (!this.#closed) this.#socket.send(bytes, port, address, ignoreError);
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

  #received(bytes: Buffer, from: RemoteInfo): void {
    const acceptor = this.#acceptor;
    acceptor.totals.bytesIn += bytes.length;
    const first = bytes[0];
    if (first === HELLO || first === PROOF) {
      this.#handshake(bytes, from, first);
      return;
    }
    if (bytes.length < SHORTEST) return;
    acceptor.byNumber.get(bytes.readUInt32BE(SESSION_AT))?.received(bytes, from, this);
  }

  #handshake(bytes: Buffer, from: RemoteInfo, first: number): void {
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

/** What the system says of one datagram is no better known than that it was lost: acknowledgements and probes find out. */
function ignoreError(): void {}
