/** Addresses as URLs, and the prefixes by which strangers are counted. */
import { TidelockError } from '../errors.js';

/** T-I-D-E on a telephone's keypad. */
export const DEFAULT_PORT = 8433;
/** Of a serial port: what boards' consoles have. */
const DEFAULT_BAUD = 115_200;

/** Schemes of addresses, and the kind of link that each stands for. */
const SCHEMES = { 'tidelock:': 'tcp', 'tidelocks:': 'tls', 'tidelock+udp:': 'udp', 'serial:': 'serial' } as const;

export interface Address {
  readonly kind: (typeof SCHEMES)[keyof typeof SCHEMES];
  /** Of a serial port its path, /dev/ttyUSB0 or COM3. */
  readonly host: string;
  /** Of a serial port its speed, bits a second. */
  readonly port: number;
}

/** `tidelock://host[:port]` and others, `serial:/dev/ttyUSB0?baud=115200`. Throws BAD_ADDRESS, naming what is wrong and in which text. */
export function parseAddress(text: string): Address {
  const bad = (problem: string): TidelockError => {
    const address = JSON.stringify(text.replace(/\/\/[^/]*@/, '//…@')); // whoever wrote a secret there must not find it in a log
    return new TidelockError('BAD_ADDRESS', { problem, address });
  };
  if (typeof text !== 'string') throw new TypeError('an address must be a string such as tidelock://host:8433');
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw bad(/^[a-z+]+:\/\//i.test(text) ? 'a host or port that cannot be parsed' : 'no scheme');
  }
  if (!Object.hasOwn(SCHEMES, url.protocol)) {
    throw bad(`the scheme ${url.protocol.slice(0, -1)}, which this version does not support,`);
  }
  if (url.protocol === 'serial:') return parseSerial(url, bad);
  if (url.hostname === '') throw bad('no host');
  if (url.username !== '' || url.password !== '') throw bad('a user name or password, but no key');
  if ((url.pathname !== '' && url.pathname !== '/') || url.search !== '' || url.hash !== '') throw bad('something after the port');
  const host = decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1');
  const kind = SCHEMES[url.protocol as keyof typeof SCHEMES];
  return { kind, host, port: url.port === '' ? DEFAULT_PORT : Number(url.port) };
}

function parseSerial(url: URL, bad: (problem: string) => TidelockError): Address {
  const path = decodeURIComponent(url.pathname);
  if (url.host !== '' || path.startsWith('//')) throw bad('two slashes behind serial:, where the path of a port belongs,');
  if (path === '' || path === '/') throw bad('no path of a serial port');
  if (url.hash !== '' || [...url.searchParams.keys()].some((key) => key !== 'baud')) throw bad('something else than ?baud= behind the path');
  const text = url.searchParams.get('baud') ?? String(DEFAULT_BAUD), baud = Number(text);
  if (!/^\d{1,8}$/.test(text) || baud === 0) throw bad(`a baud rate of ${JSON.stringify(text)}`);
  return { kind: 'serial', host: path, port: baud };
}

/** The URL of an address. */
export function formatAddress({ kind, host, port }: Address): string {
  if (kind === 'serial') return `serial:${host}?baud=${port}`;
  const [scheme] = Object.entries(SCHEMES).find(([, value]) => value === kind)!;
  return `${scheme}//${formatHost(host)}:${port}`;
}

export function formatHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/**
 * The block that one subscriber usually gets: /24 of IPv4, /56 of IPv6 (RFC 6177). Who owns such a block
 * has all its addresses for free, so strangers are counted by block.
 */
export function addressPrefix(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  const plain = mapped?.[1] ?? address;
  if (!plain.includes(':')) return plain.slice(0, plain.lastIndexOf('.'));
  const groups = ipv6Groups(plain);
  return [...groups.slice(0, 3), groups[3]! & 0xff00].map((group) => group.toString(16)).join(':');
}

/** The eight groups of an IPv6 address in any way of writing but the one that ends in IPv4; a zone is left out. */
export function ipv6Groups(address: string): number[] {
  const [head = '', tail] = address.split('%', 1)[0]!.split('::', 2);
  const groups = (text: string | undefined): number[] => (text === undefined || text === '' ? [] : text.split(':').map((group) => parseInt(group, 16)));
  const left = groups(head), right = groups(tail);
  return [...left, ...Array<number>(Math.max(0, 8 - left.length - right.length)).fill(0), ...right];
}

/** In another order each time, so that a fleet spreads over its gateways. */
export function shuffle<T>(list: readonly T[]): T[] {
  const shuffled = [...list];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
  }
  return shuffled;
}
