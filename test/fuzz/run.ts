/** Fuzzing as a command: see --help. */

import { optionsOf, whole } from '../support/options.js';
import { fuzzAll } from './fuzz.js';
import { fuzzTarget, loadTargets } from './target.js';

const HELP = `Fuzzes the core, or a target that takes bytes of strangers (test/fuzz/targets/). Prints how many inputs there were and the seed; ends with 1 where
anything failed, or where the run on the core has not reached every status, event and refusal.

  node --import tsx test/fuzz/run.ts [--runs 1000000] [--seed N] [--target NAME …]

  --runs N       inputs, of each target (default 1000000)
  --seed N       the same seed makes the same inputs (default: another each time)
  --target NAME  a target, or several whose names begin so: decode, tcp, tls, udp, sntp …; all: every one (default: the core)
`;

/** ms between words about how far it is. */
const PROGRESS_MS = 10_000;

function fuzzCore(runs: number, seed: number): boolean {
  const { inputs, failure, missing, report } = fuzzAll(runs, seed);
  console.log(`${inputs} inputs, seed ${seed}`);
  console.log(report);
  if (failure) console.error(`failed: ${failure}`);
  if (missing.length > 0) console.error(`never reached: ${missing.join(', ')}`);
  return failure === undefined && missing.length === 0;
}

async function fuzzTargets(names: readonly string[], runs: number, seed: number): Promise<boolean> {
  const all = await loadTargets();
  const chosen = all.filter(({ name }) => names.some((wanted) => wanted === 'all' || name === wanted || name.startsWith(`${wanted}-`)));
  if (chosen.length === 0) {
    console.error(`no target ${names.join(', ')}; there are: ${all.map(({ name }) => name).join(', ')}`);
    return false;
  }
  let held = true;
  for (const target of chosen) {
    const started = performance.now();
    let last = started;
    const { inputs, failure } = await fuzzTarget(target, runs, seed, undefined, (done) => {
      if (performance.now() - last < PROGRESS_MS) return;
      last = performance.now();
      console.error(`${target.name}: ${done} of ${runs}, ${Math.round(done / ((last - started) / 1000))} a second`);
    });
    const rate = Math.round(inputs / ((performance.now() - started) / 1000));
    console.log(`${target.name}: ${inputs} inputs, seed ${seed}, ${rate} a second`);
    if (failure) console.error(`failed: ${failure}`);
    held &&= failure === undefined;
  }
  return held;
}

const values = optionsOf(HELP, { runs: { type: 'string', default: '1000000' }, seed: { type: 'string' }, target: { type: 'string', multiple: true } });
const runs = whole('runs', values.runs);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) + 1 : whole('seed', values.seed);
process.exitCode = (values.target === undefined ? fuzzCore(runs, seed) : await fuzzTargets(values.target, runs, seed)) ? 0 : 1;
