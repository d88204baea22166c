/** Where the gateway finds the key of a device: a table, the application's `lookup`, or the registry's memory. */
import type { Clock } from '../clock.js';
import { TidelockError } from '../errors.js';
import type { Lookup } from './types.js';

const KEY_BYTES = 32;

/** Too many lookups at once: the device is turned away and comes again. */
export const LOOKUPS_FULL: unique symbol = Symbol('too many lookups');

export type Found = Uint8Array | undefined | typeof LOOKUPS_FULL;

export interface Keys {
  /** The key, undefined where identity or key id is unknown or disabled. A rejection is told as LOOKUP_FAILED. */
  find(identity: string, keyId: number): Found | Promise<Found>;
  /** Drops what is remembered of one identity, or of all. */
  forget(identity?: string): void;
  /** Lookups under way. */
  readonly running: number;
  /** Fulfilled when one of them has ended, or none is under way. */
  room(): Promise<void>;
}

/** A fixed table, key id 0. */
export class TableKeys implements Keys {
  readonly running = 0;
  readonly #keys = new Map<string, Uint8Array>();

  constructor(devices: Readonly<Record<string, Uint8Array>> | ReadonlyMap<string, Uint8Array>) {
    const entries = isMap(devices) ? devices.entries() : Object.entries(devices);
    for (const [identity, key] of entries) this.#keys.set(identity, checkKey(identity, key));
  }

  find(identity: string, keyId: number): Uint8Array | undefined {
    return keyId === 0 ? this.#keys.get(identity) : undefined;
  }

  forget(): void {
    // The table is all there is.
  }

  async room(): Promise<void> {
    // There always is.
  }
}

export interface LookupLimits {
  lookups: number;
  lookupTimeout: number;
  lookupKept: number;
  lookupEntries: number;
}

interface Kept {
  readonly key: Uint8Array | undefined;
  readonly until: number;
}

/** The application's callback: bounded in number and time, its answers kept for a while, refusals too. */
export class LookupKeys implements Keys {
  readonly #lookup: Lookup;
  readonly #limits: LookupLimits;
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  readonly #running = new Map<string, Promise<Found>>();

  constructor(lookup: Lookup, limits: LookupLimits, clock: Clock) {
    this.#lookup = lookup;
    this.#limits = limits;
    this.#clock = clock;
  }

  get running(): number {
    return this.#running.size;
  }

  find(identity: string, keyId: number): Found | Promise<Found> {
    const name = nameOf(identity, keyId);
    const kept = this.#kept.get(name);
    if (kept !== undefined) {
      if (this.#clock.now() < kept.until) return kept.key;
      this.#drop(name, kept);
    }
    const running = this.#running.get(name);
    if (running !== undefined) return running;
    if (this.#running.size >= this.#limits.lookups) return LOOKUPS_FULL;
    const found = this.#ask(identity, keyId, name);
    this.#running.set(name, found);
    const over = (): void => {
      if (this.#running.get(name) === found) this.#running.delete(name);
    };
    found.then(over, over);
    return found;
  }

  forget(identity?: string): void {
    // An answer that is under way may be older than the change: it is not kept, see #ask.
    for (const [name, kept] of this.#kept) {
      if (identity === undefined || name.slice(name.indexOf(':') + 1) === identity) this.#drop(name, kept);
    }
    for (const name of this.#running.keys()) {
      if (identity === undefined || name.slice(name.indexOf(':') + 1) === identity) this.#running.delete(name);
    }
  }

  async room(): Promise<void> {
    if (this.#running.size > 0) await Promise.race(this.#running.values()).catch(() => undefined);
  }

  async #ask(identity: string, keyId: number, name: string): Promise<Found> {
    await Promise.resolve(); // first, so that it stands in #running whatever the callback does
    const answer = await this.#inTime(this.#lookup(identity, keyId), identity);
    const key = answer === undefined || answer === null ? undefined : checkKey(identity, answer);
    if (this.#running.has(name)) this.#keep(name, key);
    return key;
  }

  #inTime<T>(answer: T | Promise<T>, identity: string): Promise<T> {
    const ms = this.#limits.lookupTimeout;
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(ms, () => {
        reject(new TidelockError('LOOKUP_FAILED', { identity, reason: `no answer in ${ms} ms` }));
      }, false);
      Promise.resolve(answer).then(resolve, reject).finally(() => timer.cancel());
    });
  }

  #keep(name: string, key: Uint8Array | undefined): void {
    if (this.#kept.size >= this.#limits.lookupEntries) {
      const [oldest, kept] = this.#kept.entries().next().value!;
      this.#drop(oldest, kept);
    }
    // A copy of its own: a key that is wiped must never be one that somebody is about to use.
    this.#kept.set(name, { key: key && Uint8Array.from(key), until: this.#clock.now() + this.#limits.lookupKept });
  }

  #drop(name: string, kept: Kept): void {
    this.#kept.delete(name);
    kept.key?.fill(0); // our copy
  }
}

function nameOf(identity: string, keyId: number): string {
  return `${keyId}:${identity}`;
}

function isMap(devices: object): devices is ReadonlyMap<string, Uint8Array> {
  return devices instanceof Map;
}

/** A copy, so that nobody changes it or has it wiped under him. */
function checkKey(identity: string, key: Uint8Array): Uint8Array {
  if (!(key instanceof Uint8Array)) throw new TidelockError('BAD_KEY', { of: identity, problem: 'is no Uint8Array' });
  if (key.length !== KEY_BYTES) throw new TidelockError('BAD_KEY', { of: identity, problem: `has ${key.length} bytes` });
  return Uint8Array.from(key);
}
