/**
 * TCP links: they move bytes and nothing else. The owner collects writes with `write` and lets them leave with `flush`,
 * once a tick, so that all frames of a tick are one system call. Handlers are shared functions that find their link
 * on the socket: five thousand links hold no closures.
 */
import { createServer, connect, type Server, type Socket } from 'node:net';
import { TidelockError } from '../errors.js';
import { formatAddress, formatHost, type Address } from './address.js';

/** Who owns a link. It hears nothing after `linkGone`, nor once it has called `end` or `destroy`. */
export interface LinkOwner {
  linkReceived(chunk: Buffer): void;
  /** The peer sent FIN: it may still read. The owner finishes what it owes, then calls `end`. */
  linkEnded(): void;
  /** What waited for the peer has left. */
  linkDrained(): void;
  /** The link is gone; `error` where it was not closed in an orderly way. */
  linkGone(error: Error | undefined): void;
}

/** Bytes received and sent and calls of write, summed over the links of one owner. */
export interface LinkTotals {
  bytesIn: number;
  bytesOut: number;
  writes: number;
}

const kLink: unique symbol = Symbol('link');
type OwnedSocket = Socket & { [kLink]: TcpLink };

/** Up to this many bytes several frames are copied into one buffer; above it writev is cheaper than the copy. */
const JOIN_BYTES = 65_536;

export class TcpLink {
  readonly address: string;
  readonly port: number;
  /** Who hears of it. */
  owner: LinkOwner | undefined;
  /** Set once `end` or `destroy` was called: what still comes is dropped. */
  closing = false;
  readonly #socket: Socket;
  readonly #totals: LinkTotals;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #gone: (() => void) | undefined;
  #error: Error | undefined;
  #closed = false;

  constructor(socket: Socket, totals: LinkTotals) {
    this.#socket = socket;
    this.#totals = totals;
    this.address = socket.remoteAddress ?? '';
    this.port = socket.remotePort ?? 0;
    (socket as OwnedSocket)[kLink] = this;
    socket.setNoDelay(true);
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('drain', onDrain);
    socket.on('error', onError);
    socket.on('close', onClose);
  }

  get peer(): string {
    return `${formatHost(this.address)}:${this.port}`;
  }

  /** Bytes that the peer has not yet let us hand to the system. */
  get waiting(): number {
    return this.#pendingBytes + this.#socket.writableLength;
  }

  /** Collects; nothing leaves before `flush`. */
  write(bytes: Buffer): void {
    if (this.closing) return;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  /** One write for all that was collected. */
  flush(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    const bytes = this.#pendingBytes;
    this.#pending = [];
    this.#pendingBytes = 0;
    const socket = this.#socket;
    if (!socket.writable) return;
    this.#totals.bytesOut += bytes;
    this.#totals.writes += 1;
    if (pending.length === 1) {
      socket.write(pending[0]!);
    } else if (bytes <= JOIN_BYTES) {
      socket.write(Buffer.concat(pending, bytes));
    } else {
      socket.cork();
      for (const part of pending) socket.write(part);
      socket.uncork();
    }
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (!this.closing) this.#socket.resume();
  }

  /**
   * FIN after what was written. What the peer still sends is read and dropped, because closing with unread bytes
   * sends RST, which may overtake our last frame (RFC 1122 4.2.2.13). `gone` is called once the link is closed;
   * `destroy` is to follow where that takes too long (see Lingering).
   */
  end(gone: () => void): void {
    this.flush();
    this.closing = true;
    this.owner = undefined;
    if (this.#closed) {
      gone();
      return;
    }
    this.#gone = gone;
    this.#socket.end();
    this.#socket.resume();
  }

  /** At once, with a reset where bytes are unread. */
  destroy(): void {
    this.closing = true;
    this.owner = undefined;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#socket.destroy();
  }

  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }

  /** @internal */
  receive(chunk: Buffer): void {
    this.#totals.bytesIn += chunk.length;
    if (!this.closing) this.owner?.linkReceived(chunk);
  }

  /** @internal */
  peerEnd(): void {
    if (!this.closing) this.owner?.linkEnded();
  }

  /** @internal */
  drain(): void {
    if (!this.closing) this.owner?.linkDrained();
  }

  /** @internal */
  failed(error: Error): void {
    this.#error = error;
  }

  /** @internal */
  closed(): void {
    this.closing = true;
    this.#closed = true;
    const owner = this.owner, gone = this.#gone;
    this.owner = this.#gone = undefined;
    owner?.linkGone(this.#error);
    gone?.();
  }
}

function onData(this: Socket, chunk: Buffer): void {
  (this as OwnedSocket)[kLink].receive(chunk);
}

function onEnd(this: Socket): void {
  (this as OwnedSocket)[kLink].peerEnd();
}

function onDrain(this: Socket): void {
  (this as OwnedSocket)[kLink].drain();
}

function onError(this: Socket, error: Error): void {
  (this as OwnedSocket)[kLink].failed(error);
}

function onClose(this: Socket): void {
  (this as OwnedSocket)[kLink].closed();
}

/** Opens a link. `owner.ended` is called where it can't be opened; `opened` else. */
export function connectTcp(address: Address, owner: LinkOwner, totals: LinkTotals, opened: () => void): TcpLink {
  const socket = connect({ host: address.host, port: address.port, allowHalfOpen: true, noDelay: true });
  socket.once('connect', opened);
  const link = new TcpLink(socket, totals);
  link.owner = owner;
  return link;
}

export class TcpListener {
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  /** Rejects with PORT_IN_USE, PORT_FORBIDDEN or LISTEN_FAILED. `accept` gets every connection; it owns the socket. */
  static async listen(address: Address, accept: (socket: Socket) => void, failed: (error: Error) => void): Promise<TcpListener> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(address, error)));
      server.listen({ host: address.host, port: address.port, backlog: 4096 }, resolve);
    });
    server.removeAllListeners('error');
    server.on('error', failed);
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
    return new TcpListener(server, formatAddress(address.host, port));
  }

  /** Takes no more connections; fulfilled when those that it took are closed. */
  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

function listenError({ host, port }: Address, error: NodeJS.ErrnoException): TidelockError {
  const cause = { cause: error };
  switch (error.code) {
    case 'EADDRINUSE':
      return new TidelockError('PORT_IN_USE', { port, host }, cause);
    case 'EACCES':
      return new TidelockError('PORT_FORBIDDEN', { port, host }, cause);
    default:
      return new TidelockError('LISTEN_FAILED', { address: formatAddress(host, port), reason: error.message }, cause);
  }
}

/** Why a link could not be opened, in the words of docs/errors.md. */
export function connectError(address: Address, error: NodeJS.ErrnoException): TidelockError {
  const cause = { cause: error };
  switch (error.code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new TidelockError('HOST_UNKNOWN', { host: address.host, reason: error.code }, cause);
    default:
      return new TidelockError('HOST_UNREACHABLE', { address: formatAddress(address.host, address.port), reason: error.code ?? error.message }, cause);
  }
}
