/**
 * Builds the core's WASM files into dist/wasm and prints their sizes.
 *   node scripts/build-wasm.mjs [--force] [name …]     names as core-device; none means all
 * A build is skipped only if neither its inputs, asc and Binaryen among them, nor its output have changed, by content.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { coreBuilds } from './lib/core-builds.mjs';
import { root } from './lib/root.mjs';
import { filesBelow, hashOf, upToDate } from './lib/stamp.mjs';

const inputs = [
  'assembly',
  'asconfig.json',
  'scripts/build-wasm.mjs',
  'scripts/lib',
  'node_modules/assemblyscript/package.json',
  'node_modules/binaryen/package.json',
];
const force = process.argv.includes('--force');
const names = process.argv.slice(2).filter((word) => word !== '--force');
const unknown = names.filter((name) => !coreBuilds.some((build) => build.name === name));
if (unknown.length > 0) {
  console.error(`tidelock: no build named ${unknown.join(', ')}; there are: ${coreBuilds.map(({ name }) => name).join(', ')}`);
  process.exit(1);
}

const wanted = coreBuilds.filter(({ name }) => names.length === 0 || names.includes(name));
const file = (/** @type {string} */ name) => `dist/wasm/${name}.wasm`;
const stamp = (/** @type {string} */ name) => `build/wasm/${name}.stamp`;
mkdirSync(path.join(root, 'dist/wasm'), { recursive: true });
mkdirSync(path.join(root, 'build/wasm'), { recursive: true });

const inputHash = hashOf(inputs.flatMap(filesBelow));
const stale = wanted.filter(({ name }) => force || !upToDate({ stamp: stamp(name), inputs, outputs: [file(name)] }));
/** @type {string[]} */
const failures = [];
await Promise.all(Array.from({ length: Math.min(stale.length, os.availableParallelism(), 4) }, compileInTurn));
for (const { name } of wanted) {
  if (failures.length === 0) console.log(`${file(name).padEnd(40)} ${String(readFileSync(path.join(root, file(name))).length).padStart(7)} bytes`);
}
for (const failure of failures) console.error(failure);
if (failures.length > 0) process.exitCode = 1;

/** Runs one thread over the builds that are left. asc holds one thread for seconds, so several share the work. */
async function compileInTurn() {
  const worker = new Worker(new URL('./lib/compile-worker.mjs', import.meta.url));
  try {
    for (let build = stale.shift(); build; build = stale.shift()) {
      worker.postMessage(build);
      const { binary, failure } = await new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      if (failure) failures.push(failure);
      else keep(build.name, binary);
    }
  } finally {
    await worker.terminate();
  }
}

/**
 * @param {string} name
 * @param {Uint8Array} binary
 */
function keep(name, binary) {
  writeFileSync(path.join(root, file(name)), binary);
  const outputs = hashOf([file(name)]);
  writeFileSync(path.join(root, stamp(name)), `${JSON.stringify({ inputs: inputHash, outputs })}\n`);
}
