/** Key files: where a device's key rests on a disk, readable by its owner alone. */
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { TidelockError } from '../errors.js';

const KEY_BYTES = 32;
/** 64 digits and a line end are 65 or 66 bytes; what is longer is another file. */
const LARGEST_KEY_FILE = 128;

/**
 * The 32-byte key in `file`: raw, or as 64 hexadecimal digits with white space around. The caller wipes it.
 * Throws KEY_FILE_UNREADABLE, KEY_FILE_MODE (POSIX, where group or others have any right), BAD_KEY.
 */
export function readKeyFile(file: string): Buffer {
  const bytes = readSecret(file, LARGEST_KEY_FILE + 1);
  const key = decodeKey(bytes);
  bytes.fill(0);
  if (typeof key === 'string') throw new TidelockError('BAD_KEY', { of: `the file ${file}`, problem: key });
  return key;
}

/** At most the first `most` bytes of a file that its owner alone may read. Throws KEY_FILE_UNREADABLE, KEY_FILE_MODE. */
export function readSecret(file: string, most: number): Buffer {
  const bytes = Buffer.alloc(most);
  let length: number;
  let handle: number | undefined;
  try {
    // Without O_NONBLOCK opening a named pipe would wait for its writer.
    handle = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const status = fstatSync(handle);
    if (!status.isFile()) throw new TidelockError('KEY_FILE_UNREADABLE', { file, reason: 'it is no regular file' });
    // Windows has no such mode: there the rights of the user's folder protect it.
    if (process.platform !== 'win32' && (status.mode & (isCredential(file) ? 0o037 : 0o077)) !== 0) {
      throw new TidelockError('KEY_FILE_MODE', { file, mode: `0${(status.mode & 0o777).toString(8)}` });
    }
    length = readSync(handle, bytes, 0, bytes.length, 0);
  } catch (error) {
    if (error instanceof TidelockError) throw error;
    throw new TidelockError('KEY_FILE_UNREADABLE', { file, reason: reasonOf(error) }, { cause: error });
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
  return bytes.subarray(0, length);
}

/**
 * A credential that systemd has put down for this service (systemd.exec(5), LoadCredential=): root's, and readable for the service's user by an access list,
 * whose mask stands in the mode where a group's rights do.
 */
function isCredential(file: string): boolean {
  const folder = process.env['CREDENTIALS_DIRECTORY'];
  return folder !== undefined && path.dirname(path.resolve(file)) === path.resolve(folder);
}

/** The key, or what is wrong with it; never a part of it. */
function decodeKey(bytes: Buffer): Buffer | string {
  let key: Buffer;
  if (bytes.length === KEY_BYTES) key = Buffer.from(bytes);
  else {
    const digits = bytes.toString('latin1').trim();
    if (!/^[0-9a-fA-F]{64}$/.test(digits)) {
      return `is neither ${KEY_BYTES} bytes nor ${2 * KEY_BYTES} hexadecimal digits (the file has ${bytes.length > LARGEST_KEY_FILE ? `more than ${LARGEST_KEY_FILE}` : bytes.length} bytes)`;
    }
    key = Buffer.from(digits, 'hex');
  }
  return key.every((byte) => byte === 0) ? 'is all zero' : key;
}

/**
 * A key file that is claimed before the key exists: a key that is made first and cannot be written then would be lost.
 * A file that exists is never overwritten: it may be the only copy of another key.
 */
export class NewKeyFile {
  readonly file: string;
  #handle: number | undefined;

  /** Throws KEY_FILE_EXISTS, KEY_FILE_UNWRITABLE. */
  constructor(file: string) {
    this.file = file;
    try {
      this.#handle = openSync(file, 'wx', 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new TidelockError('KEY_FILE_EXISTS', { file }, { cause: error });
      throw new TidelockError('KEY_FILE_UNWRITABLE', { file, reason: reasonOf(error) }, { cause: error });
    }
  }

  /** Writes the key as 64 hexadecimal digits, flushed to the disk. Throws KEY_FILE_UNWRITABLE. */
  write(key: Uint8Array): void {
    this.writeText(`${Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('hex')}\n`);
  }

  /** The same for a key that is text already. */
  writeText(text: string): void {
    const handle = this.#handle;
    if (handle === undefined) throw new TypeError('the key file is written already');
    const bytes = Buffer.from(text, 'utf8');
    try {
      writeSync(handle, bytes);
      fsyncSync(handle);
      this.#close();
    } catch (error) {
      throw new TidelockError('KEY_FILE_UNWRITABLE', { file: this.file, reason: reasonOf(error) }, { cause: error });
    } finally {
      bytes.fill(0);
      this.discard();
    }
  }

  /** Removes the file if no key was written: half a key is no key. */
  discard(): void {
    if (this.#handle === undefined) return;
    this.#close();
    rmSync(this.file, { force: true });
  }

  #close(): void {
    closeSync(this.#handle!);
    this.#handle = undefined;
  }
}

export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return 'it, or its folder, does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'this user has no right to it';
    case 'EISDIR':
      return 'it is a folder';
    default:
      return message;
  }
}
