/** A payload of any kind, shown to people: as text, as JSON, as CBOR in its diagnostic notation, else as hexadecimal digits. */
import { decode, Tagged, type TagDecoder } from 'cborg';
import { decodeText, escapeText } from './escape.js';

export interface Shown {
  kind: 'empty' | 'text' | 'json' | 'cbor' | 'hex';
  /** One line that is safe for a terminal. */
  text: string;
}

/** Major types 4, 5 and 6: an array, a map, a tag. A number or a string alone could be anything. */
const CONTAINERS = [0x80, 0xa0, 0xc0];

export function showPayload(body: Uint8Array): Shown {
  if (body.length === 0) return { kind: 'empty', text: '' };
  const text = decodeText(body);
  if (text !== undefined && !hasControls(text)) return isJson(text) ? { kind: 'json', text: escapeText(compact(text)) } : { kind: 'text', text: escapeText(text) };
  const cbor = CONTAINERS.includes(body[0]! & 0xe0) ? readCbor(body) : undefined;
  return cbor === undefined ? { kind: 'hex', text: Buffer.from(body.buffer, body.byteOffset, body.length).toString('hex') } : { kind: 'cbor', text: escapeText(cbor) };
}

/** Of those of ASCII only tabs and line ends stand in a text that is meant to be read. */
function hasControls(text: string): boolean {
   
  return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text);
}

function isJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Without the white space between its parts; its numbers stay as they are written. */
function compact(json: string): string {
  return json.replace(/("(?:[^"\\]|\\.)*")|\s+/g, (_, string: string | undefined) => string ?? '');
}

/** Every tag is shown as what it is. */
const tags = new Proxy({} as Record<number, TagDecoder>, {
  get: (_, tag) => (typeof tag === 'string' && /^\d+$/.test(tag) ? Tagged.decoder(Number(tag)) : undefined),
  has: (_, tag) => typeof tag === 'string' && /^\d+$/.test(tag),
});

function readCbor(body: Uint8Array): string | undefined {
  try {
    const shown = diagnostic(decode(body, { useMaps: true, allowBigInt: true, rejectDuplicateMapKeys: true, tags }));
    // Strings that are not UTF-8 are read as if they held U+FFFD.
    return shown.includes('\ufffd') && !Buffer.from(body).includes('\ufffd') ? undefined : shown;
  } catch {
    return undefined; // malformed, invalid, or nested beyond what a stack holds: what is shown of it must be all of it
  }
}

/** RFC 8949, section 8. */
function diagnostic(value: unknown): string {
  if (value instanceof Tagged && !Number.isSafeInteger(value.tag)) throw new RangeError('not the tag that was sent');
  if (value instanceof Tagged) return `${value.tag}(${diagnostic(value.value)})`;
  if (value instanceof Uint8Array) return `h'${Buffer.from(value).toString('hex')}'`;
  if (Array.isArray(value)) return `[${value.map(diagnostic).join(', ')}]`;
  if (value instanceof Map) return `{${[...value].map(([key, of]) => `${diagnostic(key)}: ${diagnostic(of)}`).join(', ')}}`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
