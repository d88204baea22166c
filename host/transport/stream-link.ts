/**
 * Links over a socket that is a stream: TCP, and TLS on top of it. The owner collects writes with `write` and lets them
 * leave with `flush`, once a tick, so that all frames of a tick are one system call. Handlers are shared functions that
 * find their link on the socket: five thousand links hold no closures.
 */
import type { Socket } from 'node:net';
import { formatHost } from './address.js';
import type { Link, LinkOwner, LinkTotals } from './link.js';

const kLink: unique symbol = Symbol('link');
type OwnedSocket = Socket & { [kLink]: StreamLink };

/**
 * Bytes above which a socket tells with 'drain' that they have left. Node's own mark is 16 KiB up to version 20 and 64 KiB
 * since 22; limits of `unsent`, 32 KiB at least, rely on this one.
 */
export const WRITE_MARK = 16_384;

/** An option of every socket's constructor that Node's types have for servers alone. */
export interface MarkedSocket {
  highWaterMark: number;
}

/** Up to this many bytes several frames are copied into one buffer; above it writev is cheaper than the copy. */
const JOIN_BYTES = 65_536;

export class StreamLink implements Link {
  readonly kind: 'tcp' | 'tls';
  readonly datagram = false;
  readonly address: string;
  readonly port: number;
  owner: LinkOwner | undefined;
  closing = false;
  readonly #socket: Socket;
  readonly #totals: LinkTotals;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Bytes of finished writes, and what the system held of the one under way, when `progressed` last looked. */
  #done = 0;
  #held = 0;
  #gone: (() => void) | undefined;
  #error: Error | undefined;
  #closed = false;

  /** A TLSSocket, for `tls`, is one too. */
  constructor(socket: Socket, kind: 'tcp' | 'tls', totals: LinkTotals) {
    this.kind = kind;
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

  get waiting(): number {
    return this.#pendingBytes + this.#socket.writableLength;
  }

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

  progressed(): boolean {
    // A write is done only when the peer has taken all of it, which takes a slow one minutes; Node's own idle timer looks
    // at what libuv still holds of it, and so does this.
    const { bytesWritten, writableLength } = this.#socket;
    const { _handle: handle } = this.#socket as { _handle?: { writeQueueSize?: number } | null };
    const done = bytesWritten - writableLength, held = handle?.writeQueueSize ?? 0;
    const progressed = done > this.#done || held < this.#held;
    this.#done = done;
    this.#held = held;
    return progressed;
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
