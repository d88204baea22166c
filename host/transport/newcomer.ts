/**
 * A connection of which nothing is known yet. Its first byte tells what it speaks: bit 7 is Tidelock's, 0x14 to 0x17 are
 * TLS's content types (RFC 8446 5.1), what is left belongs to the older protocols in ASCII. Inside TLS it tells once more.
 * Until then it holds a socket and a place among the half-open connections, and no session.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { FLAG_NATIVE } from '../../assembly/abi.js';
import { formatHost } from './address.js';
import type { Acceptor, HalfOpen } from './link.js';
import { StreamLink } from './stream-link.js';

const TLS_FIRST = 0x14, TLS_LAST = 0x17;

/** The chunk begins with a TLS record. */
export function isTls(chunk: Buffer): boolean {
  const first = chunk[0]!;
  return first >= TLS_FIRST && first <= TLS_LAST;
}

/** What a port speaks. */
export interface Spoken {
  /** Tidelock without TLS. */
  plain: boolean;
  /** Wraps a connection that begins with a TLS record. */
  tls: ((socket: Socket) => TLSSocket) | undefined;
}

const kNewcomer: unique symbol = Symbol('newcomer');
type OwnedSocket = Socket & { [kNewcomer]: Newcomer };

export class Newcomer implements HalfOpen {
  older: HalfOpen | undefined = undefined;
  newer: HalfOpen | undefined = undefined;
  came = 0;
  /** Plain at first, of the TLS on top of it later. */
  socket: Socket;
  /** Inside TLS. */
  secure = false;
  readonly #spoken: Spoken;
  readonly #acceptor: Acceptor;
  /** Where the peer is, for logs: a socket that is closed has forgotten it. */
  readonly peer: string;
  #over = false;

  constructor(socket: Socket, spoken: Spoken, acceptor: Acceptor) {
    this.socket = socket;
    this.#spoken = spoken;
    this.#acceptor = acceptor;
    this.peer = `${formatHost(socket.remoteAddress ?? '')}:${socket.remotePort ?? 0}`;
    if (!acceptor.admit(this)) {
      this.#over = true;
      socket.destroy();
      return;
    }
    this.#watch(socket);
  }

  /** It is of use: it leaves the half-open ones, and keeps its place among the open ones until its socket is closed. */
  proved(): void {
    if (!this.#over) this.#acceptor.proved(this);
  }

  reject(reason: string, detail?: string): void {
    if (this.#over) return;
    this.#acceptor.turnedAway(this.peer, reason, detail);
    this.socket.destroy();
    this.gone();
  }

  /** @internal */
  receive(chunk: Buffer): void {
    if (this.#over) return;
    const { plain, tls } = this.#spoken, acceptor = this.#acceptor, { socket } = this;
    if ((chunk[0]! & FLAG_NATIVE) !== 0) {
      if (!plain && !this.secure) {
        socket.write(TLS_ALERT);
        this.reject('plain at a TLS port');
        return;
      }
      this.#release(socket);
      this.#over = true;
      const link = new StreamLink(socket, this.secure ? 'tls' : 'tcp', acceptor.totals);
      acceptor.accept(link, this);
      link.receive(chunk);
    } else if (isTls(chunk) && !this.secure) {
      if (tls === undefined) this.reject('TLS at a plain port');
      else this.#wrap(tls, chunk);
    } else if (acceptor.ascii === undefined) {
      this.reject('another protocol');
    } else {
      socket.off('data', onData);
      socket.pause();
      acceptor.ascii(this, chunk);
    }
  }

  /** @internal */
  gone(): void {
    if (this.#over) return;
    this.#over = true;
    this.#acceptor.left(this);
  }

  /** @internal */
  failed(error: NodeJS.ErrnoException): void {
    // A reset is the peer's way of going: 'close' follows. What TLS says of the peer's bytes is worth a word.
    if (this.secure && error.code !== 'ECONNRESET') this.reject('TLS handshake failed', error.code ?? error.message);
  }

  #wrap(tls: (socket: Socket) => TLSSocket, chunk: Buffer): void {
    const { socket } = this;
    this.#release(socket);
    socket.on('error', nothing); // TLS tells it
    socket.pause();
    socket.unshift(chunk);
    const secured = tls(socket);
    this.socket = secured;
    this.secure = true;
    this.#watch(secured);
  }

  #watch(socket: Socket): void {
    (socket as OwnedSocket)[kNewcomer] = this;
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('error', onError);
    socket.on('close', onClose);
  }

  #release(socket: Socket): void {
    socket.off('data', onData);
    socket.off('end', onEnd);
    socket.off('error', onError);
    socket.off('close', onClose);
  }
}

/** `protocol_version`, fatal (RFC 8446 6.2), by which a device without TLS can tell what is wrong. */
const TLS_ALERT = Buffer.of(0x15, 3, 3, 0, 2, 2, 70);

function onData(this: Socket, chunk: Buffer): void {
  (this as OwnedSocket)[kNewcomer].receive(chunk);
}

/** Said nothing, or nothing whole: there is nothing to answer. */
function onEnd(this: Socket): void {
  this.destroy();
}

function onClose(this: Socket): void {
  (this as OwnedSocket)[kNewcomer].gone();
}

function onError(this: Socket, error: Error): void {
  (this as OwnedSocket)[kNewcomer].failed(error);
}

function nothing(): void {}
