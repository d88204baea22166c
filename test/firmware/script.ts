/** The C client in a process of its own, driven line by line (c/script.c), and what it answered. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { SANITIZED, WASM2C, compile, run } from './compiled.js';

export const SCRIPT = fileURLToPath(new URL('c/script.c', import.meta.url));
const programs = new Map<number, string>();

/** The driver over wasm2c under sanitizers; `core` is TL_CORE. */
export function scriptProgram(core = 1): string {
  let program = programs.get(core);
  if (program === undefined) {
    program = compile({ sources: [SCRIPT, ...WASM2C], flags: ['-std=gnu99', '-Wall', '-Wextra', '-Werror', ...SANITIZED], defines: { TL_CORE: core } });
    programs.set(core, program);
  }
  return program;
}

export interface Heard {
  kind: number;
  why: number;
  detail: number;
  id: number;
  ms: number;
  repeat: boolean;
  body: Buffer;
  topic: string | undefined;
  trust: number;
}

export interface Answer {
  status: number;
  output: string[];
  events: Heard[];
  /** Every line but the status. */
  lines: string[];
}

export function parse(text: string): Answer {
  const lines = text.split('\n').filter(Boolean);
  const status = Number(lines.find((line) => line.startsWith('= '))?.slice(2));
  const rest = lines.filter((line) => !line.startsWith('= '));
  return {
    status,
    lines: rest,
    output: rest.filter((line) => line.startsWith('out ')).map((line) => line.slice(4)),
    events: rest.filter((line) => line.startsWith('event ')).map((line) => {
      const [, kind, why, detail, id, ms, repeat, body = '-', topic, trust] = line.split(' ');
      return { kind: Number(kind), why: Number(why), detail: Number(detail), id: Number(id), ms: Number(ms), repeat: repeat === '1', body: Buffer.from(body === '-' ? '' : body, 'hex'), topic, trust: Number(trust ?? 0) };
    }),
  };
}

export const asInput = (commands: readonly string[]): string => commands.map((line) => `${line}\n`).join('');
/** What it said before the first command is left out. */
export const answersOf = (output: string, commands: readonly string[]): Answer[] => output.split('.\n').slice(1, commands.length + 1).map(parse);

/** All commands at once: one answer each. */
export function batch(program: string, commands: string[]): Answer[] {
  return answersOf(run(program, [], asInput(commands)), commands);
}

const running = new Set<ChildProcess>();

/** For the end of a test file: what a failed test left would keep it open. */
export function endScripts(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Command by command, for a peer that answers. */
export class Script {
  readonly #child: ChildProcess;
  #text = '';
  #waiting: ((text: string) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  constructor(program: string) {
    this.#child = spawn(program, [], { stdio: ['pipe', 'pipe', 'pipe'] });
    running.add(this.#child);
    this.#child.once('close', () => running.delete(this.#child));
    let stderr = '';
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    this.#child.stdin!.on('error', () => undefined);
    this.#child.once('close', (code) => this.#failed?.(new Error(`the client ended (${code}): ${stderr}`)));
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text;
      this.#look();
    });
  }

  #look(): void {
    const end = this.#text.indexOf('.\n');
    if (end < 0 || this.#waiting === undefined) return;
    const text = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 2);
    const give = this.#waiting;
    this.#waiting = undefined;
    give(text);
  }

  #next(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting = resolve;
      this.#failed = reject;
      this.#look();
    });
  }

  /** What it says before the first command. */
  async ready(): Promise<this> {
    await this.#next();
    return this;
  }

  async do(...words: (string | number | Uint8Array)[]): Promise<Answer> {
    const text = words.map((word) => (word instanceof Uint8Array ? Buffer.from(word).toString('hex') || '-' : String(word))).join(' ');
    const next = this.#next();
    this.#child.stdin!.write(`${text}\n`);
    return parse(await next);
  }

  async end(): Promise<number | null> {
    this.#failed = undefined;
    this.#child.stdin!.end();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'close');
    return this.#child.exitCode;
  }
}
