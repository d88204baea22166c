// Instances of the core's builds: on this Node, or, where TIDELOCK_TEST_TARGET=board/engine says so (m3/wasm2c), the device's
// builds on that board under that engine, so that the same tests run there (test/firmware/vectors.test.ts).

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { exportedGlobals } from '../../../scripts/lib/firmware/wasm-globals.mjs';
import { remoteImage } from '../../firmware/images.js';
import { RemoteInstance, targetOf } from '../../firmware/remote.js';

export type Export = (...numbers: number[]) => number;
export type Exports = Record<string, unknown>;

export const target = targetOf(process.env['TIDELOCK_TEST_TARGET']);

const require = createRequire(import.meta.url);

export function wasmFile(name: string): string {
  return require.resolve(`tidelock/wasm/${name}.wasm`);
}

const REMOTE = ['core-device', 'core-device-small', 'core-device-hal', 'core-legacy'];
/** Images by build, without and with scratch memory behind the build's own: made before the first test. */
const images = new Map<string, string>();
for (const build of target ? REMOTE : []) {
  for (const scratch of [false, true]) images.set(`${build}${scratch}`, await remoteImage(target!.board, target!.engine, build, { scratch }));
}

/** True where this build's instances are on a board. */
export const isRemote = (build: string) => images.has(`${build}false`);

/**
 * The exports of a fresh instance of a build on the board, its twin's among them. A new one of the same kind ends the one before.
 * `repeat` calls another export so many times with the same numbers, in one go.
 */
export function remoteExports(build: string, { scratch }: { scratch: boolean }): Exports {
  const instance = new RemoteInstance(target!.board, images.get(`${build}${scratch}`)!);
  const wasm = readFileSync(wasmFile(`${build}-test`));
  const functions = WebAssembly.Module.exports(new WebAssembly.Module(wasm)).filter(({ kind }) => kind === 'function');
  return {
    memory: instance.memory,
    repeat: (repeats: number, name: string, ...numbers: number[]) => instance.call(name, numbers, repeats),
    ...Object.fromEntries(Object.entries(exportedGlobals(wasm)).map(([name, value]) => [name, { value }])),
    ...Object.fromEntries(functions.map(({ name }) => [name, (...numbers: number[]) => instance.call(name, numbers)])),
  };
}
