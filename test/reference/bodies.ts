// Bodies of protected frames, and the message id and age that lead them where an ACK is wanted.

import { Reader, Short, ascii, concat, uint } from './bytes.js';
import { OLDEST, leb128, readLeb128 } from './numbers.js';
import { Refusal } from './refusal.js';

export const TYPE = {
  HELLO: 1,
  CHALLENGE: 2,
  PROOF: 3,
  READY: 4,
  DATA: 8,
  ACK: 9,
  PING: 10,
  PONG: 11,
  ROUTE: 12,
  DELIVER: 13,
  FRAGMENT: 19,
  CLOSE: 20,
  SKIP: 21,
} as const;
export const NATIVE = 0x80;
export const REPEAT = 0x40;
export const WANTED = 0x20;
export const TYPE_MASK = 0x1f;

/** ACK statuses. */
export const STATUS = {
  ok: 0,
  refused: 1,
  tooLong: 2,
  noTarget: 3,
  stale: 0x80,
  busy: 0x81,
  unknownOutbox: 0x82,
} as const;

export interface Ack {
  id: number;
  status: number;
}
export interface Pong {
  t1: bigint;
  receive: number;
  send: number;
}
export interface Close {
  reason: number;
  retryAfter: number;
  text: Uint8Array;
}
export interface Ready {
  /** Session life in s. */
  life: number;
  /** s. */
  idle: number;
  /** s. */
  spread: number;
  /** Largest body that the gateway takes, bytes. */
  largest: number;
  /** The gateway's outbox. */
  outbox: number;
}
export interface Led {
  id: number;
  /** 1/16 s. */
  age: number;
  /** What follows id and age. */
  payload: Uint8Array;
}

export const writeAck = (ack: Ack) => concat(uint(ack.id, 4), uint(ack.status, 1));
export const writePing = (t1: bigint) => uint(t1, 8);
export const writePong = (pong: Pong) => concat(uint(pong.t1, 8), uint(pong.receive, 4), uint(pong.send, 4));
export const writeClose = (reason: number, retryAfter: number, text = '') =>
  concat(uint(reason, 1), uint(retryAfter, 2), ascii(text));
export const writeReady = (ready: Ready) =>
  concat(uint(ready.life, 4), uint(ready.idle, 2), uint(ready.spread, 2), uint(ready.largest, 2), uint(ready.outbox, 4));

/** What leads the body where an ACK is wanted. The sender's clamp is here: an older message says `OLDEST`. */
export const writeLed = (id: number, age: number, payload: Uint8Array) =>
  concat(uint(id, 4), leb128(Math.min(age, OLDEST)), payload);

/** Runs a parser over all of a body: one that ends early or leaves bytes over is malformed. */
export function whole<T>(body: Uint8Array, parse: (reader: Reader) => T): T {
  const reader = new Reader(body);
  let value: T;
  try {
    value = parse(reader);
  } catch (error) {
    if (error instanceof Short) throw new Refusal('malformed');
    throw error;
  }
  if (reader.left) throw new Refusal('malformed');
  return value;
}

export const readAck = (body: Uint8Array): Ack => whole(body, (r) => ({ id: r.int(4), status: r.int(1) }));
/** What stands behind t1 makes the datagram longer, and is ignored. */
export const readPing = (body: Uint8Array): bigint =>
  whole(body, (r) => {
    const t1 = r.big(8);
    r.rest();
    return t1;
  });
export const readPong = (body: Uint8Array): Pong =>
  whole(body, (r) => ({ t1: r.big(8), receive: r.int(4), send: r.int(4) }));
export const readClose = (body: Uint8Array): Close =>
  whole(body, (r) => ({ reason: r.int(1), retryAfter: r.int(2), text: r.rest() }));
/** Bytes behind those that are known are for later versions of the gateway, and ignored. */
export const readReady = (body: Uint8Array): Ready =>
  whole(body.slice(0, 14), (r) => ({ life: r.int(4), idle: r.int(2), spread: r.int(2), largest: r.int(2), outbox: r.int(4) }));

export function readLed(body: Uint8Array): Led {
  const led = whole(body, (r) => ({ id: r.int(4), age: readLeb128(r, 4, 'malformed'), payload: r.rest() }));
  if (led.id === 0) throw new Refusal('malformed');
  return led;
}
