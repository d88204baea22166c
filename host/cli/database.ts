/** Opens the database that the settings name, with the master key where one is configured. */
import { openRegistry } from '../registry/index.js';
import type { Registry, RegistryOptions } from '../registry/types.js';
import { readMasterKey } from './master-key.js';

export interface DatabasePlace {
  readonly database: string;
  readonly masterKeyFile?: string;
}

/** Throws KEY_FILE_*, BAD_KEY, MASTER_KEY_*, KEYS_NOT_WRAPPED, DRIVER_MISSING, DATABASE_*. */
export async function openDatabase({ database, masterKeyFile }: DatabasePlace, options: RegistryOptions = {}): Promise<Registry> {
  const masterKey = readMasterKey(masterKeyFile);
  try {
    return await openRegistry(database, masterKey === undefined ? options : { ...options, masterKey });
  } finally {
    masterKey?.fill(0);
  }
}
