/** Runs the built command in child processes, in a folder of its own, and waits for what it says. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const COMMAND = fileURLToPath(new URL('../../dist/host/cli/main.js', import.meta.url));
export const posix = process.platform !== 'win32';

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd: string;
  input?: string | Buffer;
  environment?: Record<string, string>;
  /** Arguments for node itself, before the command. */
  node?: string[];
  /** Another copy of the command. */
  command?: string;
}

/** A running command. Its output is kept; `line` waits for one. */
export class Running {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly #ended: Promise<Ended>;
  readonly #looks = new Set<() => void>();
  #over = false;

  constructor(words: readonly string[], { cwd, input, environment = {}, node = [], command = COMMAND }: RunOptions) {
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(TIDELOCK_|NO_COLOR|FORCE_COLOR|NODE_OPTIONS)/.test(name)));
    this.child = spawn(process.execPath, [...node, command, ...words], { cwd, env: { ...clean, ...environment }, stdio: 'pipe' });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => this.#add('stdout', text));
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => this.#add('stderr', text));
    this.child.stdin!.on('error', () => undefined); // it may end without reading
    if (input !== undefined) this.child.stdin!.end(input);
    this.#ended = once(this.child, 'close').then(([code, signal]) => {
      this.#over = true;
      for (const look of this.#looks) look();
      return { code: code as number | null, signal: signal as NodeJS.Signals | null, stdout: this.stdout, stderr: this.stderr };
    });
  }

  #add(stream: 'stdout' | 'stderr', text: string): void {
    this[stream] += text;
    for (const look of this.#looks) look();
  }

  /** The first whole line of the stream that matches. Rejected, with all that was said, where it ends without one. */
  line(stream: 'stdout' | 'stderr', wanted: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const lines = this[stream].split('\n');
        if (!this.#over) lines.pop();
        const found = lines.find((line) => wanted.test(line));
        if (found === undefined && !this.#over) return;
        this.#looks.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new Error(`${stream} has no line ${wanted}:\n--- stdout\n${this.stdout}\n--- stderr\n${this.stderr}`));
      };
      this.#looks.add(look);
      look();
    });
  }

  /** Fulfilled when it has ended and all its output was read. */
  ended(): Promise<Ended> {
    return this.#ended;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** A folder with all commands that run in it; `clean` ends them and removes it. */
export class Place {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-cli-'));
  readonly #running: Running[] = [];

  path(name: string): string {
    return path.join(this.folder, name);
  }

  start(words: readonly string[], options: Omit<RunOptions, 'cwd'> = {}): Running {
    const running = new Running(words, { cwd: this.folder, ...options });
    this.#running.push(running);
    return running;
  }

  run(words: readonly string[], options: Omit<RunOptions, 'cwd'> = {}): Promise<Ended> {
    return this.start(words, { input: '', ...options }).ended();
  }

  /** A gateway at a free port of this machine, once it is ready. */
  async serve(words: readonly string[] = [], options: Omit<RunOptions, 'cwd'> = {}): Promise<{ gateway: Running; url: string }> {
    const gateway = this.start(['serve', '--listen', 'tidelock://127.0.0.1:0', '--log-format', 'json', ...words], options);
    const ready = JSON.parse(await gateway.line('stderr', /"msg":"ready"/)) as { addresses: string[] };
    return { gateway, url: ready.addresses[0]! };
  }

  async clean(): Promise<void> {
    for (const running of this.#running) running.signal('SIGKILL');
    await Promise.all(this.#running.map((running) => running.ended()));
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Tests of one file, each in a place of its own that is cleaned whatever happens. */
export async function inPlace(run: (place: Place) => Promise<void>): Promise<void> {
  const place = new Place();
  try {
    await run(place);
  } finally {
    await place.clean();
  }
}

/** The lines of JSON in a text. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Record<string, unknown>);
}
