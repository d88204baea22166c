/** What the bodies say, by the names of docs/protocol.md, for people and JSON. Whether they are true the core has judged before. */
import * as abi from '../../assembly/abi.js';
import { isTopic, readHead } from '../core/topic.js';
import { linkName, reasonName, statusName, suiteName, suiteNames, typeName } from './words.js';
import type { Value } from './types.js';

export type Fields = Record<string, Value>;

/** H, or as much of it as is there. */
export function helloFields(h: Buffer): Fields {
  if (h.length < abi.H_ID) return {};
  const id = h.subarray(abi.H_ID, abi.H_ID + h[abi.H_ID_BYTES]!);
  return {
    version: h[abi.H_VERSION]!,
    link: linkName(h[abi.H_LINK]!),
    suites: suiteNames(h[abi.H_SUITES]!),
    nonce: h.toString('hex', abi.H_NONCE, abi.H_NONCE + 16),
    outbox: h.readUInt32BE(abi.H_OUTBOX),
    largest: h.readUInt16BE(abi.H_LARGEST),
    keyId: h[abi.H_KEY_ID]!,
    identity: id.toString('utf8'),
  };
}

/** Length of H in this body, by its own word. */
export function helloLength(h: Buffer): number {
  return h.length < abi.H_ID ? h.length : abi.H_ID + h[abi.H_ID_BYTES]!;
}

export const C_BYTES = 32;

export interface Challenge {
  suite: number;
  session: number;
  epoch: number;
}

export function readChallenge(c: Buffer): Challenge | undefined {
  if (c.length < C_BYTES) return undefined;
  return { suite: c[abi.S_SUITE - abi.S_C]!, session: c.readUInt32BE(abi.S_SESSION - abi.S_C), epoch: Number(c.readBigUInt64BE(abi.C_TIME)) };
}

export function challengeFields(c: Buffer): Fields {
  const challenge = readChallenge(c);
  if (challenge === undefined) return {};
  return {
    version: c[0]!,
    suite: suiteName(challenge.suite),
    session: challenge.session,
    window: c.readUInt16BE(abi.C_WINDOW),
    nonce: c.toString('hex', abi.C_NONCE, abi.C_NONCE + 16),
    time: instant(challenge.epoch) ?? challenge.epoch,
  };
}

/** Topic and what belongs to it; none where the head is not whole or may not be. */
function topicFields(code: number, body: Buffer): Fields {
  const name = code === abi.ROUTE ? abi.ROUTE_NAME : abi.DELIVER_NAME, length = body[name - 1];
  if (length === undefined || body[name - 2] !== abi.KIND_TOPIC || body.length < name + length + (code === abi.DELIVER ? 1 : 0)) return {};
  const head = readHead(code, body, 0);
  if (!isTopic(head.topic)) return {};
  const about: Fields = code === abi.ROUTE ? { lifetime: head.lifetime } : { trust: head.trust };
  return { topic: head.topic, ...about, bytes: body.length - head.bytes, ...textOf(body.subarray(head.bytes)) };
}

/** As text, where it is some. */
function textOf(body: Buffer): Fields {
  const text = body.toString('utf8');
  return body.length > 0 && Buffer.from(text, 'utf8').equals(body) ? { text } : {};
}

/** Of a protected frame whose tag holds; `body` stands behind id and age. */
export function bodyFields(code: number, body: Buffer): Fields {
  if (code === abi.READY && body.length >= 14) {
    return {
      life: body.readUInt32BE(0), idle: body.readUInt16BE(4), spread: body.readUInt16BE(6), largest: body.readUInt16BE(8), outbox: body.readUInt32BE(10),
    };
  }
  if (code === abi.ACK && body.length === 5) return { acknowledges: body.readUInt32BE(0), status: body[4]!, means: statusName(body[4]!) };
  if (code === abi.PING && body.length === 8) return { t1: String(body.readBigUInt64BE(0)) };
  if (code === abi.PONG && body.length === 16) return { t1: String(body.readBigUInt64BE(0)), receive: body.readUInt32BE(8), send: body.readUInt32BE(12) };
  if (code === abi.FRAGMENT && body.length > 5) {
    return { of: typeName(body[0]!), part: body[4]! + 1, parts: body[1]!, length: body.readUInt16BE(2), bytes: body.length - 5 };
  }
  if (code === abi.ROUTE || code === abi.DELIVER) return topicFields(code, body);
  if (code === abi.CLOSE && body.length >= 3) {
    const text = body.subarray(3).toString('utf8');
    return { reason: body[0]!, means: reasonName(body[0]!), retryAfter: body.readUInt16BE(1), ...(text === '' ? {} : { text }) };
  }
  return {};
}

/** ISO text of Unix ms, where a date can hold it. */
export function instant(unix: number): string | undefined {
  return Math.abs(unix) <= 8.64e15 ? new Date(unix).toISOString() : undefined;
}
