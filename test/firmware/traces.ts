/** What the core's own tests did with each build, line by line (test/core/engine/trace.ts): the input of a replay. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The test files whose calls run on every engine: all published vectors, in both files of test/vectors. */
const FILES = ['vectors', 'vectors-refused', 'primitives', 'primitives-legacy'];

let kept: Map<string, string> | undefined;

/** Build → trace, of every build for microcontrollers and its twin. */
export function traces(): Map<string, string> {
  if (kept !== undefined) return kept;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-trace-'));
  try {
    for (const file of FILES) {
      const test = fileURLToPath(new URL(`../core/${file}.test.ts`, import.meta.url));
      const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', test], { encoding: 'utf8', env: { ...process.env, TIDELOCK_TRACE: folder } });
      if (status !== 0) throw new Error(`${file}.test.ts, traced:\n${stdout}${stderr}`);
    }
    kept = new Map(readdirSync(folder).sort().map((name) => [name.replace('.trace', ''), readFileSync(path.join(folder, name), 'utf8')]));
  } finally {
    rmSync(folder, { recursive: true });
  }
  return kept;
}
