/** `tidelock firmware`: a component of ESP-IDF, an Arduino library or plain C, out of what the package carries. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { TidelockError } from '../errors.js';
import { layout, type Choice, type Core, type Engine, type Kind, type Layout } from './firmware-layout.js';
import { reasonOf } from './key-file.js';
import type { Output } from './output.js';

export interface FirmwareWords {
  readonly out: string;
  readonly kind: Kind;
  readonly engine: Engine;
  /** undefined: hal under an interpreter of ESP-IDF, where native blocks save most; else device. */
  readonly core: Core | undefined;
  /** Write into a folder that holds something; what an earlier run wrote there goes first. */
  readonly force: boolean;
  readonly json: boolean;
}

/** Says in the written folder what it is, and which files are the command's own. */
const NOTE = 'tidelock.json';

interface Note {
  readonly version: string;
  readonly for: Kind;
  readonly engine: Engine;
  readonly core: Core;
  readonly files: readonly string[];
}

const PACKAGE = fileURLToPath(new URL('../../../', import.meta.url));

/** Throws INPUT_INVALID, FIRMWARE_INCOMPLETE. `from` is the package's folder. */
export async function firmware(words: FirmwareWords, version: string, output: Output, from = PACKAGE): Promise<void> {
  const { out, kind, engine, force, json } = words;
  if (kind === 'arduino' && engine === 'wamr') {
    throw new TidelockError('INPUT_INVALID', { what: '--engine wamr', problem: 'is not for Arduino, which has no WAMR', remedy: 'Leave it out: the library runs the core as C.' });
  }
  const choice: Choice = { kind, engine, core: words.core ?? (kind === 'esp-idf' && engine === 'wamr' ? 'hal' : 'device') };
  const plan = layout(choice);
  checkPackage(plan, from);
  try {
    checkFolder(out, force);
    const files = write(plan, from, out);
    const note: Note = { version, for: kind, engine, core: choice.core, files };
    writeFileSync(path.join(out, NOTE), `${JSON.stringify(note, null, 2)}\n`);
    if (json) await output.json({ out, ...note });
    else for (const line of told(choice, out, files.length)) await output.line(line);
  } catch (error) {
    if (error instanceof TidelockError) throw error;
    throw new TidelockError('INPUT_INVALID', { what: `the folder ${out}`, problem: `cannot be written: ${reasonOf(error)}`, remedy: 'Check that the folder above it exists and belongs to this user.' }, { cause: error });
  }
}

/** Before anything is written. */
function checkPackage({ copies }: Layout, from: string): void {
  const missing = copies.map(([file]) => file).filter((file) => !existsSync(path.join(from, file)));
  if (missing.length === 0) return;
  const generated = missing.every((file) => file.includes('/wasm2c/'));
  throw new TidelockError('FIRMWARE_INCOMPLETE', generated
    ? { what: `cores as C (${missing.join(', ')}): it was built without wasm2c`, remedy: 'Install wabt 1.0.32 (`npm run parts` on Debian 12) and run `npm run build`; or take the package from npm, or --engine wamr.' }
    : { what: missing.join(', '), remedy: 'Run `npm run build` in a checkout, or install the package again.' });
}

function checkFolder(out: string, force: boolean): void {
  if (!existsSync(out)) return;
  const what = `the folder ${out}`;
  if (!statSync(out).isDirectory()) throw new TidelockError('INPUT_INVALID', { what, problem: 'is a file', remedy: 'Choose another name.' });
  if (readdirSync(out).length === 0) return;
  if (!force) throw new TidelockError('INPUT_INVALID', { what, problem: 'is not empty', remedy: 'Choose another one, or --force: it replaces what this command wrote there before and leaves everything else alone.' });
  for (const file of filesBefore(out)) rmSync(path.join(out, file), { force: true });
}

/** What an earlier run wrote, as far as its note may be believed: nothing outside the folder is touched. */
function filesBefore(out: string): string[] {
  const note = path.join(out, NOTE);
  if (!existsSync(note)) return [];
  let files: unknown;
  try {
    files = (JSON.parse(readFileSync(note, 'utf8')) as Partial<Note>).files;
  } catch {
    return [];
  }
  const below = (file: string): boolean => !path.isAbsolute(file) && !file.split(/[\\/]/).includes('..');
  return Array.isArray(files) ? files.filter((file): file is string => typeof file === 'string' && below(file)) : [];
}

/** Returns the files that it wrote, relative, sorted. */
function write({ copies, changes }: Layout, from: string, out: string): string[] {
  const files = copies.flatMap(([source, target]) => {
    const whole = path.join(from, source);
    if (!statSync(whole).isDirectory()) return [[source, target] as const];
    return readdirSync(whole, { recursive: true, encoding: 'utf8' })
      .filter((name) => statSync(path.join(whole, name)).isFile())
      .map((name) => [`${source}/${name}`, `${target}/${name.replaceAll('\\', '/')}`] as const);
  });
  for (const [source, target] of files) {
    mkdirSync(path.dirname(path.join(out, target)), { recursive: true });
    cpSync(path.join(from, source), path.join(out, target));
  }
  for (const [file, old, now] of changes) {
    const text = readFileSync(path.join(out, file), 'utf8');
    if (text.split(old).length !== 2) throw new Error(`${file} does not hold ${JSON.stringify(old)} once`);
    writeFileSync(path.join(out, file), text.replace(old, () => now));
  }
  return files.map(([, target]) => target).sort();
}

function told({ kind, engine, core }: Choice, out: string, count: number): string[] {
  const first = `wrote ${count} files to ${out}: ${{ c: 'C sources', 'esp-idf': 'a component for ESP-IDF', arduino: 'a library for Arduino and PlatformIO' }[kind]}, core ${core}, engine ${engine}`;
  const next = {
    c: `Compile ${path.join(out, 'src')}/*.c with -O2 -I${path.join(out, 'include')}${engine === 'wamr' ? ' and WAMR’s headers; give tl_config.engine the .wasm and a pool' : ''}; docs/firmware.md has an example.`,
    'esp-idf': 'Its README.md says how it is used, and what was run where; examples/sensor is a whole application.',
    arduino: 'Put the folder among the sketchbook’s libraries, or into lib_extra_dirs of platformio.ini; examples/Sensor is a sketch.',
  }[kind];
  return [first, next];
}
