/** `tidelock serve --serial` and `tidelock device serial:…`, in processes of their own, over a pair of pseudo-terminals. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test as uvuTest } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../gateway/support.js';
import { found, skipMissing } from '../support/skip.js';
import { inPlace } from './harness.js';

const test = found('socat', '-V') ? uvuTest : skipMissing(uvuTest, 'socat');

test('lines of stdin go over a serial line and are printed by the gateway', () =>
  inPlace(async (place) => {
    const [near, far] = [place.path('gateway-end'), place.path('device-end')];
    const socat = spawn('socat', [`PTY,raw,echo=0,link=${near}`, `PTY,raw,echo=0,link=${far}`], { stdio: 'ignore' });
    try {
      await until('both terminals', () => existsSync(near) && existsSync(far));
      await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key']);
      const { gateway } = await place.serve(['--serial', `serial:${near}`]);
      const { code, stderr } = await place.run(['device', '--id', 'pump-7', '--key-file', 'pump-7.key', `serial:${far}`], { input: '21.5 °C\nsecond\n' });
      assert.is(code, 0, stderr);
      await gateway.line('stdout', /second$/);
      assert.equal(gateway.stdout.trimEnd().split('\n').map((line) => line.split('\t')[2]), ['21.5 °C', 'second']);
      assert.match(gateway.stderr, /"link":"serial"|device online/);
    } finally {
      socat.kill('SIGKILL');
    }
  }));

uvuTest('an address of another kind is no serial port', () =>
  inPlace(async (place) => {
    const { code, stderr } = await place.run(['serve', '--serial', 'tidelock://localhost']);
    assert.is(code, 2);
    assert.match(stderr, /--serial must be a serial port/);
  }));

uvuTest.run();
