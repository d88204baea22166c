/**
 * What the gateway and a backend say to each other: JSON, one object a line, told apart by `type`. docs/backends.md has every
 * line with its fields. The words of the two sides differ, so that a program that echoes is found out at its first line.
 */
import { TidelockError } from '../../errors.js';
import { checkNames, checkTopic } from '../../options.js';
import { decodeBase64 } from '../../base64.js';

export const BACKEND_VERSION = 1;

/** The largest body (16,383 bytes) is 98,298 characters where every one of them is written as \uXXXX; the rest is room for names. */
export const LARGEST_LINE = 131_072;

/** Bytes of a `ref`: it comes back with every result, and is kept until the last. */
const LARGEST_REF = 64;

export type Ref = string | number;

/** A line from a backend, checked. */
export type BackendLine =
  | { type: 'ready'; messages: boolean; window: number | undefined }
  | { type: 'done'; id: string }
  | { type: 'send'; ref: Ref; device: string; topic: string | undefined; body: Buffer; lifetime: number | undefined; doubt: 'report' | 'repeat' | undefined }
  | { type: 'post'; ref: Ref | undefined; device: string; topic: string | undefined; body: Buffer }
  | { type: 'outcome'; ref: Ref; message: string };

/** Fields that a line may have beside `type`. */
const FIELDS: Readonly<Record<BackendLine['type'], readonly string[]>> = {
  ready: ['version', 'messages', 'window'],
  done: ['id'],
  send: ['ref', 'device', 'topic', 'text', 'base64', 'lifetime', 'doubt'],
  post: ['ref', 'device', 'topic', 'text', 'base64'],
  outcome: ['ref', 'message'],
};

/** What is wrong with a line, to follow its number; `ref` where the line had one that can be told. */
export class LineFault extends Error {
  readonly ref: Ref | undefined;

  constructor(problem: string, ref?: Ref) {
    super(problem);
    this.ref = ref;
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** Throws LineFault. */
export function parseLine(line: Buffer): BackendLine {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch (error) {
    throw new LineFault(`it is no JSON (${(error as Error).message})`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new LineFault('it is no JSON object');
  const fields = value as Fields;
  const ref = isRef(fields['ref']) ? fields['ref'] : undefined;
  try {
    return read(fields);
  } catch (error) {
    if (error instanceof LineFault) throw new LineFault(error.message, ref);
    if (error instanceof TidelockError) throw new LineFault(error.problem, ref);
    throw error;
  }
}

function read(fields: Fields): BackendLine {
  const { type } = fields;
  if (typeof type !== 'string' || !Object.hasOwn(FIELDS, type)) {
    throw new LineFault(`"type" is ${shown(type)}, but it must be one of ${Object.keys(FIELDS).join(', ')}`);
  }
  const kind = type as BackendLine['type'];
  checkNames(fields, ['type', ...FIELDS[kind]], `"${type}"`);
  switch (kind) {
    case 'ready': {
      if (fields['version'] !== BACKEND_VERSION) throw new LineFault(`"version" is ${shown(fields['version'])}, but this gateway speaks version ${BACKEND_VERSION}`);
      const window = optional(fields, 'window', (number) => Number.isInteger(number) && (number as number) >= 1, 'a whole number above 0') as number | undefined;
      return { type: kind, messages: (optional(fields, 'messages', isBoolean, 'true or false') ?? true) as boolean, window };
    }
    case 'done':
      return { type: kind, id: text(fields, 'id') };
    case 'send': {
      const lifetime = optional(fields, 'lifetime', (ms) => typeof ms === 'number' && ms > 0, 'a number of milliseconds above 0') as number | undefined;
      const doubt = optional(fields, 'doubt', (word) => word === 'report' || word === 'repeat', 'report or repeat') as 'report' | 'repeat' | undefined;
      return { type: kind, ref: ref(fields), device: text(fields, 'device'), topic: topic(fields), body: body(fields), lifetime, doubt };
    }
    case 'post':
      return { type: kind, ref: fields['ref'] === undefined ? undefined : ref(fields), device: text(fields, 'device'), topic: topic(fields), body: body(fields) };
    case 'outcome':
      return { type: kind, ref: ref(fields), message: text(fields, 'message') };
  }
}

function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string' || value === '') throw new LineFault(`"${name}" is ${shown(value)}, but it must be a text`);
  return value;
}

/** Throws BAD_TOPIC, which is told as the fault of the line. */
function topic(fields: Fields): string | undefined {
  return fields['topic'] === undefined ? undefined : checkTopic(text(fields, 'topic'));
}

function optional(fields: Fields, name: string, holds: (value: unknown) => boolean, wanted: string): unknown {
  const value = fields[name];
  if (value === undefined || holds(value)) return value;
  throw new LineFault(`"${name}" is ${shown(value)}, but it must be ${wanted}`);
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}

function isRef(value: unknown): value is Ref {
  return Number.isSafeInteger(value) || (typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= LARGEST_REF);
}

function ref(fields: Fields): Ref {
  const value = fields['ref'];
  if (!isRef(value)) throw new LineFault(`"ref" is ${shown(value)}, but it must be a whole number or a text of at most ${LARGEST_REF} bytes`);
  return value;
}

function body(fields: Fields): Buffer {
  const { text: given, base64 } = fields;
  if ((given === undefined) === (base64 === undefined)) throw new LineFault('it must have either "text" or "base64"');
  if (base64 !== undefined) {
    const bytes = decodeBase64(base64);
    if (bytes === undefined) throw new LineFault('"base64" is no base64');
    return bytes;
  }
  if (typeof given !== 'string') throw new LineFault(`"text" is ${shown(given)}, but it must be a text`);
  // UTF-8 has no form for half a pair: the device would get another character.
  if (/\p{Cs}/u.test(given)) throw new LineFault('"text" has half of a surrogate pair: send bytes as "base64"');
  return Buffer.from(given, 'utf8');
}

function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? 'missing';
  return json.length > 60 ? `${json.slice(0, 57)}…` : json;
}
