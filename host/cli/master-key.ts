/** The master key of the database: from a file, or from the environment. Never from an argument, because lists of processes are public. */
import { TidelockError } from '../errors.js';
import { readKeyFile } from './key-file.js';

export const MASTER_KEY_VARIABLE = 'TIDELOCK_MASTER_KEY';

/** What the variable held. It is taken out of the environment, so that no backend inherits it; a text cannot be wiped. */
let taken: string | undefined;

/** The 32 bytes, for the caller to wipe; undefined: none is configured. Throws KEY_FILE_*, BAD_KEY. */
export function readMasterKey(file: string | undefined): Buffer | undefined {
  if (file !== undefined) return readKeyFile(file);
  taken ??= process.env[MASTER_KEY_VARIABLE];
  delete process.env[MASTER_KEY_VARIABLE];
  if (taken === undefined) return undefined;
  if (!/^[0-9a-fA-F]{64}$/.test(taken.trim()) || /^0*$/.test(taken.trim())) {
    throw new TidelockError('BAD_KEY', { of: `the variable ${MASTER_KEY_VARIABLE}`, problem: 'is not 64 hexadecimal digits that are not all zero' });
  }
  return Buffer.from(taken.trim(), 'hex');
}
