// One fuzzing run: a third raw mutations, a third frames under the right keys, a third calls. Stops at the first fault and
// says how to see it again.

import fc from 'fast-check';
import { calls } from './calls.js';
import { Coverage } from './coverage.js';
import { mutations } from './mutations.js';
import { underKeys } from './under-keys.js';

export interface Result {
  /** Inputs that were run. */
  inputs: number;
  /** What failed, and the seed and value to see it again. */
  failure?: string;
  missing: string[];
  report: string;
}

interface Kind<T> {
  arbitrary: fc.Arbitrary<T>;
  /** Returns how many inputs this value was. */
  run(value: T): number;
}

const BATCH = 200;

/** Runs values of one kind until `wanted` inputs are done. */
function fuzz<T>(name: string, kind: Kind<T>, wanted: number, seed: number): { inputs: number; failure?: string } {
  let inputs = 0;
  for (let batch = 0; inputs < wanted; batch++) {
    const outcome = fc.check(
      fc.property(kind.arbitrary, (value) => {
        if (inputs < wanted) inputs += kind.run(value);
      }),
      { numRuns: BATCH, seed: seed + batch },
    );
    if (outcome.failed) {
      return { inputs, failure: `${name}, seed ${seed + batch}: ${fc.stringify(outcome.counterexample)}\n${String((outcome.errorInstance as Error | null)?.stack)}` };
    }
  }
  return { inputs };
}

export function fuzzAll(runs: number, seed: number): Result {
  const coverage = new Coverage();
  try {
    const third = Math.ceil(runs / 3);
    let inputs = 0;
    for (const part of [
      () => fuzz('mutations', mutations, third, seed),
      () => fuzz('under the right keys', underKeys, third, seed),
      () => fuzz('calls', calls, third, seed),
    ]) {
      const { inputs: more, failure } = part();
      inputs += more;
      if (failure) return { inputs, failure, missing: [], report: coverage.report() };
    }
    return { inputs, missing: coverage.missing(), report: coverage.report() };
  } finally {
    coverage.close();
  }
}
