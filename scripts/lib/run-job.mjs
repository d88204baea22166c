/** Runs one job (a test file, the linter …) in a process of its own, with a limit on its time, and judges it. */
import { killTree, startGroup } from './process-tree.mjs';
import { root } from './root.mjs';
import { TestOutput } from './test-output.mjs';

/**
 * @typedef {object} Job
 * @property {string} name  what it is called in the report, a path where it is a file
 * @property {string[]} args  of node
 * @property {boolean} counts  true: a uvu file, which must print totals; false: one check, by its exit code
 * @property {number} limit  ms
 */

/**
 * @typedef {object} Verdict
 * @property {string} name
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string[]} problems  why it failed, beyond what its output says
 * @property {import('./test-output.mjs').Skip[]} skips
 * @property {string} output
 * @property {number} seconds
 */

/** ms that a test file has to end once its tests are over; a failed one often leaves things open, and its limit would be waited for in vain. */
const LINGER = 30_000;

/** Children that run now; the runner's own end must end them, as they are in groups of their own. */
const running = new Set();

export function killAll() {
  for (const child of running) killTree(child);
}

/**
 * @param {Job} job
 * @param {{ after?: (ms: number, run: () => void) => () => void, strict?: boolean, env?: NodeJS.ProcessEnv }} [options]
 *   `after`: the timer of the limit, a test's own; `strict`: a skip for want of a part is a failure
 * @returns {Promise<Verdict>}
 */
export async function runJob(job, { after = timer, strict = false, env = process.env } = {}) {
  const started = performance.now();
  const output = new TestOutput();
  const child = startGroup(process.execPath, job.args, { cwd: root, env: { ...env, NO_COLOR: '1', FORCE_COLOR: '0' } });
  running.add(child);
  let timedOut = false, lingers = false;
  const kill = () => {
    timedOut = true;
    killTree(child);
  };
  const cancels = [after(job.limit, kill)];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk) => {
      output.add(chunk);
      if (lingers || output.totals.total === undefined) return;
      lingers = true;
      cancels.push(after(LINGER, kill));
    });
  }
  const { code, signal, error } = await ended(child);
  for (const cancel of cancels) cancel();
  running.delete(child);

  const problems = [];
  if (error) problems.push(`could not be started: ${error.message}`);
  else if (timedOut && output.totals.total !== undefined) {
    problems.push(`did not end within ${Math.min(LINGER, job.limit) / 1000} s although its tests were over: a socket, timer or process is still open`);
  } else if (timedOut) problems.push(`did not end within ${job.limit / 1000} s: killed, with all that it had started`);
  else if (signal) problems.push(`was killed by ${signal}`);
  const seconds = (performance.now() - started) / 1000;
  const count = job.counts ? countTests(output, code, problems, strict) : countCheck(code, problems);
  return { name: job.name, problems, skips: output.skips, output: output.text(), seconds, ...count };
}

/**
 * @param {TestOutput} output
 * @param {number | null} code
 * @param {string[]} problems  may get more
 * @param {boolean} strict
 */
function countTests(output, code, problems, strict) {
  const { total, passed = 0, skipped = 0 } = output.totals;
  if (total === undefined) {
    // Without test.run() uvu runs nothing and exits 0; a crash while loading prints no totals either.
    if (problems.length === 0) problems.push(`printed no totals (exit code ${code}): does it end with test.run()?`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  let failed = total - passed;
  if (total + skipped === 0) problems.push('holds no test');
  const nameless = skipped - output.skips.length;
  if (nameless > 0) problems.push(`skips ${nameless} without a reason: use test/support/skip.ts, and leave no test.only behind`);
  const missing = strict ? output.skips.filter((skip) => skip.missing).length : 0;
  if (missing > 0) problems.push(`skips ${missing} for want of a part that CI must have`);
  if (code !== 0 && failed === 0 && problems.length === 0) problems.push(`ended with exit code ${code} although its tests passed`);
  failed += missing;
  if (failed === 0 && problems.length > 0) failed = 1;
  return { passed, failed, skipped: Math.max(skipped, output.skips.length) - missing };
}

/**
 * @param {number | null} code
 * @param {string[]} problems
 */
function countCheck(code, problems) {
  const ok = code === 0 && problems.length === 0;
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
}

/**
 * The child's end, and the end of its output: what it left running is killed, because it would hold the pipes open.
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<{ code: number | null, signal: NodeJS.Signals | null, error?: Error }>}
 */
function ended(child) {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, error }));
    child.once('exit', () => killTree(child));
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

/**
 * @param {number} ms
 * @param {() => void} run
 */
function timer(ms, run) {
  const handle = setTimeout(run, ms);
  return () => clearTimeout(handle);
}
