/**
 * What the command and the running gateway say to each other on the control socket: JSON, one object a line, version 1
 * in every line.
 *
 *   → {"v":1,"id":7,"op":"send","params":{"identity":"pump-7","body":"b24=","wait":true}}
 *   ← {"v":1,"id":7,"event":"queued","data":{"message":"…"}}
 *   ← {"v":1,"id":7,"end":true,"data":{}}                       or  "error":{"code":"EXPIRED","problem":"…","action":"…"}
 *
 * `id` is the client's, unique on its connection. Any number of `event` lines precede the one `end`.
 */

import type { EntityRow, KeyEntry, RuleChange, Subscription, Waiting } from '../../registry/types.js';

export const CONTROL_VERSION = 1;

/** The largest body (16,383 bytes) is 21,844 characters of base64; the rest is room for names. */
export const LARGEST_LINE = 32_768;

/** Operations with what they take, tell and return. Bytes are base64. */
export interface Operations {
  status: { params: Record<string, never>; event: never; result: Status };
  /** `key`: 32 bytes; with `protocol` iotsocket what `iotsocketKey` makes of the key. */
  'devices.add': { params: { identity: string; key?: string; protocol?: 'iotsocket' }; event: never; result: { key: string } };
  /** `changed`: it was not so before; `closed`: a session was ended by it. */
  'devices.enable': { params: { identity: string }; event: never; result: Switched };
  'devices.disable': { params: { identity: string }; event: never; result: Switched };
  /** Keys never cross this way, but for the one that was just made. */
  'devices.keys': { params: { identity: string }; event: never; result: { keys: KeyEntry[] } };
  'devices.rotate': { params: { identity: string }; event: never; result: { keyId: number; key: string } };
  'devices.retire': { params: { identity: string; keyId: number }; event: never; result: { changed: boolean } };
  'devices.revoke': { params: { identity: string; keyId: number }; event: never; result: { changed: boolean } };
  /** One `event` a device, `count` at the end. */
  'devices.list': { params: Record<string, never>; event: ListedDevice; result: { count: number } };
  /** One `event` a message that waits, `count` at the end. Of one device, or of all. */
  'queue.list': { params: { identity?: string }; event: Waiting; result: { count: number } };
  /** By name, or all of one device that were not sent yet: how many were cancelled, and how many are too late. */
  'queue.cancel': { params: { message?: string; identity?: string }; event: never; result: Cancelled };
  /** `filter`: of topics at the broker. `changed`: it was not so before. */
  'devices.subscribe': { params: { identity: string; filter: string }; event: never; result: { changed: boolean } };
  'devices.unsubscribe': { params: { identity: string; filter: string }; event: never; result: { changed: boolean } };
  'devices.subscriptions': { params: { identity?: string }; event: never; result: { subscriptions: Subscription[] } };
  /** Rules of fan-out. One `event` a device of a rule, `count` at the end. */
  'rules.list': { params: Record<string, never>; event: Subscription; result: { count: number } };
  /** `identities` at `rules.remove` left out: all of the rule. */
  'rules.add': { params: { filter: string; identities: string[] }; event: never; result: RuleChange };
  'rules.remove': { params: { filter: string; identities?: string[] }; event: never; result: RuleChange };
  /** One `event` a letter, `count` at the end. */
  'dead-letters.list': { params: Record<string, never>; event: ListedLetter; result: { count: number } };
  'dead-letters.retry': { params: { positions: number[] | 'all' }; event: never; result: { count: number } };
  /** What devices are to Home Assistant; `config`: an Entity of tidelock/bridge. */
  'entities.announce': { params: { identity: string; entity: string; config: Record<string, unknown> }; event: never; result: Record<string, never> };
  'entities.unannounce': { params: { identity: string; entity?: string }; event: never; result: { count: number } };
  'entities.list': { params: { identity?: string }; event: EntityRow; result: { count: number } };
  /** Messages as they pass, until the client goes; first an event `watching`. `pattern`: see docs/cli.md. */
  watch: { params: { pattern?: string }; event: Watched | Record<string, never>; result: Record<string, never> };
  /**
   * `lifetime` in ms. One `event` when it is queued; with `wait` the end comes when the device has acknowledged. To a device of
   * IoTSocket it is pushed, without an event: `message` is empty then.
   */
  send: {
    params: { identity: string; body: string; topic?: string; lifetime?: number; wait?: boolean };
    event: { message: string; online: boolean };
    result: { message: string };
  };
}

export interface Cancelled {
  cancelled: number;
  sent: number;
  unknown: number;
}

/** A message that the broker would not take. `position` is its number; instants in Unix ms, `body` base64. */
export interface ListedLetter {
  position: number;
  message: string;
  identity: string;
  topic?: string;
  time: number;
  at: number;
  reason: string;
  body: string;
}

/** A message that passed. `body` is base64; `id` is missing where no acknowledgement is wanted. */
export interface Watched {
  direction: 'up' | 'down';
  device: string;
  id?: string;
  time: number;
  topic?: string;
  body: string;
  repeat: boolean;
  trust: string;
  /** Messages that passed unseen before this one. */
  dropped?: number;
}

export interface Switched {
  changed: boolean;
  closed: boolean;
}

export type Operation = keyof Operations;

/** A device as `devices list` shows it; instants in Unix ms. */
export interface ListedDevice {
  identity: string;
  enabled: boolean;
  added: number;
  /** When its last session began; undefined: none yet. */
  lastSession?: number;
  /** Messages that wait for it, and undone ones from it in the inbox. */
  queued: number;
  inbox: number;
  /** Undefined where no gateway runs that could know. */
  online?: boolean;
  /** The peer of its session. */
  address?: string;
}

/** What the gateway says about itself; instants in Unix ms, `monotonic` in ms of a clock that never steps. */
export interface Status {
  version: string;
  pid: number;
  addresses: string[];
  online: number;
  /** What it waits for, and since when (Unix ms), where the database is away. */
  waiting?: { reason: string; since: number };
  /** The clocks of the process at its start and now. */
  started: { wall: number; monotonic: number };
  now: { wall: number; monotonic: number };
}

export interface Request {
  v: number;
  id: number;
  op: string;
  params?: Record<string, unknown>;
}

export interface ControlError {
  code: string;
  problem: string;
  action: string;
}

export interface Reply {
  v: number;
  id: number;
  event?: string;
  end?: true;
  data?: unknown;
  error?: ControlError;
}

/** The request in `line`, or what is wrong with it. */
export function parseRequest(line: Buffer): Request | string {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch {
    return 'a line that is no JSON';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'a line that is no JSON object';
  const { v, id, op, params } = value as Partial<Request>;
  if (v !== CONTROL_VERSION) return `version ${JSON.stringify(v ?? null)} of the control protocol; this is version ${CONTROL_VERSION}`;
  if (typeof id !== 'number' || !Number.isSafeInteger(id)) return 'a request without a whole number as "id"';
  if (typeof op !== 'string') return 'a request without "op"';
  if (params !== undefined && (typeof params !== 'object' || params === null || Array.isArray(params))) return '"params" that is no object';
  return { v, id, op, params: params ?? {} };
}
