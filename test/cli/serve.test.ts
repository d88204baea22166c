/** `tidelock serve`: a line a message, done once written; it ends in order, whoever ends it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { statSync, existsSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COMMAND, inPlace, jsonLines, posix, type Place } from './harness.js';
import { skip } from '../support/skip.js';

const test = suite('serve');
const onPosix = posix ? test : skip(test, 'signals, modes and sockets in the file system are POSIX');

async function addDevice(place: Place, id = 'pump-7'): Promise<void> {
  const { code, stderr } = await place.run(['devices', 'add', id, '--key-file', `${id}.key`]);
  assert.is(code, 0, stderr);
}

/** Sends each text from a device of its own; fulfilled when all are acknowledged. */
async function send(place: Place, url: string, input: string | Buffer, id = 'pump-7'): Promise<void> {
  const { code, stderr } = await place.run(['device', '--id', id, '--key-file', `${id}.key`, url], { input });
  assert.is(code, 0, stderr);
}

test('a message is a line: device, time, text', () =>
  inPlace(async (place) => {
    await addDevice(place);
    const { gateway, url } = await place.serve();
    const before = Date.now();
    await send(place, url, '21.5 °C\nsecond\n');
    await gateway.line('stdout', /second$/);
    const lines = gateway.stdout.trimEnd().split('\n').map((line) => line.split('\t'));
    assert.equal(lines.map(([device]) => device), ['pump-7', 'pump-7']);
    assert.equal(lines.map(([, , text]) => text), ['21.5 °C', 'second']);
    for (const [, time] of lines) {
      const taken = Date.parse(time!);
      assert.ok(taken >= before - 1_000 && taken <= Date.now() + 1_000, `${time} is the time of now`);
    }
  }));

test('with --json it is an object with a stable id', () =>
  inPlace(async (place) => {
    await addDevice(place);
    const { gateway, url } = await place.serve(['--json']);
    await send(place, url, Buffer.concat([Buffer.from('text\n'), Buffer.from([0xff, 0x00, 10])]));
    await gateway.line('stdout', /base64/);
    const [first, second] = jsonLines(gateway.stdout);
    assert.is(first!['text'], 'text');
    assert.is(second!['base64'], Buffer.from([0xff, 0x00]).toString('base64'));
    assert.match(String(first!['id']), /^pump-7#[0-9a-f]+-\d+$/);
    assert.is.not(first!['id'], second!['id']);
  }));

test('hostile text cannot reach the terminal as anything but text', () =>
  inPlace(async (place) => {
    await addDevice(place);
    const { gateway, url } = await place.serve();
    await send(place, url, '\x1b]0;owned\x07\x1b[2J\u009b31m\u202eevil\ttab\r.\n');
    const line = await gateway.line('stdout', /owned/);
    assert.ok(line.endsWith('\t\\x1b]0;owned\\x07\\x1b[2J\\u{9b}31m\\u{202e}evil\\ttab\\r.'), JSON.stringify(line));
  }));

test('a printed message is done: it does not come again; with --keep it does', () =>
  inPlace(async (place) => {
    await addDevice(place);
    const first = await place.serve(['--keep']);
    await send(place, first.url, 'kept\n');
    await first.gateway.line('stdout', /kept$/);
    first.gateway.signal('SIGTERM');
    assert.is((await first.gateway.ended()).code, 0);
    const second = await place.serve();
    await second.gateway.line('stdout', /kept$/);
    await send(place, second.url, 'other\n');
    await second.gateway.line('stdout', /other$/);
    second.gateway.signal('SIGTERM');
    assert.is((await second.gateway.ended()).code, 0);
    const third = await place.serve();
    await send(place, third.url, 'last\n');
    await third.gateway.line('stdout', /last$/);
    assert.not.match(third.gateway.stdout, /kept|other/);
  }));

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  onPosix(`${signal} finishes what was accepted, tells the devices, and exits with 0`, () =>
    inPlace(async (place) => {
      await addDevice(place);
      const { gateway, url } = await place.serve();
      const device = place.start(['device', '--listen', '--json', '--id', 'pump-7', '--key-file', 'pump-7.key', url]);
      await device.line('stderr', /"state":"online"/);
      gateway.signal(signal);
      const { code, stderr } = await gateway.ended();
      assert.is(code, 0, stderr);
      assert.match(await device.line('stderr', /"state":"waiting"/), /going away/);
      assert.not(existsSync(place.path('tidelock.db.control/gateway.sock')), 'the control socket is gone');
    }));
}

onPosix('a reader that goes away ends it cleanly, and what it did not get is not marked done', () =>
  inPlace(async (place) => {
    await addDevice(place);
    const { gateway, url } = await place.serve();
    gateway.child.stdout!.destroy();
    await send(place, url, 'lost\n');
    const { code, stderr } = await gateway.ended();
    assert.is(code, 0, stderr);
    assert.match(stderr, /reader of stdout has gone/);
    const again = await place.serve();
    await again.gateway.line('stdout', /lost$/);
  }));

