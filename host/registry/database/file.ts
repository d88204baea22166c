/** The database's file: where a URL says it is, and that nobody else may read it, for it holds keys. */
import { accessSync, chmodSync, closeSync, constants, existsSync, openSync, statSync } from 'node:fs';
import path from 'node:path';
import { TidelockError } from '../../errors.js';
import { badOption } from '../../options.js';

/** Absolute path of the file; undefined: in memory. Throws BAD_OPTION. */
export function databasePath(url: string): string | undefined {
  const expected = 'it must be sqlite:PATH, such as sqlite:tidelock.db, or sqlite::memory:';
  const match = typeof url === 'string' ? /^sqlite:(.+)$/s.exec(url) : null;
  if (match === null) throw badOption('database', url, expected);
  const name = match[1]!;
  if (name === ':memory:') return undefined;
  if (name.startsWith(':') || name.includes('\0')) throw badOption('database', url, expected);
  // sqlite:///var/lib/x.db, as other programs write it; with two slashes `var` would be a host.
  if (/^\/\/[^/]/.test(name)) throw badOption('database', url, 'a path has one slash or three before it, sqlite:/PATH or sqlite:///PATH');
  return path.resolve(name.startsWith('///') ? name.slice(2) : name);
}

/**
 * Makes the file, or takes rights of others away from one that exists; its -wal and -shm get the same from SQLite.
 * A file that exists is not opened: closing it again would drop every lock that this process holds on it (POSIX), those of
 * another registry on the same file too. Throws DATABASE_FAILED with a reason.
 */
export function prepareFile(file: string, database: string, create: boolean): void {
  const failed = (reason: string, cause: unknown): TidelockError => new TidelockError('DATABASE_FAILED', { database, reason }, { cause });
  const folder = path.dirname(file);
  if (create) {
    try {
      closeSync(openSync(file, 'wx', 0o600));
      return;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') throw failed(`the folder ${folder} does not exist`, error);
      if (code === 'ENOTDIR') throw failed(`${folder} is no folder`, error);
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') throw failed(`this user may not write into ${folder}`, error);
      if (code !== 'EEXIST') throw failed(message, error);
    }
  }
  try {
    const status = statSync(file);
    if (!status.isFile()) throw failed(status.isDirectory() ? 'it is a folder' : 'it is no file', undefined);
    accessSync(file, constants.R_OK | constants.W_OK);
    accessSync(folder, constants.W_OK); // for its -wal
    if (process.platform !== 'win32' && (status.mode & 0o077) !== 0) {
      for (const name of [file, `${file}-wal`, `${file}-shm`]) if (existsSync(name)) chmodSync(name, 0o600);
    }
  } catch (error) {
    if (error instanceof TidelockError) throw error;
    const { code, message, syscall } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw failed(existsSync(folder) ? 'it does not exist' : `the folder ${folder} does not exist`, error);
    if (syscall === 'chmod') throw failed('others may use it, and this user may not change that', error);
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') throw failed('this user may not write it, or its folder', error);
    throw failed(message, error);
  }
}
