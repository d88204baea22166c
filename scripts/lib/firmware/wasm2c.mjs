/**
 * Turns a core into C by wabt's wasm2c, and its output into one file for firmware: wasm2c's own prelude (mmap, 64-bit addresses,
 * floats, call-stack counters) gives way to firmware-shims/src/wasm2c.h, and the memory shrinks to what the core uses. The result
 * depends on the module and on wasm2c's version, on nothing else.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { exportedGlobals } from './wasm-globals.mjs';

/** Debian 12's. Another version writes other C, which nobody has tested. */
export const WABT = '1.0.32';

/** The version of the wasm2c on the PATH, or undefined. */
export function wasm2cVersion() {
  const { stdout, error } = spawnSync('wasm2c', ['--version'], { encoding: 'utf8' });
  return error ? undefined : stdout.trim().split(/[ \n]/)[0];
}

/**
 * @param {string} name  of the build, as core-device
 * @param {string} wasm  its file
 * @returns {string} C
 */
export function toC(name, wasm) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-wasm2c-'));
  try {
    const out = path.join(folder, 'core.c');
    const { status, stderr, error } = spawnSync('wasm2c', [wasm, '-n', 'core', '-o', out], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`wasm2c ${wasm}: ${error?.message ?? stderr}`);
    return adapt(name, readFileSync(out, 'utf8'), readFileSync(path.join(folder, 'core.h'), 'utf8'), exportedGlobals(readFileSync(wasm)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * @param {string} name
 * @param {string} source
 * @param {string} header
 * @param {Record<string, number>} globals
 */
function adapt(name, source, header, globals) {
  const fields = [...(/typedef struct Z_core_instance_t \{\n([\s\S]*?)\} /.exec(header)?.[1] ?? '').matchAll(/^ {2}u32 (w2c_\w+);$/gm)].map((m) => m[1] ?? '');
  const values = new Map([...source.matchAll(/^ {2}instance->(w2c_\w+) = (\d+u);$/gm)].map((m) => [m[1] ?? '', m[2] ?? '']));
  // A global that code never names is an export's constant: it needs no room.
  const code = section(source);
  const used = fields.filter((field) => code.includes(`instance->${field}`));
  const segments = [...source.matchAll(/^ {2}LOAD_DATA\(instance->w2c_memory, (\d+u), (\w+), (\d+)\);$/gm)];
  const lines = [
    `/* Made from ${name}.wasm by wabt's wasm2c ${WABT} and scripts/lib/firmware/wasm2c.mjs: do not edit. See NOTICE. */`,
    `#define W2C_MEMORY ${globals['__heap_base'] ?? globals['scratch']}u`, // a gateway's twin tells it as its scratch
    `#define W2C_GLOBALS ${used.map((field) => `u32 ${field};`).join(' ')}`,
    ...(code.includes('_blocks(instance') ? ['#define W2C_HAL 1'] : []),
    '#include "../src/wasm2c.h"',
    '',
    code.trimEnd(),
    '',
    'static void w2c_start(w2c_instance *instance) {',
    ...used.map((field) => `  instance->${field} = ${values.get(field)};`),
    ...segments.map(([, at, array, bytes]) => `  memcpy(&instance->memory[${at}], ${array}, ${bytes}u);`),
    '}',
    '',
    ...tables(header, globals),
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * Data and functions, in the words of our own prelude.
 * @param {string} source
 */
function section(source) {
  const functions = /^static (?:u32|u64|void) w2c_\w+\(Z_core_instance_t\*/m.exec(source);
  const end = source.search(/^\/\* export: /m);
  if (!functions || end < 0) throw new Error('wasm2c wrote C of another form');
  const code = source
    .slice(functions.index, end)
    .replace(/^static void init_(?:globals|memories|data_instances|tables|elem_instances)\([\s\S]*?^\}\n+/gm, '')
    .replaceAll(/Z_core_instance_t ?\*/g, 'w2c_instance *')
    .replaceAll(/\(&instance->w2c_memory, \(u64\)\((\w+)\) \+ (\d+)u?/g, '(instance, $1, $2u')
    .replaceAll(/\(&instance->w2c_memory, \(u64\)\((\w+)\)/g, '(instance, $1, 0u')
    .replaceAll('(&instance->w2c_memory, &instance->w2c_memory, ', '(instance, ')
    .replaceAll('(&instance->w2c_memory, ', '(instance, ')
    .replaceAll(/\(\*Z_envZ_(\w+)\)\(instance->Z_env_instance, /g, 'w2c_$1(instance, ')
    .replaceAll(/^ {2}FUNC_(?:PROLOGUE|EPILOGUE);\n/gm, '')
    .replaceAll('instance->w2c_memory.pages', 'W2C_PAGES')
    .replaceAll(/ +$/gm, '');
  const foreign = /w2c_memory|wasm_rt|Z_core|Z_env|CALL_INDIRECT|func_types/.exec(code);
  if (foreign) throw new Error(`wasm2c wrote C of another form: ${foreign[0]}`);
  return code;
}

/**
 * What the engine looks up by name.
 * @param {string} header
 * @param {Record<string, number>} globals
 */
function tables(header, globals) {
  const functions = [...header.matchAll(/^\/\* export: '(\w+)' \*\/\n(u32|void) Z_coreZ_(\w+)\(Z_core_instance_t\*((?:, u32)*)\);$/gm)];
  return [
    'static const w2c_export w2c_exports[] = {',
    ...functions.map(([, name, , , parameters = '']) => `  {"${name}", ${parameters.split('u32').length - 1}},`),
    '};',
    '',
    '/* Apart from the setjmp of its caller: what stands in registers across it is not to be lost. */',
    'W2C_APART u32 w2c_invoke(w2c_instance *instance, u32 function, const u32 *a) {',
    '  switch (function) {',
    ...functions.map(([, , result, inner, parameters = ''], index) => {
      const count = parameters.split('u32').length - 1;
      const call = `w2c_${inner}(instance${Array.from({ length: count }, (_, i) => `, a[${i}]`).join('')})`;
      return result === 'u32' ? `    case ${index}: return ${call};` : `    case ${index}: ${call}; return 0;`;
    }),
    '    default: (void)a; return 0;',
    '  }',
    '}',
    '',
    'static const w2c_global w2c_exported_globals[] = {',
    ...Object.entries(globals).map(([name, value]) => `  {"${name}", ${value}u},`),
    '};',
  ];
}
