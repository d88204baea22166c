/** `tidelock registry wrap`, `rewrap`, `unwrap`: the form in which the keys of devices lie in the database. */
import { TidelockError } from '../errors.js';
import { openRegistry } from '../registry/index.js';
import type { Registry } from '../registry/types.js';
import { openDatabase } from './database.js';
import { refuseRunning } from './access.js';
import { readKeyFile } from './key-file.js';
import { readMasterKey } from './master-key.js';
import type { Output } from './output.js';
import { createProgress } from './progress.js';
import type { Settings } from './setting-types.js';
import { isTold } from './told.js';

export async function wrapKeys(settings: Settings, output: Output): Promise<void> {
  const to = readMasterKey(settings.masterKeyFile);
  if (to === undefined) throw noKey('wrap');
  try {
    // As they are first; where they are wrapped already, all that is left to say is whether it is under this one.
    await change(settings, () => openRegistry(settings.database, { create: false }), 'MASTER_KEY_MISSING', to, 'wrapped', output);
  } finally {
    to.fill(0);
  }
}

export async function rewrapKeys(settings: Settings, newFile: string, output: Output): Promise<void> {
  const to = readKeyFile(newFile);
  try {
    await change(settings, () => openGiven(settings, 'rewrap'), 'MASTER_KEY_WRONG', to, 'wrapped', output);
  } finally {
    to.fill(0);
  }
}

export async function unwrapKeys(settings: Settings, output: Output): Promise<void> {
  await change(settings, () => openGiven(settings, 'unwrap'), 'KEYS_NOT_WRAPPED', undefined, 'plain', output);
}

/** `already`: the code of an opening that fails where it was done before, so that a command that was interrupted can be given again. */
async function change(
  settings: Settings, open: () => Promise<Registry>, already: string, to: Buffer | undefined, state: 'wrapped' | 'plain', output: Output,
): Promise<void> {
  await refuseRunning(settings);
  let registry: Registry;
  let done = false;
  try {
    registry = await open();
  } catch (error) {
    if (!isTold(error) || error.code !== already) throw error;
    done = true;
    registry = await openRegistry(settings.database, to === undefined ? { create: false } : { create: false, masterKey: to });
  }
  try {
    registry.on('progress', createProgress('keys'));
    const keys = done ? undefined : await registry.rewrap(to);
    if (settings.json) return await output.json({ state, changed: !done, ...(keys === undefined ? {} : { keys }) });
    const how = state === 'wrapped' ? 'wrapped under the master key' : 'plain, and whoever has the database has them';
    await output.line(keys === undefined ? `the keys were ${how} already` : `${keys} keys are ${how} now`);
  } finally {
    await registry.close();
  }
}

async function openGiven(settings: Settings, word: string): Promise<Registry> {
  const key = readMasterKey(settings.masterKeyFile);
  key?.fill(0);
  if (key === undefined) throw noKey(word);
  return openDatabase(settings, { create: false });
}

function noKey(word: string): TidelockError {
  return new TidelockError('INPUT_INVALID', {
    what: 'the master key', problem: 'is missing',
    remedy: `Make one with \`tidelock keygen FILE\`, and give it: tidelock registry ${word} --master-key-file FILE, or TIDELOCK_MASTER_KEY in the environment.`,
  });
}
