/** The whole fault matrix: 100,000 acknowledged messages, none lost, none twice. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cells, runMatrix, total } from './matrix.js';

const SEED = Number(process.env['TIDELOCK_SEED'] ?? Date.now() % 100_000);
const MESSAGES = 100_000;

test(`of ${MESSAGES} acknowledged messages none is lost and none comes twice (seed ${SEED})`, async () => {
  const results = await runMatrix(cells(), { messages: MESSAGES, seed: SEED }, () => undefined);
  const { problems, acknowledged, received, lost, repeated, strikes, sessions } = total(results);
  assert.equal(problems, []);
  assert.ok(acknowledged >= MESSAGES);
  assert.is(lost + repeated, 0);
  console.log(`seed ${SEED}: ${acknowledged} acknowledged, ${received} received, ${strikes} faults, ${sessions} sessions, ${results.length} cells`);
});

test.run();
