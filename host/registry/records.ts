/** Devices and their keys as they leave a registry and come into one: by the hundred thousand, so packed on the way to the engine. */
import { isIdentity, quoteIdentity } from '../core/identity.js';
import { TidelockError } from '../errors.js';
import { badOption, checkInteger } from '../options.js';
import { PROTOCOLS } from './engine/operations.js';
import type { DeviceProtocol } from './types.js';

const KEY_BYTES = 32;

/** A key that opens. */
export interface KeyRecord {
  /** 0 to 255. */
  readonly keyId: number;
  readonly state: 'current' | 'next';
  /** Unix ms; default of an import: now. */
  readonly created?: number;
  /** 32 bytes; undefined where they were not asked for. The caller's to wipe. */
  readonly key?: Uint8Array;
}

export interface DeviceRecord {
  readonly identity: string;
  readonly protocol: DeviceProtocol;
  readonly disabled: boolean;
  /** Unix ms; default of an import: now. */
  readonly created?: number;
  /** At most one of each state; `next` only beside `current`. */
  readonly keys: readonly KeyRecord[];
}

export interface ImportOptions {
  /**
   * What becomes of a device that exists: `refuse` (default): DEVICE_EXISTS, and nothing is imported; `skip`: it stays as it is; `replace`: its
   * keys end, those of the record open, and it is enabled or disabled as the record says.
   */
  existing?: 'refuse' | 'skip' | 'replace';
  /** Everything is checked, nothing is written. */
  dryRun?: boolean;
}

export interface Imported {
  readonly added: number;
  readonly replaced: number;
  readonly skipped: number;
}

/** One array a field. */
export interface PackedRecords {
  identities: string[];
  protocols: Uint8Array;
  disabled: Uint8Array;
  /** Unix ms; NaN: now. */
  created: Float64Array;
  /** Keys: index of the device, number, 1 where it is the next, when it was made, and 32 bytes each. */
  of: Uint32Array;
  keyIds: Uint8Array;
  next: Uint8Array;
  made: Float64Array;
  /** Empty where they were not asked for. */
  keys: Uint8Array;
}

/** Throws BAD_IDENTITY, BAD_KEY, BAD_OPTION, DEVICE_EXISTS (twice among them). */
export function pack(records: readonly DeviceRecord[]): PackedRecords {
  const keys = records.flatMap(({ keys }, of) => keys.map((entry) => ({ ...entry, of })));
  const seen = new Set<string>();
  for (const record of records) {
    check(record);
    if (seen.has(record.identity)) throw new TidelockError('DEVICE_EXISTS', { identity: record.identity });
    seen.add(record.identity);
  }
  const packed: PackedRecords = {
    identities: records.map(({ identity }) => identity),
    protocols: Uint8Array.from(records, ({ protocol }) => PROTOCOLS.indexOf(protocol)),
    disabled: Uint8Array.from(records, ({ disabled }) => (disabled ? 1 : 0)),
    created: Float64Array.from(records, ({ created = NaN }) => created),
    of: Uint32Array.from(keys, ({ of }) => of),
    keyIds: Uint8Array.from(keys, ({ keyId }) => keyId),
    next: Uint8Array.from(keys, ({ state }) => (state === 'next' ? 1 : 0)),
    made: Float64Array.from(keys, ({ created = NaN }) => created),
    keys: new Uint8Array(keys.length * KEY_BYTES),
  };
  keys.forEach(({ key }, i) => packed.keys.set(key!, i * KEY_BYTES));
  return packed;
}

function check({ identity, protocol, created, keys }: DeviceRecord): void {
  if (typeof identity !== 'string' || !isIdentity(identity)) {
    throw new TidelockError('BAD_IDENTITY', { identity: quoteIdentity(identity), problem: 'does not have the form of one' });
  }
  if (!PROTOCOLS.includes(protocol)) throw badOption('protocol', protocol, `it must be one of ${PROTOCOLS.join(', ')}`);
  checkTime(created);
  for (const { keyId, state, key, created } of keys) {
    checkInteger('keyId', keyId, 0, 255);
    checkTime(created);
    if (state !== 'current' && state !== 'next') throw badOption('state', state, 'it must be current or next');
    if (!(key instanceof Uint8Array) || key.length !== KEY_BYTES) {
      throw new TidelockError('BAD_KEY', { of: identity, problem: key instanceof Uint8Array ? `has ${key.length} bytes` : 'is missing' });
    }
  }
  const problem = keysProblem(keys);
  if (problem !== undefined) throw badOption('keys', keys.map(({ keyId, state }) => `${keyId} ${state}`), problem);
}

/** What is wrong with the keys of a device together; undefined: nothing. */
export function keysProblem(keys: readonly Pick<KeyRecord, 'keyId' | 'state'>[]): string | undefined {
  const count = (state: string): number => keys.filter((key) => key.state === state).length;
  if (new Set(keys.map(({ keyId }) => keyId)).size < keys.length) return 'a device has one key of each number';
  if (count('current') > 1 || count('next') > 1) return 'a device has one current key and one next key at most';
  return count('next') > count('current') ? 'a next key stands beside a current one' : undefined;
}

function checkTime(time: number | undefined): void {
  if (time !== undefined) checkInteger('created', time, 0, Number.MAX_SAFE_INTEGER);
}

/** Takes the bytes out of the packed form. */
export function unpack({ identities, protocols, disabled, created, of, keyIds, next, made, keys }: PackedRecords): DeviceRecord[] {
  const lists: KeyRecord[][] = identities.map(() => []);
  of.forEach((place, i) => {
    const bytes = keys.length === 0 ? {} : { key: keys.slice(i * KEY_BYTES, (i + 1) * KEY_BYTES) };
    lists[place]!.push({ keyId: keyIds[i]!, state: next[i] === 1 ? 'next' : 'current', created: made[i]!, ...bytes });
  });
  keys.fill(0);
  return identities.map((identity, i) => ({ identity, protocol: PROTOCOLS[protocols[i]!]!, disabled: disabled[i] !== 0, created: created[i]!, keys: lists[i]! }));
}
