// ROUTE and DELIVER: a message under the name of a topic, up to the gateway and down to the device.

import { type Reader, concat, uint } from './bytes.js';
import { whole } from './bodies.js';
import { Refusal } from './refusal.js';

export const TOPIC = 7;
export const TRUST = { none: 0, tls: 1, proved: 2 } as const;
export type Role = 'device' | 'gateway';

export interface Route {
  /** s */
  lifetime: number;
  topic: string;
  payload: Uint8Array;
}
export interface Deliver {
  topic: string;
  trust: number;
  payload: Uint8Array;
}

const named = (topic: string | Uint8Array) => {
  const bytes = typeof topic === 'string' ? new TextEncoder().encode(topic) : topic;
  return concat(uint(TOPIC, 1), uint(bytes.length, 1), bytes);
};

/** `topic` as bytes: also one that may not be. */
export const writeRoute = (lifetime: number, topic: string | Uint8Array, payload: Uint8Array) => concat(uint(lifetime, 2), named(topic), payload);
export const writeDeliver = (topic: string | Uint8Array, trust: number, payload: Uint8Array) => concat(named(topic), uint(trust, 1), payload);

/** Control characters, noncharacters, and what MQTT's filters use. */
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f+#\ufdd0-\ufdef]|[\ufffe\uffff]/u;
const isNoncharacter = (point: number) => (point & 0xffff) >= 0xfffe;

export function isTopic(bytes: Uint8Array): boolean {
  if (bytes.length < 1 || bytes.length > 255) return false;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return false;
  }
  return !FORBIDDEN.test(text) && ![...text].some((letter) => isNoncharacter(letter.codePointAt(0)!));
}

function readName(r: Reader): string {
  if (r.int(1) !== TOPIC) throw new Refusal('malformed');
  const bytes = r.take(r.int(1));
  if (!isTopic(bytes)) throw new Refusal('malformed');
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

export const readRoute = (body: Uint8Array): Route => whole(body, (r) => ({ lifetime: r.int(2), topic: readName(r), payload: r.rest() }));
export const readDeliver = (body: Uint8Array): Deliver => whole(body, (r) => ({ topic: readName(r), trust: r.int(1), payload: r.rest() }));
