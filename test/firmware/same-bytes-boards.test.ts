/**
 * The same stream of bytes from Node's device and from the firmware on each board under each engine, given the same randomness, the
 * same clock and the same bytes from the gateway.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type BoardName, BOARDS } from '../../scripts/lib/firmware/boards.mjs';
import { type EngineName, buildImage } from '../../scripts/lib/firmware/image.mjs';
import { skipMissing } from '../support/skip.js';
import { BOARD_NAMES, CLIENT, ENGINE_NAMES, missingPart } from './images.js';
import { LINKS, STEPS, SUITES, play, sameBytes } from './scenes.js';
import { type Answer, answersOf, asInput } from './script.js';

function image(board: BoardName, engine: EngineName): Promise<string> {
  const wasmStack = board === 'host' ? 4_096 : 2_048; // bytes; a 64-bit host's frames are twice as large
  return buildImage({
    board, engine, core: 'core-device',
    sources: ['test/firmware/c/script.c', 'test/firmware/programs/script-board.c', ...CLIENT],
    defines: ['SCRIPT_ON_BOARD', `WASM_STACK=${wasmStack}`],
  });
}

/** The scene's commands, played by the program on its board. */
function answers(board: BoardName, program: string, commands: readonly string[]): Answer[] {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-scene-')), { qemu } = BOARDS[board];
  try {
    writeFileSync(path.join(folder, 'in'), asInput(commands));
    writeFileSync(path.join(folder, 'out'), '');
    const [command, ...words] = qemu ? [...qemu, '-kernel', program, '-display', 'none', '-monitor', 'none', '-serial', 'none'] : [program];
    const { status, signal, stdout, stderr } = spawnSync(command, words, { cwd: folder, encoding: 'utf8', timeout: 120_000 });
    assert.is(status, 0, `${signal ?? ''}${stdout}${stderr}`);
    return answersOf(readFileSync(path.join(folder, 'out'), 'latin1'), commands);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const board of BOARD_NAMES) {
  for (const engine of ENGINE_NAMES) {
    const missing = missingPart(board, engine), run = missing ? skipMissing(test, missing) : test;
    run(`${board}, ${engine}: byte for byte what Node's device puts out, on both links in every suite`, async () => {
      const program = await image(board, engine);
      for (const [, link] of LINKS) {
        for (const [, suites] of SUITES) {
          const seed = 9_000 + suites * 10 + link, played = await play(seed, link, suites, STEPS);
          sameBytes(played, answers(board, program, played.device.commands), link, seed);
        }
      }
    });
  }
}

test.run();
