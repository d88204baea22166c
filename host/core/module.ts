/**
 * Loads the core's WASM, once a process, and checks that it is the version that this package was written for.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import * as abi from '../../assembly/abi.js';
import { TidelockError } from '../errors.js';

/** The builds that the Node package itself runs. */
export type Build = 'core-gateway' | 'core-gateway-nosimd';
/** Those that a test may run as well. */
export type AnyBuild = Build | 'core-legacy';

/** An export of the core: u32 or i32 in, i32 out. */
type Call = (...args: number[]) => number;
export type CoreExports = { memory: { readonly buffer: ArrayBuffer; grow(pages: number): number } } & Record<string, Call>;

/** What is used of the global, so that users of the types need not load those of a browser. */
declare const WebAssembly: {
  validate(bytes: Uint8Array): boolean;
  Module: new (bytes: Uint8Array) => CompiledModule;
  Instance: new (module: CompiledModule, imports: object) => { exports: unknown };
};
type CompiledModule = { readonly compiled: unique symbol };

/** (module (func (result v128) i32.const 0 i8x16.splat)): valid where SIMD is. */
const SIMD_PROBE = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11);

const modules = new Map<AnyBuild, CompiledModule>();

/** The file of a build. */
export function wasmPath(build: string): string {
  return fileURLToPath(new URL(`../../wasm/${build}.wasm`, import.meta.url));
}

/** The build for this engine: with SIMD where it has that. */
export function preferredBuild(): Build {
  return WebAssembly.validate(SIMD_PROBE) ? 'core-gateway' : 'core-gateway-nosimd';
}

function compile(build: AnyBuild): CompiledModule {
  const known = modules.get(build);
  if (known) return known;
  const file = wasmPath(build);
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw new TidelockError('CORE_MISSING', { file }, { cause });
  }
  const module = new WebAssembly.Module(new Uint8Array(bytes));
  modules.set(build, module);
  return module;
}

/** A fresh instance. Synchronous: 40 KB compile in a few milliseconds, once. */
export function instantiate(build: AnyBuild): CoreExports {
  const instance = new WebAssembly.Instance(compile(build), {});
  const exports = instance.exports as CoreExports;
  const found = exports['abi_version']?.() ?? 0;
  if (found !== abi.ABI_VERSION) {
    throw new TidelockError('CORE_VERSION', { file: wasmPath(build), found, needed: abi.ABI_VERSION });
  }
  return exports;
}
