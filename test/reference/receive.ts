// What follows the tag and the time rule: which types there are, which flags they may carry, and that their body parses.

import {
  type Ack, type Close, type Led, type Pong, TYPE, TYPE_MASK, WANTED, readAck, readClose, readLed, readPing, readPong,
} from './bodies.js';
import { type Part, readPart } from './fragments.js';
import type { Opened, Receiver } from './frame.js';
import { Refusal } from './refusal.js';
import { type Role, readDeliver, readRoute } from './topics.js';

export type Body =
  /** DATA; ROUTE or DELIVER with the head in front of the payload. */
  | { kind: 'message'; led: Led | undefined; payload: Uint8Array }
  | { kind: 'skip'; led: Led }
  | { kind: 'ack'; ack: Ack }
  | { kind: 'ping'; t1: bigint }
  | { kind: 'pong'; pong: Pong }
  | { kind: 'close'; close: Close }
  | { kind: 'part'; led: Led; part: Part }
  /** A type that nobody here takes but that wants an ACK: it gets one, 'no such target'. */
  | { kind: 'unknown'; led: Led; part?: Part };

/** `receiver`: on which link, and the largest body it takes. */
export function readProtectedBody(frame: Opened, { link, largest }: Pick<Receiver, 'link' | 'largest'>, role: Role = 'gateway'): Body {
  try {
    const wanted = (frame.type & WANTED) !== 0;
    if ((frame.type & TYPE_MASK) === TYPE.FRAGMENT && link === 'datagram') return fragment(wanted, frame.body, largest, role);
    return read(frame.type & TYPE_MASK, wanted, frame.body, role);
  } catch (error) {
    if (error instanceof Refusal) throw new Refusal(error.reason, true);
    throw error;
  }
}

function fragment(wanted: boolean, body: Uint8Array, largest: number, role: Role): Body {
  if (!wanted) throw new Refusal('malformed');
  const led = readLed(body);
  const part = readPart(led.payload);
  if (part.total + body.length - led.payload.length > largest) throw new Refusal('too long');
  // The first part holds the whole head, and is judged by it.
  const takes = part.type === TYPE.DATA || (part.type === topicType(role) && (part.index > 0 || hasHead(role, part.bytes)));
  return takes ? { kind: 'part', led, part } : { kind: 'unknown', led, part };
}

/** A gateway takes ROUTE, a device DELIVER. */
const topicType = (role: Role) => (role === 'gateway' ? TYPE.ROUTE : TYPE.DELIVER);

function hasHead(role: Role, body: Uint8Array): boolean {
  try {
    (role === 'gateway' ? readRoute : readDeliver)(body);
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

function read(type: number, wanted: boolean, body: Uint8Array, role: Role): Body {
  switch (type) {
    case TYPE.READY: // a device reads it while it waits for it, and ignores a repeat; nobody sends it to a gateway
      if (wanted) throw new Refusal('malformed');
      throw new Refusal('unknown type');
    case TYPE.ACK:
    case TYPE.PING:
    case TYPE.PONG:
    case TYPE.CLOSE:
      if (wanted) throw new Refusal('malformed');
  }
  switch (type) {
    case TYPE.ACK:
      return { kind: 'ack', ack: readAck(body) };
    case TYPE.PING:
      return { kind: 'ping', t1: readPing(body) };
    case TYPE.PONG:
      return { kind: 'pong', pong: readPong(body) };
    case TYPE.CLOSE:
      return { kind: 'close', close: readClose(body) };
  }
  const led = wanted ? readLed(body) : undefined;
  if (type === TYPE.DATA) return { kind: 'message', led, payload: led ? led.payload : body };
  if (type === TYPE.SKIP) {
    if (!led || led.payload.length > 0) throw new Refusal('malformed');
    return { kind: 'skip', led };
  }
  if (type === topicType(role)) {
    const payload = led ? led.payload : body;
    if (hasHead(role, payload)) return { kind: 'message', led, payload };
    if (!led) throw new Refusal('malformed');
  }
  if (!led) throw new Refusal('unknown type');
  return { kind: 'unknown', led };
}
