/** One job with a limit that the test fires itself: what is killed, and what is said. */
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runJob, type Job } from '../../scripts/lib/run-job.mjs';
import { TestOutput } from '../../scripts/lib/test-output.mjs';

/** Runs a fixture whose limit is reached when `text` has been printed. */
async function timeOutAt(file: string, text: RegExp) {
  const job: Job = { name: file, args: ['--import', 'tsx', `test/runner/fixtures/${file}`], counts: true, limit: 5000 };
  let seen: RegExpExecArray | null = null;
  const verdict = await runJob(job, {
    after: (ms, run) => {
      if (ms !== 5000) return () => undefined;
      const add = TestOutput.prototype.add;
      TestOutput.prototype.add = function (this: TestOutput, chunk: string) {
        add.call(this, chunk);
        seen ??= text.exec(this.text());
        if (seen) run();
      };
      return () => {
        TestOutput.prototype.add = add;
      };
    },
  });
  return { verdict, seen: seen as RegExpExecArray | null };
}

async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 1000; tries++) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await sleep(10); // the kernel reaps it when its new parent gets to it
  }
  return false;
}

test('a hang is killed together with a child in a group of its own', async () => {
  const { verdict, seen } = await timeOutAt('hangs.test.ts', /^child (\d+)$/m);
  assert.is(verdict.failed, 1);
  assert.is(verdict.problems[0], 'did not end within 5 s: killed, with all that it had started');
  assert.ok(await isGone(Number(seen?.[1])), 'the child lives on');
});

test('a file that stays open after its tests fails, and says why', async () => {
  const { verdict } = await timeOutAt('lingers.test.ts', /Duration/);
  assert.is(verdict.passed, 1);
  assert.is(verdict.failed, 1);
  assert.match(verdict.problems[0] ?? '', 'although its tests were over');
});

test('a file whose tests are over has 30 s to end, whatever its limit is', async () => {
  const job: Job = { name: 'lingers', args: ['--import', 'tsx', 'test/runner/fixtures/lingers.test.ts'], counts: true, limit: 240_000 };
  const asked: number[] = [];
  const verdict = await runJob(job, {
    after: (ms, run) => {
      asked.push(ms);
      if (ms === 30_000) setImmediate(run);
      return () => undefined;
    },
  });
  assert.equal(asked, [240_000, 30_000]);
  assert.is(verdict.problems[0], 'did not end within 30 s although its tests were over: a socket, timer or process is still open');
});

test('endless output is kept within bounds, the totals at its end are read', () => {
  const output = new TestOutput();
  for (let line = 0; line < 100_000; line++) output.add(`line ${line} of very many\n`);
  output.add('  Total:     3\n  Passed:  ');
  output.add('  2\n  Skipped:   1\n');
  assert.equal(output.totals, { total: 3, passed: 2, skipped: 1 });
  assert.ok(output.text().length < 300_000);
  assert.match(output.text(), 'the beginning is left out');
});

test.run();
