/** A device's UDP link: one connected socket, so that the system takes datagrams of the gateway's alone. */
import { lookup } from 'node:dns';
import type { Socket } from 'node:dgram';
import { formatHost, type Address } from './address.js';
import type { Link, LinkOwner, LinkTotals } from './link.js';
import { enlarge, udpSocket } from './udp-socket.js';

/** Bytes that the system has not taken yet: beyond it datagrams are dropped, as the network would. */
const QUEUE_BYTES = 1024 * 1024;

/** Opens a link: `opened` once the host is resolved and the socket is there, `owner.linkGone` where it cannot be. */
export function connectUdp(address: Address, owner: LinkOwner, totals: LinkTotals, opened: () => void): Link {
  const link = new UdpClientLink(address, totals);
  link.owner = owner;
  link.open(opened);
  return link;
}

export class UdpClientLink implements Link {
  readonly kind = 'udp';
  readonly datagram = true;
  owner: LinkOwner | undefined;
  closing = false;
  /** Datagrams that had no room. */
  dropped = 0;
  readonly #host: string;
  readonly port: number;
  readonly #totals: LinkTotals;
  #socket: Socket | undefined;
  #address = '';
  #ref = true;
  #heard = false;
  #paused = false;
  /** Handed to the system and not yet sent. */
  #sending = 0;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #gone: (() => void) | undefined;
  readonly #sent = (error: Error | null): void => {
    this.#sending -= 1;
    if (error !== null) this.#failed(error);
    if (this.#sending === 0 && this.#gone !== undefined) this.#close();
  };

  constructor({ host, port }: Address, totals: LinkTotals) {
    this.#host = host;
    this.port = port;
    this.#totals = totals;
  }

  get address(): string {
    return this.#address;
  }

  get peer(): string {
    return `${formatHost(this.#address)}:${this.port}`;
  }

  get waiting(): number {
    return this.#pendingBytes;
  }

  open(opened: () => void): void {
    lookup(this.#host, (error, address, family) => {
      if (this.closing) return;
      if (error !== null) {
        this.#failed(error);
        return;
      }
      this.#address = address;
      const socket = udpSocket(family === 6 ? 6 : 4);
      this.#socket = socket;
      if (!this.#ref) socket.unref();
      socket.on('message', (bytes) => this.#received(bytes));
      socket.on('error', (failure) => this.#failed(failure));
      socket.connect(this.port, address, ((failure?: Error) => {
        if (failure !== undefined) this.#failed(failure);
        if (this.closing) return;
        enlarge(socket);
        opened();
      }) as () => void);
    });
  }

  write(bytes: Buffer): void {
    if (this.closing) return;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  flush(): void {
    const pending = this.#pending, socket = this.#socket;
    if (pending.length === 0) return;
    this.#pending = [];
    this.#pendingBytes = 0;
    if (socket === undefined) return;
    if (socket.getSendQueueSize() > QUEUE_BYTES) {
      this.dropped += pending.length;
    } else {
      for (const bytes of pending) {
        this.#totals.bytesOut += bytes.length;
        this.#totals.writes += 1;
        this.#sending += 1;
        socket.send(bytes, this.#sent);
      }
    }
    this.owner?.linkDrained();
  }

  pause(): void {
    this.#paused = true; // what comes meanwhile is dropped, and comes again
  }

  resume(): void {
    this.#paused = false;
  }

  end(gone: () => void): void {
    this.flush();
    this.closing = true;
    this.owner = undefined;
    this.#gone = gone;
    if (this.#sending === 0) this.#close();
  }

  destroy(): void {
    this.closing = true;
    this.owner = undefined;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#close();
  }

  ref(): void {
    this.#ref = true;
    this.#socket?.ref();
  }

  unref(): void {
    this.#ref = false;
    this.#socket?.unref();
  }

  #received(bytes: Buffer): void {
    this.#totals.bytesIn += bytes.length;
    this.#heard = true;
    if (!this.closing && !this.#paused) this.owner?.linkReceived(bytes);
  }

  /**
   * What the system or the network (ICMP) says. It ends a link whose gateway was never heard; after that it ends nothing,
   * because anybody can send ICMP: the engine's own deadlines find out.
   */
  #failed(error: Error): void {
    if (this.#heard || this.closing) return;
    const { owner } = this;
    this.destroy();
    owner?.linkGone(error);
  }

  #close(): void {
    const socket = this.#socket, gone = this.#gone;
    this.#socket = this.#gone = undefined;
    if (socket === undefined) gone?.();
    else socket.close(gone);
  }
}
