/** Rules for every file of the repository, whatever its language: length, line ends, and nothing that only one machine has. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './root.mjs';

/** One idea a file: longer ones are split. */
export const LONGEST_SOURCE = 400;

const SOURCE = /\.(ts|mts|js|mjs|cjs|c|h|sh|bash)$/;
const BINARY = /\.(wasm|png|ico|gz|tgz|db)$/;

/** @type {[RegExp, string][]} */
const FORBIDDEN = [
  [/(?<![\w.$}~-])\/(?:work|root|tmp|home\/\w+|Users\/\w+)\//, 'a path of one machine: use os.tmpdir() or a path below the repository'],
  [/\.\.\/shared\b/, 'a path outside the repository'],
  [/registry\.(?:npmjs|yarnpkg)|"resolved": ?"http/, 'the address of a registry: set omit-lockfile-registry-resolved and make the lockfile anew'],
  [/\r/, 'a carriage return: lines end in LF'],
];

/** Files that git tracks or would add; nothing where this is no git checkout (an unpacked archive), which CI always is. */
function repositoryFiles() {
  const { status, stdout } = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0 && process.env['CI']) throw new Error('git ls-files failed: CI needs a checkout with git');
  return status === 0 ? stdout.split('\0').filter((file) => file && existsSync(path.join(root, file))) : [];
}

/** @returns {string[]} one line a fault */
export function checkTree() {
  return repositoryFiles()
    .filter((file) => !BINARY.test(file))
    .flatMap((file) => checkText(file, readFileSync(path.join(root, file), 'utf8')));
}

/**
 * @param {string} file
 * @param {string} text
 * @returns {string[]}
 */
export function checkText(file, text) {
  const lines = text.split('\n');
  const faults = [];
  if (SOURCE.test(file) && lines.length - 1 > LONGEST_SOURCE) {
    faults.push(`${file}: ${lines.length - 1} lines, at most ${LONGEST_SOURCE}: split it, one idea a file`);
  }
  if (text !== '' && !text.endsWith('\n')) faults.push(`${file}: no line feed at its end`);
  for (const [index, line] of lines.entries()) {
    for (const [pattern, what] of FORBIDDEN) {
      const found = pattern.exec(line);
      if (found) faults.push(`${file}:${index + 1}: ${JSON.stringify(found[0])} is ${what}`);
    }
  }
  return faults;
}
