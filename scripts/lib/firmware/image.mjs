/**
 * Builds a program for a board: board + engine + core + program. Objects and images lie in build/firmware, named by a hash of
 * what they were made from, so that what is there already is taken, and processes that build the same thing do not disturb
 * each other.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { withLock } from '../lock.mjs';
import { root } from '../root.mjs';
import { filesBelow, hashOf } from '../stamp.mjs';
import { BOARDS, versionOf } from './boards.mjs';
import { wamrParts } from './wamr.mjs';

/** @typedef {'wasm2c' | 'wamr-fast' | 'wamr-classic'} EngineName */

/**
 * @typedef {object} Choice
 * @property {import('./boards.mjs').BoardName} board
 * @property {EngineName | 'none'} engine
 * @property {string} [core]  core-device, core-device-small, core-device-hal, core-legacy, or a twin of one: …-test
 * @property {string} [wasm]  another file in the core's place
 * @property {string[]} sources  the program, below the repository
 * @property {string[]} [defines]
 * @property {string[]} [flags]  of the program's and our own files
 * @property {number} [stackBytes]
 */

const OUT = path.join(root, 'build', 'firmware');
/** The library as a user has it: npm run build makes it of firmware-shims/. */
const SHIMS = path.join(root, 'dist', 'firmware');
const CORES = /** @type {Record<string, string>} */ ({ 'core-device-small': 'TL_CORE_SMALL', 'core-device-hal': 'TL_CORE_HAL' });

/** Two at once: more wins nothing on a small machine. */
const JOBS = 2;
const PATIENCE = 220_000; // ms; a whole runtime with sanitizers takes 40 s of an idle machine

/** @type {string | undefined} */
let headers;
/** One hash over all our headers: a change of any compiles everything anew. */
function headerHash() {
  headers ??= hashOf(['dist/firmware', 'bench/native', 'bench/mcu', 'test/firmware/c', 'test/firmware/programs'].flatMap(filesBelow).filter((file) => file.endsWith('.h') && !file.endsWith('.w2c.h')));
  return headers;
}

/**
 * @param {string} command
 * @param {string[]} words
 * @returns {Promise<string>}
 */
function run(command, words) {
  return new Promise((done, fail) => {
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (/** @type {Buffer} */ data) => (text += String(data)));
    child.stderr.on('data', (/** @type {Buffer} */ data) => (text += String(data)));
    child.on('error', fail);
    child.on('close', (code) => (code === 0 ? done(text) : fail(new Error(`${command} … ${words.slice(-3).join(' ')}\n${text}`))));
  });
}

/**
 * Makes `file` by a command whose words name a file of its own, which is moved into place.
 * @param {string} file
 * @param {string} command
 * @param {(out: string) => string[]} words
 */
async function make(file, command, words) {
  if (existsSync(file)) return;
  mkdirSync(path.dirname(file), { recursive: true });
  const out = `${file}.${process.pid}`;
  try {
    await run(command, words(out));
    renameSync(out, file);
    if (existsSync(`${out}.map`)) renameSync(`${out}.map`, `${file}.map`);
  } finally {
    rmSync(out, { force: true });
    rmSync(`${out}.map`, { force: true });
  }
}

/** @param {string[]} parts */
const short = (...parts) => createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 20);

/**
 * @typedef {object} Unit
 * @property {string} source
 * @property {string[]} flags
 * @property {string} [content]  what its text depends on besides itself
 */

/**
 * @param {string} compiler
 * @param {Unit} unit
 */
function objectOf(compiler, { source, flags, content = '' }) {
  const key = short(versionOf(compiler) ?? '', flags.join(' '), readFileSync(source, 'utf8'), headerHash(), content);
  const file = path.join(OUT, 'objects', `${path.basename(source).replace(/\W/g, '-')}-${key}.o`);
  return { file, words: (/** @type {string} */ out) => [...flags, '-c', source, '-o', out] };
}

/**
 * @param {Choice} choice
 * @returns {Unit[]}
 */
