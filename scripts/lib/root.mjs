/** Where the repository is, and how scripts speak of its files. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the repository. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/**
 * The path of `file` below the repository, with forward slashes on every system.
 * @param {string} file
 */
export function relative(file) {
  return path.relative(root, path.resolve(root, file)).split(path.sep).join('/');
}
