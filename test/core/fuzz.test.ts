// A short fuzzing run; test/fuzz/run.ts makes long ones.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fuzzAll } from '../fuzz/fuzz.js';

test('9,000 inputs: nothing fails, and every status, event and refusal occurs', () => {
  const { inputs, failure, missing } = fuzzAll(9_000, 8_433);
  assert.is(failure, undefined);
  assert.equal(missing, []);
  assert.ok(inputs >= 9_000);
});

test.run();
