/** The test runner: see --help. One process a file, because uvu keeps its state in globals and a hang must not stop the rest. */
import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from './lib/root.mjs';
import { killAll, runJob } from './lib/run-job.mjs';
import { filesBelow } from './lib/stamp.mjs';
import { HELP, parseTestArguments } from './lib/test-args.mjs';

/** @typedef {import('./lib/run-job.mjs').Job} Job */
/** @typedef {import('./lib/run-job.mjs').Verdict} Verdict */

const QUICK_LIMIT = 240; // seconds; on an idle machine no quick file takes a tenth of it
const SLOW_LIMIT = 1200;

/** @param {string} file */
const isSlow = (file) => path.posix.basename(file).startsWith('slow-');

/**
 * @param {import('./lib/test-args.mjs').TestArguments} options
 * @returns {Job[]}
 */
function testJobs({ dir, patterns, without, slow, limit }) {
  return filesBelow(dir)
    .filter((file) => file.endsWith('.test.ts'))
    .filter((file) => !file.slice(dir.length).includes('/fixtures/'))
    .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
    .filter((file) => !without.some((part) => file.includes(part)))
    .filter((file) => slow || !isSlow(file) || patterns.some((pattern) => pattern.includes('slow-')))
    .sort((a, b) => Number(isSlow(b)) - Number(isSlow(a)) || a.localeCompare(b)) // the longest first
    .map((file) => ({
      name: file,
      args: ['--import', 'tsx', file],
      counts: true,
      limit: 1000 * (limit ?? (isSlow(file) ? SLOW_LIMIT : QUICK_LIMIT)),
    }));
}

/** @type {Job[]} */
const CHECKS = [
  { name: 'types (npm run typecheck)', args: ['scripts/typecheck.mjs'], counts: false, limit: 600_000 },
  { name: 'lint (npm run lint)', args: ['scripts/lint.mjs'], counts: false, limit: 600_000 },
];

/** @param {Verdict} verdict */
function print(verdict) {
  const { name, passed, failed, skipped, problems, skips, output, seconds } = verdict;
  const counts = [`${passed} passed`, ...(failed ? [`${failed} failed`] : []), ...(skipped ? [`${skipped} skipped`] : [])];
  console.log(`${failed ? 'FAILED' : 'ok    '} ${name}  ${counts.join(', ')}  ${seconds.toFixed(1)} s`);
  for (const { test, reason } of skips) console.log(`       skipped: ${test}: ${reason}`);
  for (const problem of problems) console.log(`       ${name} ${problem}`);
  if (failed && output) console.log(output.replace(/^/gm, '       | '));
}

/**
 * @param {Job[]} jobs
 * @param {number} width  jobs at once
 * @param {boolean} strict
 */
async function runAll(jobs, width, strict) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  const waiting = [...jobs];
  /** @type {string[]} */
  const failures = [];
  const worker = async () => {
    for (let job = waiting.shift(); job; job = waiting.shift()) {
      const verdict = await runJob(job, { strict });
      print(verdict);
      sum.passed += verdict.passed;
      sum.failed += verdict.failed;
      sum.skipped += verdict.skipped;
      if (verdict.failed) failures.push(verdict.name);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return { sum, failures };
}

async function main() {
  const options = parseTestArguments(process.argv.slice(2));
  if (options.help) {
    console.log(HELP.trimEnd());
    return 0;
  }
  const tests = testJobs(options);
  if (tests.length === 0) throw new Error(`no test file below ${options.dir} matches ${options.patterns.join(', ') || '*.test.ts'}`);
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.once(signal, () => {
      killAll();
      process.exit(128 + os.constants.signals[signal]);
    });
  }
  let broken = 0;
  if (options.build) {
    const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
    if (status !== 0) broken = 1; // the tests of what was built still tell something
  }
  const width = options.jobs ?? Math.min(os.availableParallelism(), 4);
  const { sum, failures } = await runAll([...(options.checks ? CHECKS : []), ...tests], width, Boolean(process.env['CI']));
  sum.failed += broken;
  if (broken) failures.unshift('build (npm run build)');
  if (failures.length > 0) console.log(`\nFailed: ${failures.join(', ')}`);
  if (options.totals) appendFileSync(options.totals, `${JSON.stringify(sum)}\n`);
  console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
  return sum.failed > 0 ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`tidelock: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 2;
}
