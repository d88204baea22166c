/**
 * The bodies of ROUTE (to the gateway) and DELIVER (to the device): where their fields stand. What they may hold is the core's
 * to judge, in both directions (docs/protocol.md, "Topics").
 */
import * as abi from '../../assembly/abi.js';
import { instantiate, preferredBuild, type CoreExports } from './module.js';

/** How far the source of a message under a topic can be trusted, by number as DELIVER carries it. */
export const TRUSTS = ['none', 'tls', 'proved'] as const;
export type TopicTrust = (typeof TRUSTS)[number];

export interface TopicHead {
  topic: string;
  /** ROUTE: seconds from when it was made for which it is worth carrying on; 0: without end. */
  lifetime: number;
  /** DELIVER: how far its source can be trusted. */
  trust: TopicTrust;
  /** Bytes of the head: what stands behind it is the application's. */
  bytes: number;
}

/** Reads the head of a body that the core has judged. `type`: the frame's, with or without flags. */
export function readHead(type: number, body: Buffer, start: number): TopicHead {
  if ((type & abi.TYPE_MASK) === abi.ROUTE) {
    const name = start + abi.ROUTE_NAME, end = name + body[start + abi.ROUTE_NAME_BYTES]!;
    return { topic: body.toString('utf8', name, end), lifetime: body.readUInt16BE(start + abi.ROUTE_LIFETIME), trust: 'none', bytes: end - start };
  }
  const name = start + abi.DELIVER_NAME, end = name + body[start + abi.DELIVER_NAME_BYTES]!;
  return { topic: body.toString('utf8', name, end), lifetime: 0, trust: TRUSTS[body[end]!] ?? 'none', bytes: end + 1 - start };
}

/** True for the two types whose bodies have a head. */
export function hasHead(type: number): boolean {
  return (type & abi.TYPE_MASK) === abi.ROUTE || (type & abi.TYPE_MASK) === abi.DELIVER;
}

/** A ROUTE's body. `lifetime`: whole seconds, 0 to 65,535. */
export function routeBody(topic: string, lifetime: number, body: Uint8Array): Buffer {
  const name = Buffer.from(topic, 'utf8'), out = Buffer.alloc(abi.ROUTE_NAME + name.length + body.length);
  out.writeUInt16BE(lifetime, abi.ROUTE_LIFETIME);
  out[abi.ROUTE_KIND] = abi.KIND_TOPIC;
  out[abi.ROUTE_NAME_BYTES] = name.length;
  out.set(name, abi.ROUTE_NAME);
  out.set(body, abi.ROUTE_NAME + name.length);
  return out;
}

/** A DELIVER's body. */
export function deliverBody(topic: string, trust: TopicTrust, body: Uint8Array): Buffer {
  const name = Buffer.from(topic, 'utf8'), end = abi.DELIVER_NAME + name.length, out = Buffer.alloc(end + 1 + body.length);
  out[abi.DELIVER_KIND] = abi.KIND_TOPIC;
  out[abi.DELIVER_NAME_BYTES] = name.length;
  out.set(name, abi.DELIVER_NAME);
  out[end] = TRUSTS.indexOf(trust);
  out.set(body, end + 1);
  return out;
}

/** Longest head, for those who bound bodies before they know the topic. */
export const LONGEST_HEAD = abi.ROUTE_NAME + abi.TOPIC_BYTES;

let core: CoreExports | undefined;

/** True where `topic` may name one: 1 to 255 bytes of UTF-8 without `+`, `#`, control characters and noncharacters. */
export function isTopic(topic: string): boolean {
  const bytes = Buffer.from(topic, 'utf8');
  if (bytes.length === 0 || bytes.length > abi.TOPIC_BYTES) return false;
  if (bytes.toString('utf8') !== topic) return false; // a lone surrogate
  core ??= instantiate(preferredBuild());
  const gw = core['gw_arena']!();
  const window = new DataView(core.memory.buffer).getUint32(gw + abi.G_IN, true);
  new Uint8Array(core.memory.buffer).set(bytes, window);
  return core['is_topic']!(bytes.length) === 1;
}
