/** The runner, run as users run it, on files with planted faults. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Run {
  code: number | null;
  out: string;
  last: string;
}

function run(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const environment = { ...process.env, ...env };
  if (!('CI' in env)) delete environment['CI'];
  const child = spawn(process.execPath, ['scripts/test.mjs', '--only', '--no-build', '--dir', 'test/runner/fixtures', ...args], {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (out += text));
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, out, last: out.trimEnd().split('\n').at(-1) ?? '' }));
  });
}

test('passes what passes, and ends with the line of totals', async () => {
  const { code, out, last } = await run(['fixtures/passes']);
  assert.is(last, '2 passed, 0 failed, 0 skipped', out);
  assert.is(code, 0);
});

test('a planted failure fails the run, with its output', async () => {
  const { code, out, last } = await run(['fixtures/fails', 'fixtures/passes']);
  assert.is(last, '3 passed, 1 failed, 0 skipped', out);
  assert.is(code, 1);
  assert.match(out, 'planted failure');
  assert.match(out, 'Failed: test/runner/fixtures/fails.test.ts');
});

test('what is left out does not run, a pattern or not', async () => {
  const { code, out, last } = await run(['fixtures/fails', 'fixtures/passes', '--without', 'fixtures/fa', '--without', 'nothing']);
  assert.is(last, '2 passed, 0 failed, 0 skipped', out);
  assert.is(code, 0);
});

test('a planted hang is ended at its limit, and named', async () => {
  const { code, out, last } = await run(['fixtures/hangs', '--limit', '2']);
  assert.is(last, '0 passed, 1 failed, 0 skipped', out);
  assert.is(code, 1);
  assert.match(out, 'fixtures/hangs.test.ts did not end within 2 s');
});

for (const [file, says] of [
  ['silent', 'printed no totals (exit code 0): does it end with test.run()?'],
  ['empty', 'holds no test'],
  ['crashes', 'planted crash'],
  ['stops-early', 'printed no totals'],
] as const) {
  test(`${file}: a file that tests nothing fails`, async () => {
    const { code, out, last } = await run([`fixtures/${file}`]);
    assert.is(last, '0 passed, 1 failed, 0 skipped', out);
    assert.is(code, 1);
    assert.ok(out.includes(says), out);
  });
}

test('a file that fails after its tests have passed fails', async () => {
  const { code, out, last } = await run(['fixtures/late-crash']);
  assert.is(last, '1 passed, 1 failed, 0 skipped', out);
  assert.is(code, 1);
  assert.match(out, 'planted late crash');
});

test('a child that a file leaves behind holds nothing up', async () => {
  const { code, out, last } = await run(['fixtures/leaves-child']);
  assert.is(last, '1 passed, 0 failed, 0 skipped', out);
  assert.is(code, 0);
});

test('skips are counted, with their reasons', async () => {
  const { code, out, last } = await run(['fixtures/skips.']);
  assert.is(last, '1 passed, 0 failed, 2 skipped', out);
  assert.is(code, 0);
  assert.match(out, 'skipped: elsewhere: only on another system');
  assert.match(out, 'skipped: with the part: needs a part');
});

test('in CI a skip for want of a part has failed, one for the system has not', async () => {
  const { code, out, last } = await run(['fixtures/skips.'], { CI: 'true' });
  assert.is(last, '1 passed, 1 failed, 1 skipped', out);
  assert.is(code, 1);
  assert.match(out, 'for want of a part');
});

test('a skip without a reason fails', async () => {
  const { code, out, last } = await run(['fixtures/skips-silently']);
  assert.is(last, '1 passed, 1 failed, 1 skipped', out);
  assert.is(code, 1);
  assert.match(out, 'without a reason');
});

test('slow files run when asked for', async () => {
  const quick = await run(['passes']);
  assert.is(quick.last, '2 passed, 0 failed, 0 skipped', quick.out);
  const slow = await run(['passes', '--slow']);
  assert.is(slow.last, '3 passed, 0 failed, 0 skipped', slow.out);
});

test('no file, a wrong option or a wrong number is an error, not a success', async () => {
  for (const [args, says] of [
    [['no-such-file'], 'no test file below test/runner/fixtures matches no-such-file'],
    [['--colour'], "Unknown option '--colour'"],
    [['--limit', 'soon'], '--limit takes a number above 0, not "soon"'],
  ] as const) {
    const { code, out } = await run([...args]);
    assert.is(code, 2, out);
    assert.ok(out.includes(says), out);
    assert.not.match(out, /\n {4}at /, 'no stack trace');
  }
});

test('--help', async () => {
  const { code, out } = await run(['--help']);
  assert.is(code, 0);
  assert.match(out, 'Usage: npm test');
});

test.run();
