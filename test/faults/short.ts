/**
 * The fault matrix of one link in its short form: some messages a cell, in virtual time. The whole is slow-faults.test.ts,
 * and test/faults/run.ts as a command.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nameOf, runCell } from './cell.js';
import type { LinkKind } from './links.js';
import { cells } from './matrix.js';

/** From the environment, to repeat a run. */
const SEED = Number(process.env['TIDELOCK_SEED'] ?? Date.now() % 100_000);
const MESSAGES = 100;

/** One test a cell. */
export function shortMatrix(link: LinkKind): void {
  cells().forEach((cell, i) => {
    if (cell.link !== link) return;
    const seed = SEED + i;
    test(`${nameOf(cell)}: what is acknowledged comes once and in order, and every end is true (seed ${seed})`, async () => {
      const { problems, acknowledged, lost, repeated } = await runCell(cell, { messages: MESSAGES, seed });
      assert.equal(problems, []);
      assert.ok(acknowledged >= MESSAGES);
      assert.is(lost + repeated, 0);
    });
  });
  test.run();
}
