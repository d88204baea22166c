/** `npm run demo:mqtt` shows what it says, counts it, and cleans up after itself. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const DEMO = fileURLToPath(new URL('../demo/mqtt/demo.mjs', import.meta.url));

test('the broker, a device and the gateway are cut off in turn, and the counts are right', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-demo-test-'));
  const child = spawn(process.execPath, [DEMO], { env: { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder, NO_COLOR: '' }, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '', stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  assert.is(code, 0, stdout + stderr);
  assert.is(stderr, '');
  for (const shown of [
    '✓ the gateway goes on acknowledging: readings wait in its inbox', '✓ the broker is back, and gets what waited', '✓ pump-1 comes back',
    'gateway  SIGKILL', '✓ devices come back, readings flow again', '✓ no acknowledged reading was lost', '✓ no command was obeyed twice', '✓ every command has its end',
    'Everything held.',
  ]) assert.ok(stdout.includes(shown), `${shown}\nis not in\n${stdout}`);
  const [, sent, acknowledged, received] = /readings: (\d+) sent, (\d+) acknowledged, (\d+) received, \d+ repeated/.exec(stdout)!.map(Number);
  assert.ok(sent! > 100);
  assert.equal([acknowledged, received], [sent, sent]);
  assert.not.match(stdout, /✗|NOT SHOWN/);
  assert.equal(readdirSync(folder).filter((name) => name.startsWith('tidelock-')), [], 'its folder is removed');
  rmSync(folder, { recursive: true, force: true });
});

test.run();
