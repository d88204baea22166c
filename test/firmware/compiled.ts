/** C of dist/firmware, compiled for this machine, under AddressSanitizer and UndefinedBehaviorSanitizer where the compiler has them. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'uvu';
import { found, skipMissing } from '../support/skip.js';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const FIRMWARE = path.join(ROOT, 'dist', 'firmware');
/** The cores as C are made by wabt's wasm2c, at build time. */
export const generated = existsSync(path.join(FIRMWARE, 'wasm2c', 'core-device.w2c.h'));

export const STRICT = ['-std=c99', '-pedantic', '-Wall', '-Wextra', '-Werror', '-Wconversion'];
export const SANITIZED = ['-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer'];
export const CLIENT = ['client', 'events', 'outbox', 'core', 'query', 'status'].map((name) => `src/${name}.c`);
export const WASM2C = [...CLIENT, 'src/engine-wasm2c.c', 'src/hal.c'];

/** Where a compiler and the generated C are there, `test`; else what says so. */
export function compiling(test: Test, compiler = 'gcc'): ReturnType<typeof skipMissing> | Test {
  if (!generated) return skipMissing(test, 'wasm2c (wabt 1.0.32) at build time');
  return found(compiler) ? test : skipMissing(test, compiler);
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-firmware-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

export interface Compile {
  /** File names below dist/firmware, or absolute ones. */
  sources: readonly string[];
  compiler?: string;
  flags?: readonly string[];
  defines?: Record<string, string | number>;
}

let programs = 0;

/** Compiles and links; returns the program. Throws with what the compiler said. */
export function compile({ sources, compiler = 'gcc', flags = SANITIZED, defines = {} }: Compile): string {
  const program = path.join(folder, `program-${++programs}`);
  run(compiler, [
    '-O1', ...flags, ...Object.entries(defines).map(([name, value]) => `-D${name}=${value}`), `-I${path.join(FIRMWARE, 'include')}`,
    `-I${path.join(FIRMWARE, 'src')}`, ...sources.map((file) => path.resolve(FIRMWARE, file)), '-o', program,
  ]);
  return program;
}

/** Runs a command to its end; throws with what it said where it fails. */
export function run(command: string, words: readonly string[], input?: string): string {
  const { status, signal, error, stdout, stderr } = spawnSync(command, words, { encoding: 'utf8', input, maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${command} ${words.join(' ')}: ${error?.message ?? signal ?? status}\n${stdout}${stderr}`);
  return stdout + stderr;
}
