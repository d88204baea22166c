// A protected frame: sealed and opened, on streams and on datagrams.
//   stream    type u8 ‖ length varint ‖ time u24 ‖ body ‖ tag
//   datagram  type u8 ‖ session u32 ‖ seq u16 ‖ time u24 ‖ body ‖ tag

import { NATIVE, TYPE, TYPE_MASK } from './bodies.js';
import { Reader, Short, concat, uint } from './bytes.js';
import type { TrafficKey } from './keys.js';
import { leb128, nearest, readLeb128 } from './numbers.js';
import { Refusal } from './refusal.js';
import { type Suite, associated, protect, tagBytes, unprotect } from './suites.js';
import { ReplayWindow } from './window.js';

export type Link = 'stream' | 'datagram';

/** One direction of a session. */
export interface Direction {
  link: Link;
  suite: Suite;
  session: number;
  keys: TrafficKey;
}

export interface Sealed {
  counter: bigint;
  /** Session time in ms at which it is handed to the link. */
  time: number;
  /** Type with flags; bit 7 is added. */
  type: number;
  body: Uint8Array;
}

/** Everything on the way from a body to bytes on the wire. */
export interface Steps {
  aad: Uint8Array;
  header: Uint8Array;
  /** The body as it travels. */
  body: Uint8Array;
  tag: Uint8Array;
  frame: Uint8Array;
}

export function sealSteps(direction: Direction, frame: Sealed): Steps {
  const typeByte = frame.type | NATIVE;
  const aad = associated(frame.counter, frame.time, typeByte, frame.body.length);
  const { body, tag } = protect(direction.suite, direction.keys, frame.counter, aad, frame.body);
  const time = uint(frame.time % 2 ** 24, 3);
  const header =
    direction.link === 'stream'
      ? concat(uint(typeByte, 1), leb128(body.length), time)
      : concat(uint(typeByte, 1), uint(direction.session, 4), uint(frame.counter % 65536n, 2), time);
  return { aad, header, body, tag, frame: concat(header, body, tag) };
}

export const seal = (direction: Direction, frame: Sealed): Uint8Array => sealSteps(direction, frame).frame;

/** What a receiver knows when bytes come. */
export interface Receiver extends Direction {
  /** The next counter expected: on a stream the number of frames opened, on datagrams highest accepted + 1. */
  next: bigint;
  /** Datagrams: which counters were accepted. */
  window: ReplayWindow;
  /** Own session clock in ms at arrival; may be negative. */
  own: number;
  /** Session life in ms. */
  life: number;
  /** Largest body taken, in bytes, before decryption, without tag. */
  largest: number;
}

export interface Opened extends Sealed {
  /** Bytes of input that the frame occupied. */
  size: number;
}

/**
 * Opens the frame at the front of a stream's bytes, or the one in a datagram. Undefined: a stream needs more bytes.
 * Throws Refusal for everything refused before or by the tag. The caller then goes by `accept` and the rules behind the tag.
 * The order of the checks decides which reason a frame with several faults is refused for.
 */
export function open(receiver: Receiver, bytes: Uint8Array): Opened | undefined {
  return receiver.link === 'stream' ? openStream(receiver, bytes) : openDatagram(receiver, bytes);
}

function openStream(receiver: Receiver, bytes: Uint8Array): Opened | undefined {
  const reader = new Reader(bytes);
  try {
    const type = reader.int(1);
    if (type < NATIVE) throw new Refusal('malformed');
    const length = readLeb128(reader, 2, 'too long');
    if (length > receiver.largest) throw new Refusal('too long');
    const time = fullTime(receiver, reader.int(3));
    const body = reader.take(length);
    const tag = reader.take(tagBytes(receiver.suite));
    const clear = check(receiver, receiver.next, time, type, body, tag);
    return { counter: receiver.next, time, type, body: clear, size: reader.position };
  } catch (error) {
    if (error instanceof Short) return undefined;
    throw error;
  }
}

function openDatagram(receiver: Receiver, bytes: Uint8Array): Opened {
  const tagSize = tagBytes(receiver.suite);
  const length = bytes.length - 10 - tagSize;
  if (length < 0 || bytes[0]! < NATIVE) throw new Refusal('malformed');
  const reader = new Reader(bytes);
  const type = reader.int(1);
  if (reader.int(4) !== receiver.session) throw new Refusal('state');
  const counter = nearest(receiver.next, reader.big(2), 16);
  if (!receiver.window.takes(counter)) throw new Refusal('replay');
  if (length > receiver.largest) throw new Refusal('too long');
  const time = fullTime(receiver, reader.int(3));
  const body = reader.take(length);
  const clear = check(receiver, counter, time, type, body, reader.take(tagSize));
  return { counter, time, type, body: clear, size: bytes.length };
}

function fullTime(receiver: Receiver, field: number): number {
  const time = Number(nearest(BigInt(receiver.own), BigInt(field), 24));
  if (time < 0 || time > receiver.life) throw new Refusal('time out of range');
  return time;
}

function check(receiver: Receiver, counter: bigint, time: number, type: number, body: Uint8Array, tag: Uint8Array) {
  const aad = associated(counter, time, type, body.length);
  const clear = unprotect(receiver.suite, receiver.keys, counter, aad, body, tag);
  if (!clear) throw new Refusal('bad tag');
  return clear;
}

/** What the receiver remembers of a frame whose tag held: the state for the next one. */
export function accept(receiver: Receiver, counter: bigint): Receiver {
  const window = receiver.window.with(counter);
  const next = receiver.next > counter ? receiver.next : counter + 1n;
  return { ...receiver, window, next };
}

/** The time rule; PING, PONG and CLOSE are exempt. Returns how many ms the frame is off (its own clock minus the frame's time). */
export function timeRule(own: number, time: number, windowMs: number, type: number): number {
  const off = own - time;
  const kind = type & TYPE_MASK;
  if (kind === TYPE.PING || kind === TYPE.PONG || kind === TYPE.CLOSE) return off;
  if (off > windowMs) throw new Refusal('stale', true);
  if (off < -windowMs) throw new Refusal('from the future', true);
  return off;
}