function unitsOf(choice) {
  const { engine, core = 'core-device', wasm = path.join(root, 'dist', 'wasm', `${core}.wasm`) } = choice;
  const board = BOARDS[choice.board];
  const define = (/** @type {string[]} */ names) => names.map((name) => `-D${name}`);
  const include = (/** @type {string[]} */ folders) => folders.map((folder) => `-I${folder}`);
  const optimize = choice.board === 'host' ? [] : ['-O2'];
  const ours = [
    ...board.compile, '-std=gnu99', '-Wall', '-Wextra', '-Werror', ...optimize,
    ...define([`TL_CORE=${CORES[core.replace(/-test$/, '')] ?? 'TL_CORE_DEVICE'}`, ...(choice.defines ?? [])]),
    ...include([path.join(SHIMS, 'include'), path.join(SHIMS, 'src'), path.join(SHIMS, 'boards'), path.join(root, 'bench', 'native')]),
    ...(choice.flags ?? []),
  ];
  const hal = core.startsWith('core-device-hal') ? [path.join(SHIMS, 'src', 'hal.c')] : [];
  const program = [...choice.sources.map((file) => path.join(root, file)), ...board.sources.map((file) => path.join(SHIMS, 'boards', file))];
  if (engine === 'none') return program.map((source) => ({ source, flags: ours }));
  if (engine === 'wasm2c') {
    const c = path.join(SHIMS, 'wasm2c', `${core}.w2c.h`);
    if (!existsSync(c)) throw new Error(`${c} is not there: npm run parts installs wasm2c, npm run build makes it`);
    return [
      ...[...program, ...hal].map((source) => ({ source, flags: ours })),
      { source: path.join(SHIMS, 'src', 'engine-wasm2c.c'), flags: [...ours, `-DTL_W2C_FILE="${c}"`], content: hashOf([path.relative(root, c)]) },
    ];
  }
  const interpreter = engine === 'wamr-fast' ? 'fast' : 'classic';
  const wamr = wamrParts({ interpreter, target: board.wamrTarget });
  const tuned = (choice.defines ?? []).filter((name) => name.startsWith('WASM_') || name.startsWith('BLOCK_'));
  const pages = define((choice.defines ?? []).filter((name) => name.startsWith('TL_PAGE_SIZE')));
  // WAMR reads and writes unaligned words by design, and UBSan makes its interpreter slow to compile: there ASan alone looks
  const sanitized = board.compile.map((flag) => flag.replace('address,undefined', 'address').replace('-O1', '-O0'));
  const wamrFlags = [...sanitized, ...optimize, '-w', ...define([...wamr.defines, ...tuned]), ...include(wamr.includes)];
  const engineFlags = [
    ...ours, '-DTL_ENGINE_WAMR', `-DWASM_ENABLE_FAST_INTERP=${interpreter === 'fast' ? 1 : 0}`, `-I${wamr.includes[0]}`,
  ];
  return [
    ...[...program, ...hal, path.join(SHIMS, 'src', 'engine-wamr.c')].map((source) => ({ source, flags: engineFlags })),
    {
      source: path.join(SHIMS, 'boards', 'core-wasm.S'),
      flags: [...board.compile, `-DCORE_FILE="${wasm}"`],
      content: createHash('sha256').update(readFileSync(wasm)).digest('hex'),
    },
    ...wamr.sources.map((source) => ({ source, flags: [
      ...wamrFlags,
      ...(source.includes('wasm_interp_') ? ['-include', wamr.before] : []),
      ...(/_(memory|runtime_common|exec_env)\.c$/.test(source) ? pages : []),
    ] })),
  ];
}

/**
 * The path of the image. One process builds at a time: others wait, and find most of what they want made.
 * @param {Choice} choice
 */
export function buildImage(choice) {
  return withLock(path.join(OUT, `${choice.board}.lock`), PATIENCE, () => build(choice));
}

/** @param {Choice} choice */
async function build(choice) {
  const board = BOARDS[choice.board];
  const units = unitsOf(choice).map((unit) => objectOf(board.compiler, unit));
  const waiting = units.filter(({ file }) => !existsSync(file));
  await Promise.all(Array.from({ length: JOBS }, async () => {
    for (let unit = waiting.shift(); unit; unit = waiting.shift()) await make(unit.file, board.compiler, unit.words);
  }));
  const stack = choice.stackBytes === undefined ? [] : [`-Wl,--defsym=STACK_SIZE=${choice.stackBytes}`];
  const script = board.link.find((word) => word.endsWith('.ld'));
  const link = [...board.link.map((word) => (word === script ? path.join(SHIMS, 'boards', word) : word)), ...stack];
  const objects = units.map(({ file }) => file);
  const key = short(versionOf(board.compiler) ?? '', ...link, ...objects, script ? readFileSync(path.join(SHIMS, 'boards', script), 'utf8') : '');
  const image = path.join(OUT, `${choice.board}-${choice.engine}-${choice.core ?? 'none'}-${key}.elf`);
  await make(image, board.compiler, (out) => [...board.compile, ...objects, ...link, `-Wl,-Map=${out}.map`, '-o', out]);
  return image;
}
