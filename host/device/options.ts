/** The options of a device, checked as a whole, with their defaults. */
import { systemClock, type Clock } from '../clock.js';
import { quoteIdentity } from '../core/identity.js';
import { TidelockError } from '../errors.js';
import { ALL_SUITES, LARGEST_BODY, badOption, checkInteger, checkLifetime, checkNames, checkSuites } from '../options.js';
import { parseAddress, type Address } from '../transport/address.js';
import type { TlsTrust } from '../transport/tls/client.js';
import { checkTrust } from '../transport/tls/trust.js';
import type { OutboxBounds } from '../delivery/outbox.js';
import type { DeviceOptions, RecordStore } from './types.js';

const KEY_BYTES = 32;
const KNOWN = [
  'url', 'id', 'key', 'keyId', 'suites', 'suitesTls', 'tls', 'largest', 'roundTrip', 'connectTimeout', 'outbox', 'lifetime', 'unsent', 'record',
  'signal', 'clock', 'start',
];

export interface DeviceSetup {
  addresses: Address[];
  id: string;
  key: Uint8Array;
  keyId: number;
  suites: number;
  suitesTls: number;
  tls: TlsTrust;
  largest: number;
  roundTrip: number;
  connectTimeout: number;
  outbox: OutboxBounds;
  lifetime: number;
  unsent: number;
  record: RecordStore | undefined;
  signal: AbortSignal | undefined;
  clock: Clock;
  start: boolean;
}

/** Throws BAD_ADDRESS, BAD_KEY, BAD_IDENTITY, BAD_OPTION or UNKNOWN_OPTION. */
export function checkDeviceOptions(options: DeviceOptions): DeviceSetup {
  if (typeof options !== 'object' || options === null) throw new TypeError('new Device() needs an object with url, id and key');
  checkNames(options, KNOWN, 'new Device()');
  const urls = typeof options.url === 'string' ? [options.url] : options.url;
  if (!Array.isArray(urls) || urls.length === 0) throw badOption('url', options.url, 'it must be an address such as tidelock://host, or a list of them');
  if (typeof options.id !== 'string' || options.id === '' || Buffer.byteLength(options.id) > 64) {
    throw new TidelockError('BAD_IDENTITY', { identity: quoteIdentity(options.id), problem: 'is not 1 to 64 bytes long' });
  }
  const { key } = options;
  if (!(key instanceof Uint8Array)) throw new TypeError('key must be a Uint8Array of 32 bytes');
  if (key.length !== KEY_BYTES) throw new TidelockError('BAD_KEY', { of: options.id, problem: `has ${key.length} bytes` });
  const outbox = options.outbox ?? {};
  const full = outbox.full ?? 'refuse';
  if (full !== 'refuse' && full !== 'drop-oldest') throw badOption('outbox.full', full, "there are 'refuse' and 'drop-oldest'");
  const addresses = urls.map(parseAddress);
  return {
    addresses,
    id: options.id,
    key: Uint8Array.from(key),
    keyId: checkInteger('keyId', options.keyId ?? 0, 0, 255),
    suites: checkSuites(options.suites ?? ['sealed']),
    suitesTls: checkSuites(options.suitesTls ?? ALL_SUITES, 'suitesTls'),
    tls: checkTrust(options.tls, addresses),
    largest: checkInteger('largest', options.largest ?? LARGEST_BODY, 16, LARGEST_BODY),
    roundTrip: checkInteger('roundTrip', options.roundTrip ?? 0, 0, 60_000),
    connectTimeout: checkInteger('connectTimeout', options.connectTimeout ?? 10_000, 1, 600_000),
    outbox: {
      bytes: checkInteger('outbox.bytes', outbox.bytes ?? 1_048_576, 0, Number.MAX_SAFE_INTEGER),
      messages: checkInteger('outbox.messages', outbox.messages ?? 10_000, 0, 0x7fff_ffff),
      full,
    },
    lifetime: checkLifetime(options.lifetime ?? 60_000),
    unsent: checkInteger('unsent', options.unsent ?? 262_144, 32_768, 0x7fff_ffff),
    record: options.record,
    signal: options.signal,
    clock: options.clock ?? systemClock,
    start: options.start ?? true,
  };
}
