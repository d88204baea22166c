/** Opens a registry: its options, checked as a whole, and the runner behind it. */
import { badOption, checkInteger, checkNames } from '../options.js';
import { parseDatabase } from './database/url.js';
import { checkLimits } from './limits.js';
import { checkMasterKey, SqlRegistry } from './registry.js';
import { openRunner } from './thread/runner.js';
import type { Registry, RegistryOptions } from './types.js';

const KNOWN = ['create', 'shared', 'busyTimeout', 'driver', 'thread', 'gateway', 'limits', 'unix', 'masterKey'];
const DRIVERS = ['auto', 'node:sqlite', 'better-sqlite3'];

/**
 * Opens the database at `url`: `sqlite:PATH`, `sqlite::memory:` or `postgres://USER@HOST/DATABASE`, and makes its tables where there are
 * none. Rejected with BAD_OPTION, UNKNOWN_OPTION, BAD_KEY, MASTER_KEY_MISSING, MASTER_KEY_WRONG, KEYS_NOT_WRAPPED, DRIVER_MISSING or a
 * DATABASE_* code.
 */
export async function openRegistry(url: string, options: RegistryOptions = {}): Promise<Registry> {
  if (typeof options !== 'object' || options === null) throw new TypeError('the options of openRegistry() must be an object');
  checkNames(options, KNOWN, 'openRegistry()');
  const place = parseDatabase(url);
  const { create = true, shared = false, thread = true, driver = 'auto', gateway = 'local', unix = Date.now } = options;
  for (const [name, value] of Object.entries({ create, shared, thread })) {
    if (typeof value !== 'boolean') throw badOption(name, value, 'it must be true or false');
  }
  if (!DRIVERS.includes(driver)) throw badOption('driver', driver, `it must be one of ${DRIVERS.join(', ')}`);
  if (typeof gateway !== 'string' || gateway === '') throw badOption('gateway', gateway, 'it must be the name of this gateway');
  if (typeof unix !== 'function') throw badOption('unix', unix, 'it must be a function that returns Unix ms');
  const busyTimeout = checkInteger('busyTimeout', options.busyTimeout ?? 5_000, 0, 600_000);
  const limits = checkLimits(options.limits ?? {});
  const masterKey = options.masterKey === undefined ? undefined : checkMasterKey(options.masterKey);
  const shown = place.shown;
  const path = place.kind === 'sqlite' ? place.file : undefined;
  const server = place.kind === 'postgres' ? place.connection : undefined;
  const heard: { by?: SqlRegistry } = {};
  const runner = await openRunner({ url: shown, file: path, server, create, shared, busyTimeout, driver, limits, masterKey }, thread, (news) => heard.by?.hears(news));
  return (heard.by = await SqlRegistry.load(runner, { url: shown, path, gateway, limits, unix }));
}
