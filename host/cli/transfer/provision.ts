/** What a device is given before it is built in: for ESP-IDF's NVS as CSV, for others as a URI in a QR code. The names are the same in both. */
import type { DeviceRecord } from '../../registry/types.js';
import { quoted } from './csv.js';

export interface Provision {
  readonly identity: string;
  readonly keyId: number;
  readonly key: Uint8Array;
  /** Address of the gateway; undefined: the device knows it otherwise. */
  readonly url: string | undefined;
  /** Of the gateway's certificate, at most two. */
  readonly pins: readonly string[];
}

/** Its newest key. Undefined: it has none, or speaks IoTSocket, of whose key there is only a digest here. */
export function provisionOf({ identity, protocol, keys }: DeviceRecord, url: string | undefined, pins: readonly string[]): Provision | undefined {
  const newest = keys.find(({ state }) => state === 'next') ?? keys[0];
  if (protocol !== 'tidelock' || newest?.key === undefined) return undefined;
  return { identity, keyId: newest.keyId, key: newest.key, url, pins };
}

/** For nvs_partition_gen of ESP-IDF: namespace `tidelock`. */
export function nvsCsv({ identity, keyId, key, url, pins }: Provision): string {
  const rows = [
    ['key', 'type', 'encoding', 'value'],
    ['tidelock', 'namespace', '', ''],
    ['id', 'data', 'string', identity],
    ['key', 'data', 'hex2bin', hex(key)],
    ['key_id', 'data', 'u8', String(keyId)],
    ...(url === undefined ? [] : [['url', 'data', 'string', url]]),
    ...pins.map((pin, i) => [i === 0 ? 'pin' : 'pin2', 'data', 'string', pin]),
  ];
  return rows.map((row) => `${row.map(quoted).join(',')}\n`).join('');
}

/** `tidelock:provision?id=…&key=…&key_id=…&url=…&pin=…&pin2=…`, percent-encoded; the key in hexadecimal. */
export function provisionUri({ identity, keyId, key, url, pins }: Provision): string {
  const pairs = [['id', identity], ['key', hex(key)], ['key_id', String(keyId)], ...(url === undefined ? [] : [['url', url]]), ...pins.map((pin, i) => [i === 0 ? 'pin' : 'pin2', pin])];
  return `tidelock:provision?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(value!)}`).join('&')}`;
}

/** A file's name for an identity: what is not plain is percent-encoded, so that no two meet and none leaves the folder. */
export function fileName(identity: string, suffix: string): string {
  const plain = encodeURIComponent(identity).replace(/[!'()*~]|^\./g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  return `${plain}${suffix}`;
}

function hex(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('hex');
}
