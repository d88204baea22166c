/**
 * The fault matrix in its short form: some hundreds of messages a cell in virtual time. The whole is slow-faults.test.ts,
 * and test/faults/run.ts as a command.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nameOf, runCell } from './cell.js';
import { cells } from './matrix.js';

/** From the environment, to repeat a run. */
const SEED = Number(process.env['TIDELOCK_SEED'] ?? Date.now() % 100_000);
const MESSAGES = 150;

cells().forEach((cell, i) => {
  const seed = SEED + i;
  test(`${nameOf(cell)}: what is acknowledged comes once and in order, and every end is true (seed ${SEED})`, async () => {
    const { problems, acknowledged, lost, repeated } = await runCell(cell, { messages: MESSAGES, seed });
    assert.equal(problems, []);
    assert.ok(acknowledged >= MESSAGES);
    assert.is(lost + repeated, 0);
  });
});

test.run();
