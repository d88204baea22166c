// Fuzzes the core:  node --import tsx test/fuzz/run.ts [--runs 1000000] [--seed N]
// Ends with 1 where anything failed, or where the run has not reached every status, event and refusal.

import { parseArgs } from 'node:util';
import { fuzzAll } from './fuzz.js';

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    console.error(`--${name} wants a whole number above 0, not ${text}`);
    process.exit(2);
  }
  return value;
}

const { values } = parseArgs({ options: { runs: { type: 'string', default: '1000000' }, seed: { type: 'string' } } });
const runs = whole('runs', values.runs);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) + 1 : whole('seed', values.seed);
const { inputs, failure, missing, report } = fuzzAll(runs, seed);
console.log(`${inputs} inputs, seed ${seed}`);
console.log(report);
if (failure) console.error(`failed: ${failure}`);
if (missing.length > 0) console.error(`never reached: ${missing.join(', ')}`);
process.exitCode = failure || missing.length > 0 ? 1 : 0;
