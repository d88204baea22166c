// FRAGMENT: a message that one datagram does not carry, in parts of equal length under one id, and put together again.

import { type Reader, concat, uint } from './bytes.js';
import { TYPE, TYPE_MASK, whole } from './bodies.js';
import { Refusal } from './refusal.js';

export const MOST_PARTS = 64;

export interface Part {
  /** Type of the message, without flags. */
  type: number;
  count: number;
  /** Bytes of the whole message, without id and age. */
  total: number;
  index: number;
  bytes: Uint8Array;
}

/** Types that no FRAGMENT is a part of. */
const NEVER: number[] = [TYPE.READY, TYPE.ACK, TYPE.PING, TYPE.PONG, TYPE.CLOSE, TYPE.SKIP, TYPE.FRAGMENT];

export const writePart = ({ type, count, total, index, bytes }: Part) =>
  concat(uint(type, 1), uint(count, 1), uint(total, 2), uint(index, 1), bytes);

/** A message in `count` parts: all as long as the first but the last, which has what is left. */
export function split(type: number, message: Uint8Array, count: number): Part[] {
  const each = Math.ceil(message.length / count);
  return Array.from({ length: count }, (_, index) => ({
    type, count, total: message.length, index, bytes: message.slice(index * each, (index + 1) * each),
  }));
}

/** The fewest parts for datagrams of `budget` bytes; `lead` is what id and age take, `tag` the tag's bytes. */
export function partsFor(bytes: number, budget: number, lead: number, tag: number): number {
  const room = budget - 10 - tag - lead;
  return bytes <= room ? 1 : Math.ceil(bytes / (room - 5));
}

/** What follows id and age in a FRAGMENT. */
export function readPart(payload: Uint8Array): Part {
  const part = whole(payload, (r: Reader) => ({ type: r.int(1), count: r.int(1), total: r.int(2), index: r.int(1), bytes: r.rest() }));
  const { type, count, total, index, bytes } = part;
  if (type > TYPE_MASK || NEVER.includes(type) || count < 2 || count > MOST_PARTS || index >= count) throw new Refusal('malformed');
  // All parts of this message as they must be: none empty, this one of its length.
  const lengths = split(type, new Uint8Array(total), count).map((each) => each.bytes.length);
  if (lengths.includes(0) || lengths[index] !== bytes.length) throw new Refusal('malformed');
  return part;
}

/** Puts one message together: that of the newest part it was given. */
export class NaiveAssembly {
  private id = 0;
  private parts: (Uint8Array | undefined)[] = [];
  private form = '';

  /** The message, once this was the last part of it that missed. */
  add(id: number, part: Part): Uint8Array | undefined {
    const form = `${part.type} ${part.count} ${part.total}`;
    if (id !== this.id || form !== this.form) this.parts = Array<undefined>(part.count).fill(undefined);
    this.id = id;
    this.form = form;
    this.parts[part.index] = part.bytes;
    if (this.parts.some((each) => each === undefined)) return undefined;
    this.form = '';
    return concat(...(this.parts as Uint8Array[]));
  }
}
