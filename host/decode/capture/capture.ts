/** A capture: packets into connections and datagrams. What is kept is bounded, whatever the file holds. */
import type { Context } from '../context.js';
import { DatagramConversation } from '../datagrams.js';
import { StreamConversation } from '../stream.js';
import type { Where } from '../types.js';
import type { Packet } from './reader.js';
import { Reassembly } from './reassembly.js';
import { readSegment, type Segment } from './segment.js';

/** Connections at once, the one that was longest silent is forgotten; and bytes that wait for missing segments, of all together. */
const MOST_CONNECTIONS = 2_048;
const MOST_WAITING = 32 * 1024 * 1024;
/** Kinds of packets that are left out: each is told once. */
const MOST_KINDS = 64;

interface Connection {
  stream: StreamConversation;
  /** Of the side whose name sorts first, and of the other. */
  halves: [Reassembly<Where>, Reassembly<Where>];
  ended: [boolean, boolean];
  last: Where;
}

export class Capture {
  readonly #connections = new Map<string, Connection>();
  readonly #datagrams: DatagramConversation;
  readonly #leftOut = new Set<string>();
  #waiting = 0;

  constructor(
    private readonly context: Context,
    private readonly port: number,
  ) {
    this.#datagrams = new DatagramConversation(context);
  }

  packet({ number, at, linkType, bytes, cut }: Packet): void {
    const segment = readSegment(linkType, bytes);
    if (segment === undefined) return;
    const where: Where = { packet: number, offset: 0, ...(at === undefined ? {} : { at }) };
    if (typeof segment === 'string') return this.#leave(segment, where);
    if (cut) this.#leave('a packet that was captured in part (a short snapshot length): its frames are cut', where);
    const { protocol, from, to, fromPort, toPort } = segment;
    where.from = `${bracketed(from)}:${fromPort}`;
    where.to = `${bracketed(to)}:${toPort}`;
    if (protocol === 'tcp') this.#segment(segment, where);
    // Any other datagram may begin with a byte of ours: of those that are none of ours nothing is said.
    else if (segment.payload.length > 0 && (segment.payload[0]! >= 0x80 || this.#isGateway(segment))) this.#datagrams.datagram(segment.payload, where);
  }

  end(): void {
    for (const [name, connection] of this.#connections) this.#close(name, connection);
    this.#datagrams.end();
  }

  #leave(what: string, where: Where): void {
    if (this.#leftOut.has(what) || this.#leftOut.size >= MOST_KINDS) return;
    this.#leftOut.add(what);
    const { packet, at } = where;
    this.context.note('limit', { packet, ...(at === undefined ? {} : { at }) }, `${what} (said once)`);
  }

  #isGateway({ fromPort, toPort }: Segment): boolean {
    return fromPort === this.port || toPort === this.port;
  }

  #segment(segment: Segment, where: Where): void {
    const { from = '', to = '' } = where;
    const name = from < to ? `${from} ${to}` : `${to} ${from}`;
    const side = from < to ? 0 : 1;
    let connection = this.#connections.get(name);
    // The same two ports again: a new connection begins with SYN (a repeated one brings no byte, and changes nothing).
    if (connection && segment.syn && (connection.ended[0] || connection.ended[1])) {
      this.#close(name, connection);
      connection = undefined;
    }
    if (!connection) {
      if (this.#connections.size >= MOST_CONNECTIONS) this.#forgetOldest();
      connection = this.#open(segment, side);
    }
    this.#connections.delete(name);
    this.#connections.set(name, connection);
    connection.last = where;
    const half = connection.halves[side], held = half.held;
    half.segment(segment.seq, segment.syn, segment.payload, where);
    this.#waiting += half.held - held;
    if (this.#waiting > MOST_WAITING) this.#flush(half);
    if (segment.fin || segment.rst) connection.ended[side] = true;
    if (segment.rst || (connection.ended[0] && connection.ended[1])) connection.ended = [true, true];
  }

  #open({ fromPort, toPort }: Segment, side: 0 | 1): Connection {
    const other = side === 0 ? 1 : 0;
    const device = toPort === this.port ? side : fromPort === this.port ? other : undefined;
    const stream = new StreamConversation(this.context, device);
    const half = (of: 0 | 1): Reassembly<Where> =>
      new Reassembly<Where>({
        data: (bytes, where) => stream.data(of, bytes, where),
        gap: (lost, where) => stream.gap(of, lost, where),
      });
    return { stream, halves: [half(0), half(1)], ended: [false, false], last: { offset: 0 } };
  }

  #flush(half: Reassembly<Where>): void {
    this.#waiting -= half.held;
    half.flush();
  }

  #forgetOldest(): void {
    const [oldest] = this.#connections;
    if (oldest === undefined) return;
    this.#leave(`more than ${MOST_CONNECTIONS} connections at once: the one that was longest silent is ended here`, oldest[1].last);
    this.#close(...oldest);
  }

  #close(name: string, { stream, halves, last }: Connection): void {
    for (const half of halves) this.#flush(half);
    stream.end(last);
    this.#connections.delete(name);
  }
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
