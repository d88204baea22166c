/**
 * The device's record of what it took last, 8 bytes of knowledge in a file: with it a command that was printed but not
 * acknowledged before the process ended comes again; without it the gateway must report it as in doubt.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { DeviceRecord, RecordStore } from '../device/types.js';
import { TidelockError } from '../errors.js';

/** Reads the file at once: throws INPUT_INVALID where it holds something else. A file that does not exist is made later. */
export function openRecord(file: string): RecordStore {
  const record = read(file);
  return { load: () => record, store: (next) => write(file, next) };
}

function read(file: string): DeviceRecord | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw invalid(file, `cannot be read: ${message}`, error);
  }
  const match = /^\{"outbox":(\d{1,10}),"last":(\d{1,10})\}\n$/.exec(text);
  if (match === null) throw invalid(file, 'is no record of a device');
  return { outbox: Number(match[1]), last: Number(match[2]) };
}

/** Another file takes its place in one step, so that a crash leaves the old record or the new one. */
function write(file: string, { outbox, last }: DeviceRecord): void {
  const next = `${file}.new`;
  const handle = openSync(next, 'w', 0o600);
  try {
    writeSync(handle, `{"outbox":${outbox},"last":${last}}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(next, file);
  flushFolder(path.dirname(path.resolve(file)));
}

/** The new name is durable once its folder is. Windows cannot open a folder, and its file systems log renames. */
export function flushFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function invalid(file: string, problem: string, cause?: unknown): TidelockError {
  return new TidelockError('INPUT_INVALID', { what: `the record file ${file}`, problem, remedy: 'Name another file, or remove this one: then what is in doubt is reported to its sender.' }, { cause });
}
