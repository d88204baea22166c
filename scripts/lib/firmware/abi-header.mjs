/**
 * The core's ABI as a C header: every number of assembly/abi.ts with its comment, and the linear memory of each device build.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../root.mjs';
import { exportedGlobals } from './wasm-globals.mjs';

/** The builds that run on microcontrollers, as firmware names them. */
export const FIRMWARE_CORES = ['device', 'device-small', 'device-hal', 'legacy'];

const HEAD = `/* Made from assembly/abi.ts by scripts/build-firmware.mjs: do not edit. docs/abi.md explains each name. */
#ifndef TIDELOCK_ABI_H
#define TIDELOCK_ABI_H
`;

/** @returns {Promise<string>} tidelock_abi.h */
export async function abiHeader() {
  /** @type {Record<string, unknown>} */
  const abi = await import(new URL('../../../dist/assembly/abi.js', import.meta.url).href);
  const source = readFileSync(path.join(root, 'assembly/abi.ts'), 'utf8');
  const lines = [HEAD];
  const left = new Set(Object.keys(abi));
  for (const line of source.split('\n')) {
    const section = /^\/\/ ---- (.*?)(?: ----)?$/.exec(line);
    if (section) lines.push(`\n/* ${section[1]} */`);
    const found = /^export const (\w+) = [^;]+;(?: \/\/ *(.*))?$/.exec(line);
    if (!found) continue;
    const [, name = '', comment] = found;
    left.delete(name);
    lines.push(`#define TL_ABI_${name} ${literal(abi[name])}${comment ? ` /* ${comment} */` : ''}`);
  }
  if (left.size > 0) throw new Error(`assembly/abi.ts: the header has no ${[...left].join(', ')}: one constant a line`);
  lines.push('\n/* Linear memory of each build, bytes */');
  for (const core of FIRMWARE_CORES) {
    const bytes = exportedGlobals(readFileSync(path.join(root, `dist/wasm/core-${core}.wasm`)))['__heap_base'];
    if (bytes === undefined) throw new Error(`core-${core}.wasm does not export __heap_base`);
    lines.push(`#define TL_ABI_MEMORY_${core.toUpperCase().replaceAll('-', '_')} ${bytes}`);
  }
  lines.push('\n#endif', '');
  return lines.join('\n');
}

/** @param {unknown} value */
function literal(value) {
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new Error(`assembly/abi.ts: ${String(value)} is no whole number`);
  if (value < 0) return `(${value})`;
  return value > 0x7fffffff ? `${value}u` : String(value);
}
