// A core that runs on a board in QEMU, or under an engine on this machine, in the shape of a WebAssembly instance: exports to
// call, and a memory that is a copy of the one over there, brought up to date with every call. Everything is synchronous, as
// WebAssembly is, so that the tests of the core need not know: the bytes go through a pair of named pipes.
//
// One instance a program is alive at a time: a new one ends the one before.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type BoardName, BOARDS } from '../../scripts/lib/firmware/boards.mjs';
import type { EngineName } from '../../scripts/lib/firmware/image.mjs';

export interface Target {
  board: BoardName;
  engine: EngineName;
}

/** `rv32/wasm2c`, as TIDELOCK_TEST_TARGET names where the core's tests run their cores; undefined: on Node. */
export function targetOf(text: string | undefined): Target | undefined {
  if (!text) return undefined;
  const [board, engine] = text.split('/') as [BoardName, EngineName];
  if (!(board in BOARDS)) throw new Error(`TIDELOCK_TEST_TARGET=${text}: no such board`);
  return { board, engine };
}

const LIMIT = 30_000; // ms without a byte; a board answers within milliseconds
const TRAP = -35;
const pause = new Int32Array(new SharedArrayBuffer(4));

/** A program on a board, and the bytes to and from it. */
class Line {
  private static readonly endings: (() => void)[] = [];
  private readonly folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-board-'));
  private readonly input: number;
  private readonly output: number;
  private readonly child: ChildProcess;
  private readonly buffer = Buffer.alloc(65_536);
  private from = 0;
  private to = 0;

  constructor(board: BoardName, private readonly image: string) {
    const [input, output] = ['in', 'out'].map((name) => path.join(this.folder, name)) as [string, string];
    spawnSync('mkfifo', [input, output]);
    const qemu = BOARDS[board].qemu;
    // For reading and writing: so neither opening blocks, whoever comes first.
    this.input = openSync(input, constants.O_RDWR);
    this.output = openSync(output, constants.O_RDWR | constants.O_NONBLOCK);
    const [command, ...words] = qemu ? [...qemu, '-kernel', image, '-display', 'none', '-monitor', 'none', '-serial', 'none'] : [image];
    this.child = spawn(command, words, { stdio: ['ignore', 'inherit', 'inherit'], cwd: this.folder });
    this.child.unref();
    Line.endings.push(() => {
      this.child.kill('SIGKILL');
      closeSync(this.input);
      closeSync(this.output);
      rmSync(this.folder, { recursive: true, force: true });
    });
    if (Line.endings.length === 1) process.on('exit', () => Line.endings.forEach((end) => end()));
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.input, bytes, at);
  }

  /** True where the process is gone or a zombie; its end is told to nobody while we wait. */
  private ended(): boolean {
    try {
      return /\) Z /.test(readFileSync(`/proc/${this.child.pid}/stat`, 'latin1'));
    } catch {
      return true;
    }
  }

  private byte(): number {
    const deadline = Date.now() + LIMIT;
    for (let tries = 0; this.from === this.to; tries++) {
      try {
        this.to = readSync(this.output, this.buffer);
        this.from = 0;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        if (tries % 500 === 499 && this.ended()) throw new Error(`${path.basename(this.image)} has ended, see its output`);
        if (Date.now() > deadline) throw new Error(`${path.basename(this.image)} gave no answer within ${LIMIT / 1000} s`);
        Atomics.wait(pause, 0, 0, tries < 100 ? 0.1 : 2);
      }
    }
    return this.buffer[this.from++]!;
  }

  read(bytes: number): Buffer {
    return Buffer.from(Array.from({ length: bytes }, () => this.byte()));
  }

  u32(): number {
    return this.read(4).readUInt32LE();
  }
}

export class Trap extends Error {}

/** The exports of one instance, by name; `memory.buffer` is the copy. */
export class RemoteInstance {
  private static readonly lines = new Map<string, Line>();
  private static readonly alive = new Map<Line, RemoteInstance>();
  readonly memory: { buffer: ArrayBuffer; grow(pages: number): number };
  private readonly line: Line;
  /** The memory as it stands over there. */
  private readonly there: Uint8Array;
  private readonly handles = new Map<string, number>();

  constructor(board: BoardName, image: string) {
    let line = RemoteInstance.lines.get(image);
    if (!line) RemoteInstance.lines.set(image, (line = new Line(board, image)));
    this.line = line;
    RemoteInstance.alive.set(line, this);
    line.write(Buffer.from('O'));
    const status = line.u32() | 0;
    const bytes = line.u32();
    if (status !== 0) throw new Error(`${path.basename(image)}: opening the engine failed with ${status}`);
    this.there = new Uint8Array(line.read(bytes));
    this.memory = {
      buffer: this.there.slice().buffer,
      grow: () => {
        throw new RangeError(`the memory over there has ${bytes} bytes and does not grow`);
      },
    };
  }

  /** Calls an export, `repeats` times with the same arguments; gives the last result. */
  call(name: string, args: number[], repeats = 1): number {
    const { line } = this;
    if (RemoteInstance.alive.get(line) !== this) throw new Error('this instance is gone: another one was begun');
    const head = Buffer.alloc(3 + 4 * args.length + 4);
    head.write('C', 'latin1');
    head[1] = this.handle(name);
    head[2] = args.length;
    args.forEach((value, i) => head.writeUInt32LE(value >>> 0, 3 + 4 * i));
    head.writeUInt32LE(repeats, 3 + 4 * args.length);
    line.write(Buffer.concat([head, ...this.writes()]));
    const status = line.u32() | 0;
    const result = line.u32() | 0;
    const here = new Uint8Array(this.memory.buffer);
    for (;;) {
      const at = line.u32(), bytes = line.read(2).readUInt16LE();
      if (bytes === 0) break;
      const contents = line.read(bytes);
      here.set(contents, at);
      this.there.set(contents, at);
    }
    if (status === TRAP) throw new Trap(`${name} trapped`);
    if (status !== 0) throw new Error(`calling ${name} failed with ${status}`);
    return result;
  }

  private handle(name: string): number {
    let handle = this.handles.get(name);
    if (handle === undefined) {
      this.line.write(Buffer.from(`E${String.fromCharCode(name.length)}${name}`, 'latin1'));
      handle = this.line.u32() | 0;
      if (handle < 0) throw new TypeError(`this build has no export ${name}`);
      this.handles.set(name, handle);
    }
    return handle;
  }

  /** What was written here since the last call. */
  private *writes(): Generator<Buffer> {
    const here = Buffer.from(this.memory.buffer), there = Buffer.from(this.there.buffer);
    const run = (at: number, bytes: number) => {
      const head = Buffer.alloc(6);
      head.writeUInt32LE(at, 0);
      head.writeUInt16LE(bytes, 4);
      return head;
    };
    for (let at = 0; at < here.length; ) {
      if (at % 64 === 0 && at + 64 <= here.length && here.compare(there, at, at + 64, at, at + 64) === 0) {
        at += 64;
      } else if (here[at] === there[at]) {
        at++;
      } else {
        let end = at + 1;
        for (let next = end; next < here.length && next < end + 8 && next - at < 0xff00; next++) if (here[next] !== there[next]) end = next + 1;
        yield run(at, end - at);
        yield Buffer.from(here.subarray(at, end));
        here.copy(there, at, at, end);
        at = end;
      }
    }
    yield run(0, 0);
  }
}
