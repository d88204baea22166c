// Vectors of discovery: datagrams that are one of the two, and such that are neither by a hair.

import { concat, hex, uint } from './bytes.js';
import { DISCOVERY_BYTES, MOST_LINKS, type Offer, readDiscovery, writeDiscover, writeOffer } from './discovery.js';

const TOKEN = Uint8Array.from({ length: 8 }, (_, i) => 0xa0 + i);
const OFFER: Offer = { token: TOKEN, links: [{ link: 0, port: 8_433 }, { link: 2, port: 8_433 }, { link: 1, port: 8_433 }], name: 'plant/gateway-2' };
const DISCOVER = writeDiscover(TOKEN);

const offers: [string, Partial<Offer>][] = [
  ['OFFER of TCP, TLS and UDP', {}],
  ['OFFER with the shortest name and one link', { links: [{ link: 0, port: 1 }], name: 'g' }],
  ['the longest OFFER', { links: Array.from({ length: MOST_LINKS }, (_, i) => ({ link: i % 4, port: 65_535 - i })), name: 'n'.repeat(64) }],
  ['OFFER with a name of other letters', { name: 'höhe' }],
];

const refusedOffers: [string, Partial<Offer>][] = [
  ['OFFER without a link', { links: [] }],
  ['OFFER of nine links', { links: Array.from({ length: MOST_LINKS + 1 }, () => ({ link: 0, port: 8_433 })), name: 'g' }],
  ['OFFER with unknown link bits', { links: [{ link: 4, port: 8_433 }] }],
  ['OFFER of port 0', { links: [{ link: 0, port: 8_433 }, { link: 1, port: 0 }] }],
  ['OFFER without a name', { name: '' }],
  ['OFFER with a name of 65 bytes', { name: 'n'.repeat(65) }],
  ['OFFER with a control character in its name', { name: 'a\nb' }],
  ['OFFER with a name of three parts', { name: 'a/b/c' }],
];

const change = (bytes: Uint8Array, at: number, to: number) => bytes.map((byte, i) => (i === at ? to : byte));

export function discovery(): Record<string, unknown>[] {
  const offer = writeOffer(OFFER);
  const frames: [string, Uint8Array][] = [
    ['DISCOVER', DISCOVER],
    ...offers.map(([name, part]): [string, Uint8Array] => [name, writeOffer({ ...OFFER, ...part })]),
    ['DISCOVER a byte short', DISCOVER.slice(0, -1)],
    ['DISCOVER a byte long', concat(DISCOVER, uint(0, 1))],
    ['DISCOVER with something in its padding', change(DISCOVER, DISCOVERY_BYTES - 1, 1)],
    ['DISCOVER of version 2', change(DISCOVER, 1, 2)],
    ['DISCOVER with bit 7 clear', change(DISCOVER, 0, 0x18)],
    ['DISCOVER that wants an ACK', change(DISCOVER, 0, 0xb8)],
    ['OFFER of version 0', change(offer, 1, 0)],
    ['OFFER a byte short', offer.slice(0, -1)],
    ['OFFER a byte long', concat(offer, uint(0, 1))],
    ['OFFER that ends in its token', offer.slice(0, 9)],
    ['OFFER that ends before its links', offer.slice(0, 11)],
    ['OFFER with a name that is no UTF-8', change(offer, offer.length - 1, 0xff)],
    ...refusedOffers.map(([name, part]): [string, Uint8Array] => [name, writeOffer({ ...OFFER, ...part })]),
    ['HELLO', change(DISCOVER, 0, 0x81)],
    ['nothing', new Uint8Array()],
  ];
  return frames.map(([name, bytes]) => {
    const read = readDiscovery(bytes);
    return { name, frame: hex(bytes), read: read === undefined ? null : { ...read, token: hex(read.token) } };
  });
}
