/** One thread of scripts/build-wasm.mjs: takes builds one after another, answers with their modules. */
import { parentPort } from 'node:worker_threads';
import { compileCore } from './compile-core.mjs';

if (!parentPort) throw new Error('compile-worker.mjs runs as a worker of scripts/build-wasm.mjs');
const port = parentPort;
port.on('message', async (build) => {
  try {
    port.postMessage({ build, binary: await compileCore(build) });
  } catch (error) {
    port.postMessage({ build, failure: error instanceof Error ? error.message : String(error) });
  }
});
