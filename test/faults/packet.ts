/**
 * What the fault proxies are made of. A fault is a function: it gets what came in at one side, a chunk of a stream or a
 * datagram, and says what goes out at the other: nothing, the same, something else, more than one, later. What it cannot
 * say by packets it does to the wire. Faults are composed by `oneOf`, and draw from a seeded source only.
 */

/** A chunk of a stream, or a datagram. */
export interface Packet {
  readonly toGateway: boolean;
  readonly bytes: Buffer;
  /** ms until it goes out. On a stream what stands behind it waits too. */
  readonly delay: number;
  /** Called when it has gone out. */
  readonly after?: () => void;
}

/** Which ends of a connection stay open, each without being told of the other. */
export type Left = 'both' | 'device' | 'gateway';

/** The connection, or the path of the datagrams, that a packet is on. */
export interface Wire {
  readonly datagrams: boolean;
  /** ms of the proxy's clock. */
  now(): number;
  /** Counts: a cell whose fault never came about proves nothing. */
  struck(): void;
  /** Streams: both links end, in an orderly way or by a reset. */
  cut(reset: boolean): void;
  /** Streams: nothing comes through any more, and who is left is not told. */
  halfOpen(left: Left): void;
  /** Datagrams: from now on they come to the gateway from another port; those to the old one are lost. */
  rebind(): void;
  /** The gateway ends here and now, and starts again a while later. */
  restartGateway(): void;
  /** The device loses its power, and comes back at once. */
  restartDevice(): void;
}

export type Fault = (packet: Packet, wire: Wire) => Packet[];

/** Numbers from 0 to below 1, the same for the same seed. */
export type Random = () => number;

/** One of them for each packet, or none for half of the packets. */
export function oneOf(random: Random, faults: readonly Fault[]): Fault {
  return (packet, wire) => (random() < 1 / 2 ? faults[between(random, 0, faults.length - 1)]!(packet, wire) : [packet]);
}

/** A whole number from `least` to `most`. */
export function between(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}
