// Fuzzes a conversation with a backend:  node --import tsx test/fuzz/backend.ts [--runs 1000000] [--seed N]

import { parseArgs } from 'node:util';
import { makeNoise } from '../cli/backend-noise.js';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '1000000' }, seed: { type: 'string' } } });
const runs = Number(values.runs);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) + 1 : Number(values.seed);
if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed)) {
  console.error('--runs and --seed want whole numbers');
  process.exit(2);
}
console.log(`${runs} lines, seed ${seed}`);
console.log(`${await makeNoise(runs, seed)} of them were wrong and told so`);
