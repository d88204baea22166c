/**
 * Builds the package into dist/: the core's WASM files (scripts/build-wasm.mjs), the TypeScript of host/, and the C library
 * for microcontrollers (scripts/build-firmware.mjs).
 * Does nothing where nothing has changed. `--force` builds all the same.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { withLock } from './lib/lock.mjs';
import { wasm2cVersion } from './lib/firmware/wasm2c.mjs';
import { root } from './lib/root.mjs';
import { filesBelow, runStep, upToDate } from './lib/stamp.mjs';

const force = process.argv.includes('--force');
const require = createRequire(import.meta.url);

/** A build step that failed and has already printed why. */
class BuildFailed extends Error {}

/** Names the devDependencies that the build needs and does not find. */
function missingTools() {
  return ['assemblyscript', 'typescript', '@types/node'].filter((name) => {
    try {
      require.resolve(`${name}/package.json`);
      return false;
    } catch {
      return true;
    }
  });
}

/**
 * @param {string} what
 * @param {string[]} args  script and its arguments
 */
function runNode(what, args) {
  const started = performance.now();
  const { status, signal, error } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) throw new BuildFailed(`${what} failed (${signal ?? `exit code ${status}`}): see above`);
  console.log(`${what}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

function buildCore() {
  const step = {
    stamp: 'build/core.stamp',
    inputs: ['assembly', 'asconfig.json', 'scripts/build-wasm.mjs', 'package-lock.json'],
    outputs: ['dist/wasm'],
  };
  if (!force && upToDate(step)) return;
  runStep(step, () => runNode('core', ['scripts/build-wasm.mjs']));
}

function buildHost() {
  const step = {
    stamp: 'build/host.stamp',
    inputs: ['host', 'assembly/abi.ts', 'tsconfig.json', 'scripts/build.mjs', 'package-lock.json'],
    outputs: ['dist/host', 'dist/assembly'],
  };
  if (!force && upToDate(step)) return;
  runStep(step, () => {
    removeOrphans();
    runNode('host', [require.resolve('typescript/bin/tsc'), '-p', 'host/tsconfig.json']);
  });
}

/** The C library for microcontrollers. Which wasm2c is there decides what it holds. */
function buildFirmware() {
  const step = {
    stamp: `build/firmware-${wasm2cVersion() ?? 'no-wasm2c'}.stamp`,
    inputs: ['dist/wasm', 'assembly/abi.ts', 'firmware-shims', 'scripts/build-firmware.mjs', 'scripts/lib/firmware', 'LICENSE'],
    outputs: ['dist/firmware'],
  };
  if (!force && upToDate(step)) return;
  runStep(step, () => runNode('firmware', ['scripts/build-firmware.mjs']));
}

/** Deletes what was compiled from sources that are gone: it would be packed, and imports of it would go on working. */
function removeOrphans() {
  for (const file of [...filesBelow('dist/host'), ...filesBelow('dist/assembly')]) {
    const source = file.replace(/^dist\//, '').replace(/\.(js|d\.ts)$/, '.ts');
    if (!existsSync(path.join(root, source))) rmSync(path.join(root, file));
  }
}

const missing = missingTools();
if (missing.length > 0) {
  console.error(
    `tidelock: cannot build, ${missing.join(', ')} not installed.\n` +
      'They are devDependencies: run `npm ci` without --omit=dev and with NODE_ENV unset.',
  );
  process.exit(1);
}

try {
  mkdirSync(path.join(root, 'build'), { recursive: true });
  await withLock(path.join(root, 'build', 'lock'), 300_000, () => {
    /** @type {unknown} */
    let failure;
    for (const step of [buildCore, buildHost, buildFirmware]) {
      try {
        step();
      } catch (error) {
        if (!(error instanceof BuildFailed)) throw error;
        console.error(`tidelock: ${error.message}`);
        failure = error; // the other steps are still of use to whoever works on it
      }
    }
    if (failure) process.exitCode = 1;
  });
} catch (error) {
  console.error(`tidelock: cannot build: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
