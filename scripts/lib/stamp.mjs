/**
 * A stamp says which inputs a build step was last run on and what it wrote, by content, so that a step whose inputs are
 * the same and whose outputs still stand as it left them is skipped. Times of files are no use: a clone sets them all anew.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { relative, root } from './root.mjs';

/**
 * All files below `start` (a folder or one file), relative to the repository, sorted; nothing where it does not exist.
 * @param {string} start
 * @returns {string[]}
 */
export function filesBelow(start) {
  const full = path.join(root, start);
  if (!existsSync(full)) return [];
  if (statSync(full).isFile()) return [start];
  return readdirSync(full, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(path.join(full, name)).isFile())
    .map((name) => relative(path.join(full, name)))
    .sort();
}

/**
 * One hash over names and contents of `files`.
 * @param {string[]} files
 */
export function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files) {
    const bytes = readFileSync(path.join(root, file));
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

/**
 * @typedef {object} Step
 * @property {string} stamp  file that holds the stamp
 * @property {string[]} inputs  files and folders that the step reads
 * @property {string[]} outputs  files and folders that it writes
 */

/** @param {Step} step */
function inputHash(step) {
  return hashOf([...new Set(step.inputs.flatMap(filesBelow))]);
}

/** @param {Step} step */
function outputHash(step) {
  return hashOf(step.outputs.flatMap(filesBelow));
}

/**
 * True where the step has nothing to do.
 * @param {Step} step
 */
export function upToDate(step) {
  const file = path.join(root, step.stamp);
  if (!existsSync(file) || step.outputs.flatMap(filesBelow).length === 0) return false;
  try {
    const stamp = JSON.parse(readFileSync(file, 'utf8'));
    return stamp.inputs === inputHash(step) && stamp.outputs === outputHash(step);
  } catch {
    return false; // an unreadable stamp is no stamp
  }
}

/**
 * Runs the step between two looks at its inputs: what changed meanwhile is built by the next call.
 * @param {Step} step
 * @param {() => void} run
 */
export function runStep(step, run) {
  const inputs = inputHash(step);
  run();
  writeFileSync(path.join(root, step.stamp), `${JSON.stringify({ inputs, outputs: outputHash(step) })}\n`);
}
