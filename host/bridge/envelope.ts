/**
 * What is told of a message beside its payload: properties of MQTT 5, or a JSON envelope where there are none. An envelope begins with a
 * name `tl-…`, holds nothing but such names, and the payload as `text` or `base64`.
 */
import { isUtf8 } from 'node:buffer';
import { decodeBase64 } from '../base64.js';
import type { PublishProperties } from './packets.js';

/** Names of properties, and of members of the envelope. */
export interface Told {
  'tl-id'?: string;
  /** Unix ms. */
  'tl-time'?: string;
  'tl-trust'?: string;
  'tl-suite'?: string;
}

export interface Packed {
  readonly payload: Buffer | string;
  readonly properties: PublishProperties | undefined;
}

/** `envelope`: there are no properties. */
export function pack(body: Buffer, told: Told, envelope: boolean, expirySeconds?: number): Packed {
  if (!envelope) {
    const userProperties = told as Record<string, string>;
    return { payload: body, properties: expirySeconds === undefined ? { userProperties } : { userProperties, messageExpiryInterval: expirySeconds } };
  }
  const content = isUtf8(body) ? { text: body.toString('utf8') } : { base64: body.toString('base64') };
  return { payload: JSON.stringify({ ...told, ...content }), properties: undefined };
}

/** What a command may say of itself. */
export interface CommandNote {
  /** Known by it if it comes again. */
  id?: string;
  /** When it was made, Unix ms. */
  time?: number;
  /** ms from when it was made. */
  lifetime?: number;
  replaces?: string;
  response?: string;
  correlation?: Buffer;
}

/** Bytes of the longest envelope: what a device can take, however it is escaped, has less. JSON of nothing but brackets costs 40 times its length. */
const LARGEST_ENVELOPE = 1 << 20;
const ENVELOPE = /^\s*\{\s*"tl-/;
const NAMES = new Set(['tl-id', 'tl-time', 'tl-lifetime', 'tl-replace', 'tl-response', 'tl-correlation', 'tl-trust', 'tl-suite', 'text', 'base64']);

/** The note and the payload inside. Undefined: it is no envelope, and the payload itself. */
export function openEnvelope(payload: Buffer): { note: CommandNote; body: Buffer } | undefined {
  if (payload.length > LARGEST_ENVELOPE) return undefined;
  // `{"tl-` within the first bytes: nothing else is parsed.
  if (payload[0] !== 0x7b && payload[0] !== 0x20 && payload[0] !== 0x0a) return undefined;
  if (!ENVELOPE.test(payload.toString('latin1', 0, 64))) return undefined;
  let members: Record<string, unknown>;
  try {
    members = JSON.parse(payload.toString('utf8')) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  if (!Object.keys(members).every((name) => NAMES.has(name))) return undefined;
  const { text, base64 } = members;
  if ((text === undefined) === (base64 === undefined) || typeof (text ?? base64) !== 'string') return undefined;
  const body = text === undefined ? decodeBase64(base64) : Buffer.from(text as string, 'utf8');
  if (body === undefined) return undefined;
  const correlation = member(members, 'tl-correlation');
  return { note: { ...noteOf((name) => member(members, name)), ...(correlation === undefined ? {} : { correlation: Buffer.from(correlation, 'utf8') }) }, body };
}

function member(members: Record<string, unknown>, name: string): string | undefined {
  const value = members[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** From the properties of MQTT 5, or any other place of names. */
export function noteOf(value: (name: string) => string | undefined): CommandNote {
  const note: CommandNote = {};
  const id = value('tl-id'), replaces = value('tl-replace'), response = value('tl-response');
  if (id !== undefined && id !== '') note.id = id;
  const time = instant(value('tl-time')), lifetime = Number(value('tl-lifetime') ?? NaN);
  if (time !== undefined) note.time = time;
  if (lifetime >= 1) note.lifetime = Math.floor(lifetime);
  if (replaces !== undefined) note.replaces = replaces;
  if (response !== undefined) note.response = response;
  return note;
}

/** Unix ms, or a date and time of ISO 8601. */
function instant(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const time = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isFinite(time) ? time : undefined;
}
