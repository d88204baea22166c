/** Before the package is published: what a build leaves out for want of a tool must be there. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { FIRMWARE_CORES } from './lib/firmware/abi-header.mjs';
import { WABT } from './lib/firmware/wasm2c.mjs';
import { root } from './lib/root.mjs';

const missing = FIRMWARE_CORES.map((core) => `dist/firmware/wasm2c/core-${core}.w2c.h`).filter((file) => !existsSync(path.join(root, file)));
if (missing.length > 0) {
  console.error(`tidelock: not to be published without ${missing.join(', ')}: install wasm2c of wabt ${WABT} (npm run parts), then npm run build`);
  process.exitCode = 1;
}
