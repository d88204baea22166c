/** What the end-to-end tests share: child processes that talk in lines, a seeded choice, a port that outlives its gateway. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const folders: string[] = [];
const running = new Set<ChildProcess>();
process.once('exit', () => {
  killChildren();
  for (const made of folders) rmSync(made, { recursive: true, force: true });
});

/** For "after each": a test that failed must not leave a child behind, which would keep the file from ending. */
export function killChildren(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** A new folder below the system's for such; it is deleted when the process ends. */
export function folder(): string {
  const made = mkdtempSync(path.join(os.tmpdir(), 'tidelock-e2e-'));
  folders.push(made);
  return made;
}

/** The command line of a TypeScript file of this folder. */
export function program(name: string, ...args: string[]): string[] {
  return [process.execPath, '--import', 'tsx', fileURLToPath(new URL(name, import.meta.url)), ...args];
}

/** A process that says what it does in lines on stdout, and is told what to do in lines on stdin. */
export class Child {
  readonly said: string[] = [];
  /** Everything was read and the process has ended: its signal, or its code. */
  readonly ended: Promise<string | number | null>;
  readonly #child: ChildProcess;
  #over = false;
  #waiting: (() => void)[] = [];
  #hear: (line: string) => void;

  constructor([command = '', ...args]: string[], hear: (line: string) => void = () => undefined) {
    this.#hear = hear;
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    running.add(child);
    child.stdin.on('error', () => undefined); // it may have been killed
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      this.said.push(line);
      this.#hear(line);
      this.#wake();
    });
    this.ended = Promise.all([once(child, 'exit'), once(lines, 'close')]).then(([[code, signal]]) => {
      running.delete(child);
      this.#over = true;
      this.#wake();
      return (signal ?? code) as string | number | null;
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  tell(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** End of its stdin. */
  endInput(): void {
    this.#child.stdin!.end();
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal);
  }

  /** The rest of the first line, said or to come, that begins with `word`. Rejected where the process ends without it. */
  async line(word: string): Promise<string> {
    for (let seen = 0; ; ) {
      for (; seen < this.said.length; seen++) {
        const line = this.said[seen]!;
        if (line === word || line.startsWith(`${word} `)) return line.slice(word.length + 1);
      }
      await this.#more(`the line ${word}`);
    }
  }

  /** Waits until `condition` holds; it is looked at after every line. */
  async until(what: string, condition: () => boolean): Promise<void> {
    while (!condition()) await this.#more(what);
  }

  async #more(what: string): Promise<void> {
    if (this.#over) throw new Error(`the process ended before ${what}; its last words: ${this.said.slice(-3).join(' | ')}`);
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Numbers that look random and are the same for the same seed (mulberry32): 0 to below 1. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A free port that no outgoing connection gets by itself, because systems choose theirs from 32,768 on. A device that
 * tries a dead port among those may be given that very port as its own, be connected with itself (RFC 9293 3.5,
 * simultaneous open), and keep the gateway from coming back.
 */
export async function quietPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
