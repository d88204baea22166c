/** chrony, an NTP implementation of others, as the server of our client and as the client of our responder. */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Gateway } from 'tidelock/gateway';
import * as assert from 'uvu/assert';
import { test as uvuTest } from 'uvu';
import { systemClock, type Clock } from '../../dist/host/clock.js';
import type { Estimate } from '../../dist/host/time/client.js';
import { ask, type Answer } from '../../dist/host/time/query.js';
import { SntpResponder } from '../../dist/host/time/responder.js';
import { found, skipMissing } from '../support/skip.js';

// Debian puts it where only root looks.
process.env['PATH'] = `${process.env['PATH']}:/usr/sbin:/sbin`;
const test = found('chronyd', '--version') ? uvuTest : skipMissing(uvuTest, 'chrony');

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

/** A chronyd that serves this machine's time on loopback, sets no clock and needs no rights. */
async function withServer(lines: string, run: (port: number) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-chrony-'));
  const port = await freePort();
  const file = path.join(folder, 'chrony.conf');
  writeFileSync(file, `port ${port}\nbindaddress 127.0.0.1\nallow 127.0.0.1\ncmdport 0\nbindcmdaddress /\npidfile ${path.join(folder, 'pid')}\n${lines}\n`);
  const server = spawn('chronyd', ['-x', '-d', '-U', '-u', os.userInfo().username, '-f', file], { stdio: 'ignore' });
  try {
    await run(port);
  } finally {
    server.kill('SIGKILL');
    await once(server, 'exit');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Asks until the server stands. */
async function answerFrom(port: number): Promise<Answer> {
  for (;;) {
    const answer = await ask({ host: '127.0.0.1', port }, systemClock);
    if (answer.kind !== 'silent') return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test('our client asks chronyd: same machine, same clock', () =>
  withServer('local stratum 8', async (port) => {
    const answer = await answerFrom(port);
    assert.is(answer.kind, 'sample', JSON.stringify(answer));
    if (answer.kind !== 'sample') return;
    const { sample } = answer;
    assert.is(sample.stratum, 8);
    const error = systemClock.unix() - systemClock.now() - sample.base;
    // Node's wall clock has whole ms, and a busy machine is late for a packet: by the round trip at most.
    assert.ok(Math.abs(error) <= 3 + sample.bound, `${error} ms, ${sample.bound}`);
  }));

test('our client asks a chronyd that is not synchronised: refused', () =>
  withServer('', async (port) => {
    const answer = await answerFrom(port);
    assert.is(answer.kind, 'refused', JSON.stringify(answer));
  }));

test('a gateway whose clock is an hour ahead learns it from chronyd', () =>
  withServer('local stratum 8', async (port) => {
    await answerFrom(port);
    const clock: Clock = { now: () => systemClock.now(), unix: () => systemClock.unix() + 3_600_000, after: (...given) => systemClock.after(...given) };
    const gateway = await Gateway.listen({ devices: {}, listen: 'tidelock://127.0.0.1:0', sntp: `127.0.0.1:${port}`, clock });
    const [alarm] = (await once(gateway, 'alarm')) as [{ kind: string; text: string }];
    assert.is(alarm.kind, 'clock error');
    assert.match(alarm.text, /36000\d\d ms ahead|3599\d\d\d ms ahead/);
    assert.ok(Math.abs(gateway.counters().clockError! - 3_600_000) < 1_000);
    await gateway.close();
  }));

/** What `chronyd -Q` says of its machine's clock after asking our responder, in seconds; undefined: it does not follow us. */
async function chronyAsks(unix: () => number, estimate: (clock: Clock) => Estimate | undefined): Promise<number | undefined> {
  const clock: Clock = { now: () => systemClock.now(), unix, after: (...given) => systemClock.after(...given) };
  const responder = await SntpResponder.listen({ listen: { host: '127.0.0.1', port: 0 }, clock, estimate: () => estimate(clock), admit: () => true, failed: (error) => { throw error; } });
  const client = spawn('chronyd', ['-Q', '-t', '5', '-U', '-u', os.userInfo().username, `server 127.0.0.1 port ${responder.address.split(':')[1]} iburst maxsamples 1`, 'maxdistance 16', `pidfile ${path.join(os.tmpdir(), `tidelock-chrony-${process.pid}.pid`)}`]);
  let said = '';
  client.stderr.on('data', (text: Buffer) => (said += text.toString()));
  client.stdout.on('data', (text: Buffer) => (said += text.toString()));
  await once(client, 'close');
  assert.ok(responder.answered > 0, `chronyd asked nothing: ${said}`);
  await responder.close();
  const wrong = /System clock wrong by (-?[\d.]+) seconds/.exec(said);
  return wrong === null ? undefined : Number(wrong[1]);
}

const followed = (clock: Clock): Estimate => ({
  error: 0, bound: 2, servers: 1,
  source: { server: '192.0.2.1:123', address: '192.0.2.1', problem: undefined, denied: false, sample: { base: 0, delay: 1, bound: 2, at: clock.now(), leap: 0, stratum: 3, rootDelay: 0.001, rootDispersion: 0.001 } },
});

test('chronyd asks our responder: same clock, and one that is 100 s ahead', async () => {
  const same = await chronyAsks(() => Date.now(), followed);
  assert.ok(same !== undefined && Math.abs(same) < 0.5, `${same}`);
  const ahead = await chronyAsks(() => Date.now() + 100_000, followed);
  assert.ok(ahead !== undefined && Math.abs(ahead - 100) < 0.5, `${ahead}`);
});

test('chronyd asks our responder whose clock is beyond the roll-over of 2036', async () => {
  const unix = Date.parse('2036-02-08T00:00:00Z');
  const off = (unix - Date.now()) / 1_000;
  const wrong = await chronyAsks(() => Date.now() + off * 1_000, followed);
  assert.ok(wrong !== undefined && Math.abs(wrong - off) < 0.5, `${wrong}, not ${off}`);
});

test('chronyd does not follow our responder where it is not synchronised', async () => {
  assert.is(await chronyAsks(() => Date.now(), () => undefined), undefined);
});

uvuTest.run();
