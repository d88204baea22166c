/**
 * One build at a time in one checkout: a test run and an editor's task may both start one, and a reader must not see
 * half of what the other writes.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Holds the lock `file` while `run` runs. A lock whose process is gone is taken over.
 * @template T
 * @param {string} file
 * @param {number} patience  ms to wait for another holder
 * @param {() => T | Promise<T>} run
 * @returns {Promise<T>}
 */
export async function withLock(file, patience, run) {
  mkdirSync(path.dirname(file), { recursive: true });
  for (let waited = 0; !take(file); waited += 200) {
    if (waited >= patience) {
      throw new Error(`another build holds ${file} for ${patience / 1000} s: end it, or delete that file if none runs`);
    }
    await sleep(200);
  }
  try {
    return await run();
  } finally {
    rmSync(file, { force: true });
  }
}

/** @param {string} file */
function take(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
  }
  if (holderLives(file)) return false;
  rmSync(file, { force: true });
  return false; // the next round takes it, and only one process can
}

/** @param {string} file */
function holderLives(file) {
  try {
    const holder = Number(readFileSync(file, 'utf8'));
    if (!Number.isInteger(holder) || holder <= 0) return true; // just made, not yet written: look again later
    process.kill(holder, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH' && /** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOENT';
  }
}
