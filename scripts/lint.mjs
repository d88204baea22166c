/** ESLint over the TypeScript and the scripts, then what ESLint does not see: every tracked file's length and content. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { root } from './lib/root.mjs';
import { checkTree } from './lib/tree-rules.mjs';

const eslint = path.join(path.dirname(createRequire(import.meta.url).resolve('eslint/package.json')), 'bin', 'eslint.js');
const { status } = spawnSync(process.execPath, [eslint, '.', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exitCode = 1;

for (const fault of checkTree()) {
  console.error(fault);
  process.exitCode = 1;
}
