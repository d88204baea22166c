/**
 * The faults of the matrix, each small and by itself. Their figures are chosen so that each comes about many times in a
 * thousand messages, and so that some of what they do lies beyond what the protocol bears: delays beyond the window,
 * silence beyond the idle time. Then a session must end and another begin, and still nothing may be lost.
 */
import { between, oneOf, type Fault, type Left, type Packet, type Random, type Wire } from './packet.js';

/** The gateway's default window, ms: a frame that is older is stale. */
const WINDOW = 2_000;
/** The gateway's default idle time, ms. */
const IDLE = 90_000;
/** Of the slow line. */
const BYTES_A_MS = 2;
const ROOM_BYTES = 16_384;

/** A long line: every packet is late by the same, up to a round trip of 1.4 s, of which the window bears 2. */
export function delay(random: Random): Fault {
  const up = between(random, 50, 700), down = between(random, 50, 700);
  return (packet, wire) => {
    wire.struck();
    return [later(packet, packet.toGateway ? up : down)];
  };
}

/**
 * A narrow line: 2 KB/s each way, behind it room for 16 KB. On a stream what is more waits too, as TCP would let it;
 * a datagram that finds no room is lost.
 */
export function slow(): Fault {
  /** When the line is free again, each way. */
  const free = { up: -Infinity, down: -Infinity };
  return (packet, wire) => {
    const now = wire.now(), way = packet.toGateway ? 'up' : 'down';
    const waits = Math.max(0, free[way] - now);
    if (waits * BYTES_A_MS > ROOM_BYTES) {
      wire.struck();
      if (wire.datagrams) return [];
    }
    const sending = Math.ceil((packet.bytes.length + (wire.datagrams ? 28 : 40)) / BYTES_A_MS); // headers of IPv4 and UDP or TCP
    if (waits > WINDOW / 2) wire.struck();
    free[way] = now + waits + sending;
    return [later(packet, waits + sending)];
  };
}

/** Every packet is late by something else, one in 30 beyond the window. */
export function jitter(random: Random): Fault {
  const comes = often(random, 30);
  return (packet, wire) => {
    const spike = comes();
    if (spike) wire.struck();
    return [later(packet, spike ? between(random, WINDOW, 3 * WINDOW) : between(random, 0, 300))];
  };
}

/** One datagram in four is overtaken by those of the next third of a second. */
export function reorder(random: Random): Fault {
  return (packet, wire) => {
    if (random() >= 1 / 4) return [packet];
    wire.struck();
    return [later(packet, between(random, 1, 300))];
  };
}

/** One datagram in three comes twice or three times, the copies up to two windows later. */
export function duplicate(random: Random): Fault {
  return (packet, wire) => {
    if (random() >= 1 / 3) return [packet];
    wire.struck();
    const copies = Array.from({ length: between(random, 1, 2) }, () => later(packet, between(random, 0, 2 * WINDOW)));
    return [packet, ...copies];
  };
}

/** One bit is flipped, in one chunk of 20 or one datagram of 10. */
export function corrupt(random: Random): Fault {
  const datagram = often(random, 10), chunk = often(random, 20);
  return (packet, wire) => {
    if (packet.bytes.length === 0 || !(wire.datagrams ? datagram : chunk)()) return [packet];
    wire.struck();
    const bytes = Buffer.from(packet.bytes), bit = between(random, 0, 8 * bytes.length - 1);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    return [{ ...packet, bytes }];
  };
}

/**
 * Streams: the link is cut inside a chunk, of which any part, or all, still comes. Datagrams: nothing comes through either
 * way for up to 20 s, time and again.
 */
export function cut(random: Random): Fault {
  const outage = new Outage(random, [500, 20_000], [200, 8_000]), comes = often(random, 15);
  return (packet, wire) => {
    if (wire.datagrams) return outage.left(wire) > 0 ? [] : [packet];
    if (!comes()) return [packet];
    wire.struck();
    const reset = random() < 0.5, part = between(random, 0, packet.bytes.length);
    return [{ ...packet, bytes: packet.bytes.subarray(0, part), after: () => wire.cut(reset) }];
  };
}

/**
 * Streams: both ends, or one, go on believing in a connection through which nothing comes. Datagrams, which know no
 * connection: nothing comes through for about the idle time, so that sometimes one end has given the session up alone.
 */
