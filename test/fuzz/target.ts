// A target of the fuzzer: a listener or parser that takes bytes of strangers. Adding one is a file in targets/ that exports an
// array of these; its inputs to begin with lie in corpus/<name>/, hexadecimal, one a file.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import vm from 'node:vm';
import { makeInput, Random } from './byte-mutations.js';

export interface Open {
  /** One input. What it throws, or rejects with, is a finding. */
  feed(input: Buffer): void | Promise<void>;
  /** A valid client, or a valid input, must still be served; a finding where it is not. Called now and then, and at the end. */
  check(): void | Promise<void>;
  close(): void | Promise<void>;
}

export interface Target {
  name: string;
  /** Inputs that are fed at once; findings are then one of these. Default 1. */
  atOnce?: number;
  /** Inputs of the run in the test; the default is for targets that take thousands a second. */
  short?: number;
  open(): Promise<Open>;
}

export interface Run {
  target: string;
  inputs: number;
  seed: number;
  /** What failed, and how to see it again. */
  failure?: string;
}

const folder = (path: string): URL => new URL(path, import.meta.url);
const CHECK_EVERY = 2_000;
/** Beyond what it had after its first inputs; a leak of 70 bytes an input shows in a million. */
const MOST_MEMORY = 64 * 1024 * 1024;

/** Every target there is, by name. */
export async function loadTargets(): Promise<Target[]> {
  const files = readdirSync(folder('./targets/')).filter((file) => file.endsWith('.ts')).sort();
  const modules = await Promise.all(files.map((file) => import(folder(`./targets/${file}`).href) as Promise<{ targets: Target[] }>));
  return modules.flatMap(({ targets }) => targets);
}

/** The inputs of corpus/<name>/. */
export function corpus(name: string): Buffer[] {
  const path = folder(`./corpus/${name}/`);
  if (!existsSync(path)) return [];
  return readdirSync(path).filter((file) => file.endsWith('.hex')).sort().map((file) => Buffer.from(readFileSync(new URL(file, path), 'latin1').replace(/\s/g, ''), 'hex'));
}

/** Keeps an input as a file of the corpus, and returns its path. */
export function keep(name: string, prefix: string, input: Buffer): string {
  const path = folder(`./corpus/${name}/`);
  mkdirSync(path, { recursive: true });
  const file = new URL(`${prefix}-${createHash('sha256').update(input).digest('hex').slice(0, 12)}.hex`, path);
  writeFileSync(file, `${input.toString('hex').replace(/.{1,128}/g, '$&\n') || '\n'}`);
  return fileURLToPath(file);
}

/** Every file of the corpus as it is, then `runs` inputs made of them. `told` hears how many were run, now and then. */
export async function fuzzTarget({ name, atOnce = 1, open }: Target, runs: number, seed: number, keepInput = keep, told: (inputs: number) => void = () => undefined): Promise<Run> {
  const seeds = corpus(name);
  if (seeds.length === 0) throw new Error(`corpus/${name} is empty`);
  const input = (n: number): Buffer => (n < seeds.length ? Buffer.from(seeds[n]!) : makeInput(new Random(seed + n), seeds));
  const opened = await open();
  const memory = new MemoryBound();
  let n = 0;
  try {
    while (n < runs) {
      const inputs = Array.from({ length: Math.min(atOnce, runs - n) }, (_, i) => input(n + i));
      try {
        await Promise.all(inputs.map(async (each) => opened.feed(each)));
        const done = n + inputs.length;
        if (done % CHECK_EVERY < atOnce || done === runs) {
          await opened.check();
          memory.check();
          told(done);
        }
        n = done;
      } catch (error) {
        const files = inputs.map((each) => keepInput(name, 'found', each));
        return { target: name, inputs: n, seed, failure: `--target ${name} --seed ${seed}, input ${n + inputs.length - 1}, kept as ${files.join(', ')}\n${error instanceof Error ? error.stack : String(error)}` };
      }
    }
  } finally {
    await opened.close();
  }
  return { target: name, inputs: n, seed };
}

/** Live memory after a collection: what only grows is a leak, or something that a stranger can make grow. */
class MemoryBound {
  readonly #collect = exposed();
  #least: number | undefined;

  check(): void {
    this.#collect();
    const { heapUsed, external } = process.memoryUsage();
    const now = heapUsed + external;
    this.#least ??= now;
    if (now > this.#least + MOST_MEMORY) throw new Error(`${Math.round((now - this.#least) / 1024)} KiB more than after the first inputs`);
  }
}

function exposed(): () => void {
  v8.setFlagsFromString('--expose-gc');
  return vm.runInNewContext('gc') as () => void;
}
