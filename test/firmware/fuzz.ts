/**
 * libFuzzer on the C client over wasm2c (c/fuzz.c), with its corpus (fuzz-corpus.hex, an input a line).
 * As a command: npm run fuzz:firmware -- --help.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { toC } from '../../scripts/lib/firmware/wasm2c.mjs';
import { optionsOf, whole } from '../support/options.js';
import { ROOT, WASM2C, compile } from './compiled.js';

const CORPUS = fileURLToPath(new URL('fuzz-corpus.hex', import.meta.url));
const here = (name: string): string => fileURLToPath(new URL(`c/${name}`, import.meta.url));

export function corpus(): Buffer[] {
  return readFileSync(CORPUS, 'utf8').split('\n').filter(Boolean).map((line) => Buffer.from(line, 'hex'));
}

/** The harness, its peer the gateway's core as C. `plant`: with a fault of its own, to see that one is found. */
export function harness(plant = false): string {
  const name = 'core-gateway-nosimd-test';
  const folder = path.join(ROOT, 'build', 'firmware');
  mkdirSync(folder, { recursive: true });
  const peer = path.join(folder, `${name}-${process.pid}.w2c.h`);
  writeFileSync(peer, toC(name, path.join(ROOT, 'dist', 'wasm', `${name}.wasm`)).replace('../src/wasm2c.h', 'wasm2c.h'));
  try {
    return compile({
      compiler: 'clang',
      sources: [here('fuzz.c'), here('gateway.c'), here('gateway-engine.c'), ...WASM2C],
      flags: ['-g', '-std=gnu99', '-w', '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all'],
      defines: { GATEWAY_W2C_FILE: `"${peer}"`, ...(plant && { FUZZ_PLANT: 1 }) },
    });
  } finally {
    rmSync(peer);
  }
}

export interface Fuzzed {
  status: number | null;
  said: string;
  /** Frames mutated before their tag was made, after it, and without one. */
  frames: number[];
  /** The input that crashed it, hex. */
  crash: string | undefined;
  /** Inputs that reached something new. */
  found: Buffer[];
}

export function fuzz(program: string, runs: number, seed = 1): Fuzzed {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-fuzz-'));
  try {
    const inputs = path.join(folder, 'corpus');
    mkdirSync(inputs);
    for (const [i, bytes] of corpus().entries()) writeFileSync(path.join(inputs, `seed-${i}`), bytes);
    const words = [`-runs=${runs}`, `-seed=${seed}`, '-max_len=1200', '-timeout=20', `-artifact_prefix=${folder}/`, inputs];
    const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8', maxBuffer: 1 << 28 });
    const crash = readdirSync(folder).find((name) => /^(crash|timeout|oom|leak)-/.test(name));
    return {
      status,
      said: stdout + stderr,
      frames: (/^frames: (\d+) .*, (\d+) .*, (\d+) without/m.exec(stdout) ?? []).slice(1).map(Number),
      crash: crash && readFileSync(path.join(folder, crash)).toString('hex'),
      found: readdirSync(inputs).filter((name) => !name.startsWith('seed-')).map((name) => readFileSync(path.join(inputs, name))),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The fewest inputs that reach all that these reach. */
function merged(program: string, inputs: Buffer[]): Buffer[] {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-merge-'));
  try {
    for (const name of ['from', 'to']) mkdirSync(path.join(folder, name));
    for (const [i, bytes] of inputs.entries()) writeFileSync(path.join(folder, 'from', `${i}`), bytes);
    spawnSync(program, ['-merge=1', path.join(folder, 'to'), path.join(folder, 'from')]);
    return readdirSync(path.join(folder, 'to')).map((name) => readFileSync(path.join(folder, 'to', name)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const HELP = `libFuzzer on the client in C, with the gateway's core as its peer. Prints the inputs, and how many frames came before their tag was made; ends with 1 where
a sanitizer found something, with the input.

  npm run fuzz:firmware -- [--runs 1000000] [--keep]

  --runs N  inputs, each of whose frames is tried twice (default 1000000)
  --keep    adds to the corpus of the tests what reached code that nothing in it did
`;

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const options = optionsOf(HELP, { runs: { type: 'string', default: '1000000' }, keep: { type: 'boolean', default: false } });
  const runs = whole('runs', options.runs);
  const program = harness();
  const { status, said, crash, found } = fuzz(program, runs, Math.floor(Math.random() * 2 ** 31));
  console.log(said.split('\n').filter((line) => /^(Done|frames|SUMMARY|.*ERROR)/.test(line)).join('\n'));
  if (status !== 0) console.error(`${said.split('\n').slice(-60).join('\n')}\ninput: ${crash}`);
  else if (options.keep) {
    const all = merged(program, [...corpus(), ...found]).map((bytes) => bytes.toString('hex')).sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
    writeFileSync(CORPUS, `${all.join('\n')}\n`);
    console.log(`corpus: ${all.length} inputs in test/firmware/fuzz-corpus.hex`);
  }
  process.exitCode = status === 0 ? 0 : 1;
}
