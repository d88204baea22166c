/** `tidelock serve` that is told of its clock by time servers. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../dist/host/clock.js';
import { ask } from '../../dist/host/time/query.js';
import { FakeServer } from '../time/support.js';
import { inPlace } from './harness.js';

const test = suite('time');

test('--sntp and --sntp-listen: the log says how far the clock is off, and others are told the time', () =>
  inPlace(async (place) => {
    const server = await FakeServer.start(systemClock, -600_000);
    const { gateway } = await place.serve(['--sntp', server.text, '--sntp-listen', '127.0.0.1:0']);
    const off = JSON.parse(await gateway.line('stderr', /the clock of this machine is off/)) as { error: number };
    assert.ok(Math.abs(off.error - 600_000) < 60_000, `${off.error}`);
    const { address } = JSON.parse(await gateway.line('stderr', /answering SNTP/)) as { address: string };
    const [host, port] = address.split(':');
    const answer = await ask({ host: host!, port: Number(port) }, systemClock);
    assert.equal(answer.kind === 'kiss' ? answer.code : answer.kind, 'INIT', 'a clock that is off is not passed on');
    server.close();
  }));

test('--sntp-listen without --sntp is refused', () =>
  inPlace(async (place) => {
    const refused = await place.run(['serve', '--sntp-listen', '127.0.0.1:0'], {});
    assert.is(refused.code, 2, 'as of every fault of the configuration');
    assert.match(refused.stderr, /CONFIG_INVALID: .*--sntp-listen needs --sntp/);
  }));

test.run();
