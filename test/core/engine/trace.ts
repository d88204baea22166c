/**
 * A record of everything that a test did with a core, to be done again by the same core on another engine or board: where
 * TIDELOCK_TRACE names a folder, each build's calls go to a file in it, with what the host wrote into the memory before each, its
 * result, and a hash of the memory after it. One line each:
 *
 *   core NAME BYTES           a new instance; BYTES of memory are hashed, from address 0
 *   w ADDRESS HEX             the host writes
 *   c NAME RESULT HASH ARGS…  a call, its result (u32) and the FNV-1a hash of the memory behind it
 */
import { appendFileSync } from 'node:fs';
import path from 'node:path';

type Calls = Record<string, unknown> & { memory: WebAssembly.Memory };

const FOLDER = process.env['TIDELOCK_TRACE'];
/** A trace is being written: random runs are left out of it. */
export const tracing = FOLDER !== undefined;
/** Builds that run on microcontrollers. */
const TRACED = /^core-(device|legacy)/;
/** Inputs and outputs of the twins lie behind the core's own memory, below this. */
const TWIN_BYTES = 24_576;

/** The exports, or where a trace is wanted stand-ins of the same kind that write down what is done. */
export function traced<T extends object>(name: string, exports: T): T {
  if (FOLDER === undefined || !TRACED.test(name)) return exports;
  const { memory } = exports as unknown as Calls;
  const twin = name.endsWith('-test');
  const bytes = twin ? TWIN_BYTES : ((exports as Record<string, unknown>)['__heap_base'] as WebAssembly.Global).value as number;
  const lines: string[] = [`core ${name} ${bytes}`];
  let seen = new Uint8Array(memory.buffer.byteLength); // a fresh instance holds its data segments already: so does the other one
  seen.set(new Uint8Array(memory.buffer));
  const flush = (): void => {
    if (lines.length > 1) appendFileSync(path.join(FOLDER, `${name}.trace`), `${lines.join('\n')}\n`);
  };
  process.once('exit', flush);
  process.setMaxListeners(0);
  const call = (export_: string, run: (...args: number[]) => number) => (...args: number[]): number => {
    lines.push(...written(seen, new Uint8Array(memory.buffer), bytes, name));
    const result = run(...args);
    seen = new Uint8Array(memory.buffer).slice();
    lines.push(['c', export_, (result ?? 0) >>> 0, fnv(seen, bytes), ...args.map((arg) => arg >>> 0)].join(' '));
    return result;
  };
  return Object.fromEntries(
    Object.entries(exports).map(([key, value]) => [key, typeof value === 'function' ? call(key, value as (...args: number[]) => number) : value]),
  ) as T;
}

/** What the host has written since the last call, a line for each run of bytes. */
function written(before: Uint8Array, after: Uint8Array, limit: number, name: string): string[] {
  const lines: string[] = [];
  if (Buffer.compare(before, after) === 0) return lines;
  for (let at = 0; at < after.length; at++) {
    if (after[at] === (before[at] ?? 0)) continue;
    let end = at + 1;
    for (let same = 0, i = end; i < after.length && same < 8; i++) {
      if (after[i] === (before[i] ?? 0)) same++;
      else [same, end] = [0, i + 1];
    }
    if (end > limit) throw new Error(`${name}: the test writes at ${end}, the trace ends at ${limit}`);
    lines.push(`w ${at} ${Buffer.from(after.subarray(at, end)).toString('hex')}`);
    at = end;
  }
  return lines;
}

function fnv(bytes: Uint8Array, limit: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < limit; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash >>> 0;
}
