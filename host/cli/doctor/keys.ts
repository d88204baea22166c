/** In which form the keys of devices lie in the database, and whether the master key can be read and lies apart. */
import path from 'node:path';
import { parseDatabase } from '../../registry/database/url.js';
import { readMasterKey } from '../master-key.js';
import { parts } from '../failure.js';
import type { Settings } from '../setting-types.js';
import type { Finding } from './finding.js';

const check = 'keys';

/** Errors of opening a database that are about its master key. */
export const ABOUT_KEYS = new Set(['MASTER_KEY_MISSING', 'MASTER_KEY_WRONG', 'KEYS_NOT_WRAPPED', 'BAD_KEY', 'KEY_FILE_UNREADABLE', 'KEY_FILE_MODE']);

/** Whether there is a master key that can be read; nothing where none is configured. */
export function checkMasterKey({ masterKeyFile, database }: Settings): Finding[] {
  try {
    const key = readMasterKey(masterKeyFile);
    if (key === undefined) return [];
    key.fill(0);
  } catch (error) {
    const { code, problem, action } = parts(error);
    return [{ check, verdict: 'fail', text: `${code}: ${problem}`, action }];
  }
  const place = parseDatabase(database);
  const file = place.kind === 'sqlite' ? place.file : undefined;
  if (masterKeyFile === undefined || file === undefined || path.dirname(path.resolve(masterKeyFile)) !== path.dirname(file)) return [];
  const text = 'the master key lies beside the database: whoever copies the folder has both';
  return [{ check, verdict: 'warn', text, action: 'Keep it elsewhere; docs/operations.md says where.' }];
}

export function checkWrapped(wrapped: boolean): Finding {
  const text = wrapped ? 'they lie wrapped in the database, and the master key fits' : 'they lie in the database as they are: whoever has it is every device (`tidelock registry wrap`)';
  return { check, verdict: 'ok', text };
}
