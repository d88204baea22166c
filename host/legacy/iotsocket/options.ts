/** The options of the gateway's side, checked, with their defaults. */
import { badOption, checkInteger, checkNames } from '../../options.js';
import type { Address } from '../../transport/address.js';
import { parseIotsocketAddress } from './address.js';
import type { IotsocketLookup, IotsocketOptions } from './types.js';

const KNOWN = ['listen', 'devices', 'lookup', 'rate', 'queue'];

export interface IotsocketSetup {
  /** Empty: on the gateway's own ports. */
  addresses: Address[];
  devices: ReadonlyMap<string, string> | undefined;
  lookup: IotsocketLookup | undefined;
  rate: number;
  queue: number;
}

/** `registry`: the gateway has one, and keys come from it. Throws BAD_OPTION, UNKNOWN_OPTION, BAD_ADDRESS. */
export function checkIotsocketOptions(options: IotsocketOptions, registry: boolean): IotsocketSetup {
  if (typeof options !== 'object' || options === null) throw badOption('legacy.iotsocket', options, 'it must be an object, {} for the defaults');
  checkNames(options, KNOWN, 'legacy.iotsocket');
  const { devices, lookup, listen = [] } = options;
  const sources = [devices, lookup].filter((source) => source !== undefined).length;
  if (sources !== (registry ? 0 : 1)) {
    const expected = registry ? 'with a registry keys come from there' : 'without a registry exactly one of devices and lookup says where keys come from';
    throw badOption('legacy.iotsocket.devices', sources === 0 ? undefined : 'given', expected);
  }
  if (lookup !== undefined && typeof lookup !== 'function') throw badOption('legacy.iotsocket.lookup', lookup, 'it must be a function (identity) => key');
  const urls: unknown = typeof listen === 'string' ? [listen] : listen;
  if (!Array.isArray(urls)) throw badOption('legacy.iotsocket.listen', listen, 'it must be an address such as iotsocket://0.0.0.0:9000, or a list of them');
  return {
    addresses: urls.map((url: string) => parseIotsocketAddress(url)),
    devices: devices === undefined ? undefined : new Map(devices instanceof Map ? devices : Object.entries(devices)),
    lookup,
    rate: checkInteger('legacy.iotsocket.rate', options.rate ?? 333, 1, 30_000),
    queue: checkInteger('legacy.iotsocket.queue', options.queue ?? 100, 1, 100_000),
  };
}
