// The tests of the core's vectors, as they run on Node, on each engine of one board: the published vectors of every primitive, and
// Tidelock/1's own, on core-device, core-device-small, core-device-hal and core-legacy.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { BoardName } from '../../scripts/lib/firmware/boards.mjs';
import { root } from '../../scripts/lib/root.mjs';
import { skipMissing } from '../support/skip.js';
import { ENGINE_NAMES, missingPart } from './images.js';

const FILES = ['test/core/vectors.test.ts', 'test/core/primitives.test.ts'];

function runFile(file: string, target: string): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, ['--import', 'tsx', path.join(root, file)], { cwd: root, env: { ...process.env, TIDELOCK_TEST_TARGET: target } });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (text += String(data)));
    child.on('error', fail);
    child.on('close', (code) => (code === 0 ? done(text) : fail(new Error(`${file} on ${target}:\n${text.slice(-4_000)}`))));
  });
}

export function coreVectors(board: BoardName): void {
  for (const engine of ENGINE_NAMES) {
    const missing = missingPart(board, engine);
    const run = missing ? skipMissing(test, missing) : test;
    for (const file of FILES) {
      run(`${board}, ${engine}: ${file}`, async () => {
        const text = await runFile(file, `${board}/${engine}`);
        const passed = Number(/Passed: +(\d+)/.exec(text)?.[1]);
        assert.ok(passed >= 18, `${passed} tests passed`);
        assert.not.match(text, /Skipped: +[1-9]/);
      });
    }
  }
  test.run();
}
