/** A gateway's UDP socket. */
import { lookup } from 'node:dns/promises';
import type { Socket } from 'node:dgram';
import { formatAddress, formatHost, type Address } from './address.js';
import { DatagramPort, type Source } from './datagram-port.js';
import type { DatagramAcceptor } from './link.js';
import { sourceBytes } from './source.js';
import { listenError } from './tcp.js';
import { enlarge, onDatagram, udpSocket } from './udp-socket.js';

/** Bytes that the system has not taken yet: beyond it datagrams are dropped, as the network would. */
const QUEUE_BYTES = 4 * 1024 * 1024;

export class UdpPort extends DatagramPort {
  readonly kind = 'udp';
  readonly #socket: Socket;
  #closed = false;

  private constructor(socket: Socket, url: string, acceptor: DatagramAcceptor) {
    super(url, acceptor);
    this.#socket = socket;
    onDatagram(socket, (bytes, from) => this.received(bytes, from), (error) => acceptor.failed(error));
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

  get hasRoom(): boolean {
    return !this.#closed && this.#socket.getSendQueueSize() < QUEUE_BYTES;
  }

  send(bytes: Buffer, address: string, port: number): void {
    if (!this.#closed) this.#socket.send(bytes, port, address, ignoreError);
  }

  sourceOf({ address, port }: Source): Buffer {
    return sourceBytes(address, port);
  }

  peerOf(address: string, port: number): string {
    return `${formatHost(address)}:${port}`;
  }

  protected closeMedium(): Promise<void> {
    this.#closed = true;
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}

/** What the system says of one datagram is no better known than that it was lost: acknowledgements and probes find out. */
function ignoreError(): void {}
