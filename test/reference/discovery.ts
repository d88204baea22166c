// DISCOVER and OFFER: datagrams of their own, in which nothing is proven (docs/protocol.md, section 16).

import { concat, Reader, Short, uint } from './bytes.js';
import { isIdentity } from './identity.js';

export const DISCOVERY_BYTES = 128;
export const MOST_LINKS = 8;

export interface Offer {
  token: Uint8Array;
  links: { link: number; port: number }[];
  name: string;
}

export type Discovery = { type: 'discover'; token: Uint8Array } | ({ type: 'offer' } & Offer);

export function writeDiscover(token: Uint8Array): Uint8Array {
  const start = concat(uint(0x98, 1), uint(1, 1), token);
  return concat(start, new Uint8Array(DISCOVERY_BYTES - start.length));
}

export function writeOffer({ token, links, name }: Offer): Uint8Array {
  const bytes = new TextEncoder().encode(name);
  return concat(
    uint(0x99, 1), uint(1, 1), token, uint(links.length, 1), ...links.map(({ link, port }) => concat(uint(link, 1), uint(port, 2))),
    uint(bytes.length, 1), bytes,
  );
}

/** Undefined: it is neither of the two. */
export function readDiscovery(bytes: Uint8Array): Discovery | undefined {
  try {
    const reader = new Reader(bytes);
    const type = reader.int(1);
    if (bytes.length > DISCOVERY_BYTES || reader.int(1) !== 1) return undefined;
    const token = reader.take(8);
    if (type === 0x98) {
      return bytes.length === DISCOVERY_BYTES && reader.rest().every((byte) => byte === 0) ? { type: 'discover', token } : undefined;
    }
    if (type !== 0x99) return undefined;
    const count = reader.int(1);
    if (count < 1 || count > MOST_LINKS) return undefined;
    const links = Array.from({ length: count }, () => ({ link: reader.int(1), port: reader.int(2) }));
    const name = reader.take(reader.int(1));
    if (reader.left > 0 || !isIdentity(name) || links.some(({ link, port }) => link > 3 || port === 0)) return undefined;
    return { type: 'offer', token, links, name: new TextDecoder('utf-8', { ignoreBOM: true }).decode(name) };
  } catch (error) {
    if (error instanceof Short) return undefined;
    throw error;
  }
}