export function halfOpen(random: Random): Fault {
  const left: Left[] = ['both', 'device', 'gateway'];
  const outage = new Outage(random, [IDLE / 2, 2 * IDLE], [200, 20_000]), comes = often(random, 30);
  return (packet, wire) => {
    if (wire.datagrams) return outage.left(wire) > 0 ? [] : [packet];
    if (!comes()) return [packet];
    wire.struck();
    const stays = left[between(random, 0, 2)]!;
    return [{ ...packet, after: () => wire.halfOpen(stays) }];
  };
}

/**
 * For up to 15 s nothing comes through one way, while the other way works. On a stream it is held back, as TCP would, which
 * sends it again until it comes; datagrams are lost.
 */
export function oneWayLoss(random: Random): Fault {
  const outage = new Outage(random, [500, 15_000], [500, 10_000]);
  return (packet, wire) => {
    const left = outage.left(wire, packet.toGateway);
    if (left === 0) return [packet];
    return wire.datagrams ? [] : [later(packet, left)];
  };
}

/** Times at which nothing comes through, as long as these bounds say (ms), and times between them. */
class Outage {
  readonly #random: Random;
  readonly #silent: readonly [number, number];
  readonly #between: readonly [number, number];
  #from = Infinity;
  #until = -Infinity;
  #toGateway = false;

  constructor(random: Random, silent: readonly [number, number], quiet: readonly [number, number]) {
    this.#random = random;
    this.#silent = silent;
    this.#between = quiet;
  }

  /** ms that it will last, 0: there is none, or not in this direction. It counts what it strikes. */
  left(wire: Wire, toGateway?: boolean): number {
    const now = wire.now();
    if (now >= this.#until) {
      const first = this.#until === -Infinity; // soon, because a short load is over in seconds
      this.#from = now + (first ? between(this.#random, 100, 1_500) : between(this.#random, ...this.#between));
      this.#until = this.#from + between(this.#random, ...this.#silent);
      this.#toGateway = this.#random() < 0.5;
    }
    if (now < this.#from || (toGateway !== undefined && toGateway !== this.#toGateway)) return 0;
    wire.struck();
    return this.#until - now;
  }
}

/** Three datagrams in ten are lost, both ways. */
export function loss(random: Random): Fault {
  return (packet, wire) => {
    if (random() >= 0.3) return [packet];
    wire.struck();
    return [];
  };
}

/** The device's datagrams come from another port from now on, as behind a NAT that has forgotten it. */
export function rebind(random: Random): Fault {
  const comes = often(random, 25);
  return (packet, wire) => {
    if (comes()) {
      wire.struck();
      wire.rebind();
    }
    return [packet];
  };
}

/** The gateway ends and starts again with the same database; what brought it down comes in half of the cases. */
export function gatewayRestart(random: Random): Fault {
  return restart(random, (wire) => wire.restartGateway());
}

/** The device loses its power, and with it its outbox; its record of what it obeyed too, where it has no store for it. */
export function deviceRestart(random: Random): Fault {
  return restart(random, (wire) => wire.restartDevice());
}

/** All of those that a link can meet, each rarer. */
export function everything(random: Random): Fault {
  const both = [cut, jitter, corrupt, halfOpen, oneWayLoss, gatewayRestart, deviceRestart];
  const stream = both.map((each) => each(random)), datagram = [...stream, ...[reorder, duplicate, loss, rebind].map((each) => each(random))];
  const onStream = oneOf(random, stream), onDatagrams = oneOf(random, datagram);
  return (packet, wire) => (wire.datagrams ? onDatagrams : onStream)(packet, wire);
}

function restart(random: Random, again: (wire: Wire) => void): Fault {
  /** Packets until the next one; the first comes soon, because a short load is over soon. */
  let left = between(random, 10, 60);
  return (packet, wire) => {
    if ((left -= 1) > 0) return [packet];
    // Of datagrams there are a hundred in one burst, and one must come through now and then.
    left = between(random, 1, wire.datagrams ? 600 : 80);
    wire.struck();
    if (random() < 0.5) return [{ ...packet, after: () => again(wire) }];
    again(wire);
    return [];
  };
}

/** True once in `every` calls in the mean; the first time within as many, because a short load joined into few chunks is over soon. */
function often(random: Random, every: number): () => boolean {
  let first = between(random, 1, every);
  return () => (first > 0 ? (first -= 1) === 0 : random() < 1 / every);
}

function later(packet: Packet, ms: number): Packet {
  return { ...packet, delay: packet.delay + ms };
}
