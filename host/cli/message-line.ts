/** A message as one line. */
import { decodeText, escapeBytes, escapeText, safeJson } from './escape.js';

interface Printable {
  readonly device?: string;
  readonly id: string | number;
  readonly time: number;
  readonly body: Uint8Array;
  readonly repeat: boolean;
  readonly topic?: string | undefined;
  /** Until when it is worth carrying on, Unix ms. */
  readonly expires?: number | undefined;
  /** Of an older protocol: how far it can be trusted. */
  readonly trust?: string;
}

/** Device, time and text between tabs, the topic where there is one, and behind it the trust where nothing is proved; none holds a tab of its own. */
export function textLine({ device, time, body, topic, trust = 'proved' }: Printable): string {
  const behind = trust === 'proved' ? [] : [`trust ${trust}`];
  const text = [escapeBytes(body), ...(topic === undefined && behind.length === 0 ? [] : [escapeText(topic ?? '')]), ...behind].join('\t');
  return device === undefined ? text : `${escapeText(device)}\t${new Date(time).toISOString()}\t${text}`;
}

/** The same as JSON: `text` where the body is UTF-8, else `base64`. `id` only where an acknowledgement was wanted. */
export function jsonLine(message: Printable): string {
  return safeJson(messageFields(message));
}

/** The fields of that object. */
export function messageFields({ device, id, time, body, repeat, topic, expires, trust = 'proved' }: Printable): object {
  const text = decodeText(body);
  return {
    ...(device === undefined ? {} : { device }),
    ...(id === '' || id === 0 ? {} : { id }),
    time: new Date(time).toISOString(),
    ...(topic === undefined ? {} : { topic }),
    ...(expires === undefined ? {} : { expires: new Date(expires).toISOString() }),
    ...(text === undefined ? { base64: Buffer.from(body).toString('base64') } : { text }),
    ...(repeat ? { repeat } : {}),
    ...(trust === 'proved' ? {} : { trust }),
  };
}
