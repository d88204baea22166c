/**
 * What the rest of the program knows of a link: it moves bytes, and says when it is gone. Which kind it is decides the
 * link bits of HELLO and stands in logs; nothing else asks.
 */
import { LINK_DATAGRAM, LINK_TLS } from '../../assembly/abi.js';
import type { UdpLink } from './udp-link.js';
import type { Newcomer } from './newcomer.js';

export type LinkKind = 'tcp' | 'tls' | 'udp' | 'serial';

/** Who owns a link. It hears nothing after `linkGone`, nor once it has called `end` or `destroy`. */
export interface LinkOwner {
  /** Bytes of a stream in any portions, or one whole datagram. */
  linkReceived(chunk: Buffer): void;
  /** The peer sent FIN: it may still read. The owner finishes what it owes, then calls `end`. Streams only. */
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

export interface Link {
  readonly kind: LinkKind;
  /** `write` takes exactly one datagram, and `linkReceived` gets one. */
  readonly datagram: boolean;
  /** Of the peer, as the system reports it. */
  readonly address: string;
  readonly port: number;
  /** Both in one text, for logs. */
  readonly peer: string;
  /** Bytes that the peer has not yet let us hand to the system. */
  readonly waiting: number;
  /** Set once `end` or `destroy` was called, or the link is gone: what still comes is dropped. */
  readonly closing: boolean;
  /** Who hears of it. */
  owner: LinkOwner | undefined;

  /** True where the peer has taken something of what waits since it was last asked. Absent: only `linkDrained` tells. */
  progressed?(): boolean;
  /** Collects; nothing leaves before `flush`. */
  write(bytes: Buffer): void;
  /** As few system calls as the kind allows for all that was collected. */
  flush(): void;
  pause(): void;
  resume(): void;
  /** Closes it once what was written has left; `gone` is called when it is closed. `destroy` is to follow where that takes too long. */
  end(gone: () => void): void;
  /** At once. */
  destroy(): void;
  /** Whether it keeps the process alive; it does until `unref`. */
  ref(): void;
  unref(): void;
}

/** The link byte of HELLO. */
export function linkBits({ kind, datagram }: Link): number {
  return (datagram ? LINK_DATAGRAM : 0) | (kind === 'tls' ? LINK_TLS : 0);
}

/** A connection that has not proved itself. They stand in a list by age: the oldest gives way to a new one. */
export interface HalfOpen {
  older: HalfOpen | undefined;
  newer: HalfOpen | undefined;
  /** When it came, monotonic ms. */
  came: number;
  /** Closes it without a word, and tells why. */
  reject(reason: string): void;
}

/** Who takes the links that a listener gets. */
export interface Acceptor {
  readonly totals: LinkTotals;
  /**
   * Takes connections whose first byte is neither Tidelock's nor TLS's, as those of the older protocols in ASCII; undefined:
   * they are closed. `first` is what came already, the socket is paused and has no owner. See Newcomer for its rights.
   */
  ascii: ((newcomer: Newcomer, first: Buffer) => void) | undefined;
  /** A connection came. False: there is no room, and the listener closes it. */
  admit(newcomer: HalfOpen): boolean;
  /** A link; its owner is set meanwhile. It takes the newcomer's place, where it was one. */
  accept(link: Link, newcomer?: HalfOpen): void;
  /** The newcomer has proved itself, and counts no longer as half-open. */
  proved(newcomer: HalfOpen): void;
  /** The newcomer is gone. */
  left(newcomer: HalfOpen): void;
  /** The newcomer at this address was turned away. `reason` is one of few words, `detail` is for the log. */
  turnedAway(address: string, reason: string, detail?: string): void;
  /** The listener failed after it stood. */
  failed(error: Error): void;
}

/** What a port of datagrams asks besides. */
export interface DatagramAcceptor extends Acceptor {
  /** Sessions by the number that their datagrams carry. */
  readonly byNumber: Map<number, UdpLink>;
  /** May this address have a HELLO answered? */
  mayHello(address: string): boolean;
  /** Is there room for one more session? */
  hasRoom(): boolean;
  /** A link for the next device to come; its owner is set meanwhile. It counts as open once a device has proved itself. */
  expect(link: UdpLink): void;
  /** So many datagrams were dropped because the system took no more. */
  lost(datagrams: number): void;
}

export interface Listener {
  /** Where it really listens, with the real port: a URL for each protocol of a port. */
  readonly urls: readonly string[];
  /** Takes no more; fulfilled when what it took is closed. */
  close(): Promise<void>;
}
