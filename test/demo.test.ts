/** `npm run demo` shows what it says, within a minute, and cleans up after itself. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { skip } from './support/skip.js';

const test = suite('demo');
const onPosix = process.platform !== 'win32' ? test : skip(test, 'signals are POSIX');
const DEMO = fileURLToPath(new URL('../demo/demo.mjs', import.meta.url));

interface Demo {
  child: ChildProcess;
  /** Everything on stdout so far. */
  text: () => string;
  /** Fulfilled once stdout holds this. */
  until: (text: string) => Promise<void>;
  ended: Promise<{ code: number | null; stderr: string }>;
}

async function withDemo(run: (demo: Demo, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-demo-test-'));
  const environment = { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder, NO_COLOR: '' };
  const child = spawn(process.execPath, [DEMO], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  const looks = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const look of looks) look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stderr }));
  const until = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!stdout.includes(text)) return;
        looks.delete(look);
        resolve();
      };
      looks.add(look);
      look();
      void ended.then(() => reject(new Error(`the demo ended without "${text}":\n${stdout}${stderr}`)));
    });
  try {
    await run({ child, text: () => stdout, until, ended }, folder);
  } finally {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

test('every claim holds and is printed', () =>
  withDemo(async ({ text, ended }, folder) => {
    const { code, stderr } = await ended;
    assert.is(code, 0, text() + stderr);
    assert.is(stderr, '');
    for (const shown of [
      '✓ a session stands: both sides are genuine, every frame is sealed',
      '✓ 142 bytes set it up',
      '✓ three readings acknowledged, in order, after their commit',
      '✓ "valve open" was obeyed, and the gateway knows it',
      'wire     flips one bit of the next reading',
      '✓ the changed frame was refused',
      'wire     passes a reading on twice',
      '✓ the copy was refused',
      'gateway  refused: bad tag',
      '✓ the device came back by itself, and nothing was lost',
      'gateway  refused: bad proof',
      '✓ the old proof opened nothing',
      'gateway  refused: stale',
      '✓ the late frame was refused',
      '✓ every reading once and in order',
      'Everything held, in ',
    ]) {
      assert.ok(text().includes(shown), `${shown}\nis not in\n${text()}`);
    }
    assert.not.match(text(), /✗|NOT SHOWN/);
    // No terminal, no colours.
     
    assert.not.match(text(), /\x1b/);
    assert.equal(readdirSync(folder).filter((name) => name.startsWith('tidelock-')), [], 'its folder is removed');
  }));

test('without a build it says what to run', () => {
  const copy = mkdtempSync(path.join(os.tmpdir(), 'tidelock-demo-copy-'));
  cpSync(path.dirname(DEMO), copy, { recursive: true });
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(copy, 'demo.mjs')], { encoding: 'utf8' });
  rmSync(copy, { recursive: true, force: true });
  assert.is(status, 1);
  assert.is(stdout, '');
  assert.match(stderr, /^The package is not built here\. Run `npm ci`, or `npm run build`/);
});

onPosix('Ctrl-C ends it cleanly, device and folder too', () =>
  withDemo(async ({ child, until, text, ended }, folder) => {
    await until('is online');
    child.kill('SIGINT');
    const { code, stderr } = await ended; // 'close': nobody holds its stdout any more, so the device has ended as well
    assert.is(code, 130, text() + stderr);
    assert.is(stderr, '');
    assert.equal(readdirSync(folder).filter((name) => name.startsWith('tidelock-')), []);
  }));

test.run();