onPosix('a reader that stands still holds up neither the devices nor the end, and loses nothing', () =>
  inPlace(async (place) => {
    await addDevice(place);
    const { gateway, url } = await place.serve();
    gateway.child.stdout!.pause();
    // More than a pipe and Node's buffers hold.
    const many = Array.from({ length: 300 }, (_, index) => `${index}:${'x'.repeat(1_000)}`);
    await send(place, url, `${many.join('\n')}\n`);
    gateway.signal('SIGTERM');
    await once(gateway.child, 'exit');
    assert.is(gateway.child.exitCode, 0);
    gateway.child.stdout!.resume();
    await gateway.ended();
    const again = await place.serve();
    await again.gateway.line('stdout', /\t299:/);
    const seen = new Set([...`${gateway.stdout}\n${again.gateway.stdout}`.matchAll(/\t(\d+):x{1000}(?=\n)/g)].map(([, index]) => index));
    assert.is(seen.size, 300);
  }));

onPosix('a second signal ends it at once', () =>
  inPlace(async (place) => {
    await addDevice(place);
    const { gateway, url } = await place.serve(['--drain', '600000']);
    // A device that is stopped never takes its command, so the drain goes on.
    const device = place.start(['device', '--listen', '--json', '--id', 'pump-7', '--key-file', 'pump-7.key', url]);
    await device.line('stderr', /"state":"online"/);
    device.signal('SIGSTOP');
    assert.is((await place.run(['send', 'pump-7', 'never taken'])).code, 0);
    gateway.signal('SIGTERM');
    await gateway.line('stderr', /stopping/);
    gateway.signal('SIGTERM');
    const { code, signal } = await gateway.ended();
    assert.equal([code, signal], [143, null]);
    device.signal('SIGCONT');
  }));

onPosix('the control socket is for its owner alone', () =>
  inPlace(async (place) => {
    await place.serve();
    assert.is(statSync(place.path('tidelock.db.control/gateway.sock')).mode & 0o777, 0o600);
    assert.is(statSync(place.path('tidelock.db.control')).mode & 0o777, 0o700);
  }));

test('a second gateway on the same database is refused', () =>
  inPlace(async (place) => {
    await place.serve();
    const second = await place.run(['serve', '--listen', 'tidelock://127.0.0.1:0']);
    assert.is(second.code, 1);
    assert.match(second.stderr, /GATEWAY_RUNNING/);
    const hidden = await place.run(['serve', '--listen', 'tidelock://127.0.0.1:0', '--control', place.path('own/other.sock')]);
    assert.is(hidden.code, 1);
    assert.match(hidden.stderr, /DATABASE_LOCKED/);
  }));

test('a port that is taken', () =>
  inPlace(async (place) => {
    const other = net.createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as net.AddressInfo;
    const { code, stderr } = await place.run(['serve', '--listen', `tidelock://127.0.0.1:${port}`]);
    other.close();
    assert.is(code, 1);
    assert.match(stderr, new RegExp(`^tidelock: PORT_IN_USE: port ${port} at 127\\.0\\.0\\.1 is in use by another program\\.\n {2}→ `, 'm'));
    assert.not.match(stderr, /\n\s+at /);
  }));

test('a clock that is before this version was made', () =>
  inPlace(async (place) => {
    const { code, stderr } = await place.run(['serve'], { node: ['--import', 'data:text/javascript,Date.now=()=>86400000'] });
    assert.is(code, 1);
    assert.match(stderr, /^tidelock: CLOCK_WRONG: .*1970-01-02.*\n {2}→ /);
  }));

(existsSync('/dev/full') ? test : skip(test, 'this system has no /dev/full'))('a full disk under stdout is a failure, not an end', () =>
  inPlace(async (place) => {
    await addDevice(place);
    const { url, gateway } = await place.serve();
    gateway.signal('SIGTERM');
    await gateway.ended();
    const port = new URL(url).port;
    const full = spawn('/bin/sh', ['-c', `exec "${process.execPath}" "${COMMAND}" serve --listen tidelock://127.0.0.1:${port} --log-format json > /dev/full`], { cwd: place.folder });
    let stderr = '';
    full.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const ended = once(full, 'close');
    await send(place, `tidelock://127.0.0.1:${port}`, 'lost\n');
    const [code] = (await ended) as [number];
    assert.is(code, 1);
    assert.match(stderr, /OUTPUT_FAILED/);
    const again = await place.serve();
    await again.gateway.line('stdout', /lost$/);
  }));

test('--metrics: a port for those who watch, closed last; another address than loopback is warned of', () =>
  inPlace(async (place) => {
    const { gateway } = await place.serve(['--metrics', '127.0.0.1:0']);
    const { metrics } = JSON.parse(await gateway.line('stderr', /"msg":"ready"/)) as { metrics: string };
    assert.match(await (await fetch(`${metrics}/metrics`)).text(), /^tidelock_database_up 1$/m);
    assert.is((await fetch(`${metrics}/readyz`)).status, 200);
    assert.not.match(gateway.stderr, /"level":40/);
    gateway.signal('SIGTERM');
    assert.is((await gateway.ended()).code, 0);
    const open = await place.serve(['--metrics', '0.0.0.0:0']);
    assert.match(open.gateway.stderr, /"level":40.*whoever reaches this port/);
    const wrong = await place.run(['serve', '--metrics', 'somewhere']);
    assert.is(wrong.code, 2);
    assert.match(wrong.stderr, /--metrics must be HOST:PORT/);
  }));

test.run();
