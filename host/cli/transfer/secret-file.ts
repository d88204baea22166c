/** A file that may hold keys: for its owner alone, whole or not there, and never in the place of another. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { TidelockError } from '../../errors.js';
import { reasonOf } from '../key-file.js';
import { flushFolder } from '../record-file.js';
import path from 'node:path';

/** Throws KEY_FILE_EXISTS, KEY_FILE_UNWRITABLE; then there is nothing at `file` that was not there before. */
export function writeSecretFile(file: string, texts: Iterable<string>): void {
  try {
    closeSync(openSync(file, 'wx', 0o600)); // the name is claimed; what is written takes its place in one step
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new TidelockError('KEY_FILE_EXISTS', { file }, { cause: error });
    throw new TidelockError('KEY_FILE_UNWRITABLE', { file, reason: reasonOf(error) }, { cause: error });
  }
  const next = `${file}.new`;
  let handle: number | undefined;
  let made = false;
  try {
    handle = openSync(next, 'wx', 0o600);
    made = true;
    for (const text of texts) writeAll(handle, Buffer.from(text, 'utf8'));
    fsyncSync(handle);
    closeSync(handle);
    handle = undefined;
    renameSync(next, file);
    flushFolder(path.dirname(path.resolve(file)));
  } catch (error) {
    if (handle !== undefined) closeSync(handle);
    if (made) rmSync(next, { force: true });
    rmSync(file, { force: true });
    throw new TidelockError('KEY_FILE_UNWRITABLE', { file, reason: reasonOf(error) }, { cause: error });
  }
}

function writeAll(handle: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
  bytes.fill(0);
}
