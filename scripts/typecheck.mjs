/** Checks the types of everything: host/ as it is built, then what is run from its source, against the built package. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { root } from './lib/root.mjs';

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const steps = [
  ['scripts/build.mjs'], // host/tsconfig.json, skipped where it was checked and nothing changed
  [tsc, '-p', 'tsconfig.json'],
  [tsc, '-p', 'bench/tsconfig.json'],
];
for (const args of steps) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
