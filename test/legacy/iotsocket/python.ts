// Programs around the Python package IOTSocket, driven by lines of JSON.

import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from '../../gateway/support.js';
import { pythonEnvironment } from '../../support/python.js';

export interface Line {
  ok?: boolean;
  raised?: string;
  received?: string;
  port?: number;
  message?: string;
  device?: number;
  closed?: string;
}

export class Python {
  readonly lines: Line[] = [];
  private stderr = '';
  private over = false;

  constructor(private readonly child: ChildProcess) {
    createInterface({ input: child.stdout! }).on('line', (line) => this.lines.push(JSON.parse(line) as Line));
    child.stderr!.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    child.stdin!.on('error', () => undefined); // it has ended; `over` tells
    child.on('close', () => (this.over = true));
  }

  static run(program: 'client' | 'server', ...args: string[]): Python {
    const file = fileURLToPath(new URL(`python/${program}.py`, import.meta.url));
    return new Python(spawn('python3', ['-W', 'ignore', file, ...args], { stdio: 'pipe', env: pythonEnvironment }));
  }

  say(value: unknown): void {
    this.child.stdin!.write(`${JSON.stringify(value)}\n`);
  }

  /** The next line that it tells. */
  async next(): Promise<Line> {
    await until(`a line from Python (${this.stderr})`, () => this.lines.length > 0 || this.over);
    if (this.lines.length === 0) throw new Error(`Python has ended: ${this.stderr}`);
    return this.lines.shift()!;
  }

  async ask(value: unknown): Promise<Line> {
    this.say(value);
    return this.next();
  }

  async end(): Promise<void> {
    this.child.stdin!.end();
    this.child.kill();
    await until('the end of Python', () => this.over);
  }
}
