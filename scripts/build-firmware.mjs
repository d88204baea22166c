/**
 * Builds dist/firmware, the C library for microcontrollers: firmware-shims/ as it stands, the header of the core's numbers, the
 * cores padded for ESP-IDF's port of WAMR, and the cores as C where wabt's wasm2c is installed (`npm run parts`). Without it the
 * rest is built, and the command says so.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FIRMWARE_CORES, abiHeader } from './lib/firmware/abi-header.mjs';
import { pad } from './lib/firmware/pad.mjs';
import { WABT, toC, wasm2cVersion } from './lib/firmware/wasm2c.mjs';
import { root } from './lib/root.mjs';

const out = path.join(root, 'dist/firmware');
rmSync(out, { recursive: true, force: true });
mkdirSync(path.join(out, 'wasm2c'), { recursive: true });
cpSync(path.join(root, 'firmware-shims'), out, { recursive: true });
writeFileSync(path.join(out, 'include/tidelock_abi.h'), await abiHeader());

/** ESP-IDF's port of WAMR has pages of this size. */
const ESP_IDF_PAGE = 4096;
mkdirSync(path.join(out, 'wasm-4k'));
for (const core of ['device', 'device-small', 'device-hal']) {
  writeFileSync(path.join(out, `wasm-4k/core-${core}.wasm`), pad(readFileSync(path.join(root, `dist/wasm/core-${core}.wasm`)), ESP_IDF_PAGE));
}

const version = wasm2cVersion();
if (version === WABT) {
  for (const core of FIRMWARE_CORES) {
    for (const name of [`core-${core}`, `core-${core}-test`]) {
      const wasm = path.join(root, `dist/wasm/${name}.wasm`);
      if (existsSync(wasm)) writeFileSync(path.join(out, `wasm2c/${name}.w2c.h`), toC(name, wasm));
    }
  }
} else {
  console.log(`tidelock: the cores as C are left out: they need wasm2c of wabt ${WABT} (${version === undefined ? 'there is none' : `this is ${version}`}); npm run parts installs it on Debian 12`);
}
