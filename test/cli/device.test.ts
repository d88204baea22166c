/** `tidelock device`: lines up, acknowledged; messages down; and every way in which it cannot begin. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inPlace, jsonLines, posix, type Place, type Running } from './harness.js';
import { skip } from '../support/skip.js';

const test = suite('device');
const onPosix = posix ? test : skip(test, 'signals, modes and sockets in the file system are POSIX');

async function ready(place: Place): Promise<string> {
  const { url } = await place.serve();
  const { code } = await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key']);
  assert.is(code, 0);
  return url;
}

const words = (url: string, ...more: string[]): string[] => ['device', '--id', 'pump-7', '--key-file', 'pump-7.key', url, ...more];

test('it ends when stdin has ended and every line is acknowledged; states are on stderr', () =>
  inPlace(async (place) => {
    const url = await ready(place);
    const { code, stdout, stderr } = await place.run(words(url), { input: 'one\n\ntwo\r\nthree' });
    assert.is(code, 0, stderr);
    assert.is(stdout, '');
    assert.equal(stderr.split('\n').slice(0, 2), [`tidelock: connecting to ${url}`, `tidelock: online at ${url} (sealed)`]);
  }));

test('many lines go through in order, with bounded memory at the device', () =>
  inPlace(async (place) => {
    const { url, gateway } = await place.serve();
    await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key']);
    const lines = Array.from({ length: 3_000 }, (_, index) => `line ${index}`);
    const { code, stderr } = await place.run(words(url), { input: lines.join('\n') });
    assert.is(code, 0, stderr);
    await gateway.line('stdout', /line 2999$/);
    assert.equal(gateway.stdout.trimEnd().split('\n').map((line) => line.split('\t')[2]), lines);
  }));

test('a line that is too long is named and skipped, the others go', () =>
  inPlace(async (place) => {
    const { url, gateway } = await place.serve();
    await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key']);
    const { code, stderr } = await place.run(words(url), { input: `${'x'.repeat(16_375)}\n${'x'.repeat(16_376)}\nlast\n` });
    assert.is(code, 3);
    assert.match(stderr, /line 2: TOO_LONG/);
    await gateway.line('stdout', /last$/);
    assert.is(gateway.stdout.trimEnd().split('\n').length, 2);
  }));

onPosix('with --listen it stays and prints what comes, until it is told to stop', () =>
  inPlace(async (place) => {
    const url = await ready(place);
    const running = place.start(words(url, '--listen'), { input: '' });
    await running.line('stderr', /online/);
    assert.is((await place.run(['send', 'pump-7', 'valve\topen \x1b[31m', '--wait'])).code, 0);
    assert.is(running.stdout, 'valve\\topen \\x1b[31m\n');
    running.signal('SIGINT');
    assert.is((await running.ended()).code, 0);
  }));

onPosix('a signal is heard while lines wait for a gateway that is away: what could not be sent is named', () =>
  inPlace(async (place) => {
    const { url, gateway } = await place.serve();
    await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key']);
    gateway.signal('SIGKILL');
    await gateway.ended();
    const running = place.start(words(url), { input: '21.5' });
    await running.line('stderr', /waiting|HOST_UNREACHABLE/);
    running.signal('SIGTERM');
    const { code, stderr } = await running.ended(); // without it, after the message's lifetime of 60 s
    assert.is(code, 3);
    assert.match(stderr, /^tidelock: stopping, 1 not acknowledged yet/m);
    assert.match(stderr, /line 1: CLOSED/);
  }));

/** A command is sent, but its line cannot be written: the reader has gone. Then the device comes again. */
async function unprinted(place: Place, more: string[]): Promise<{ sender: Running; again: Running }> {
  const url = await ready(place);
  const running = place.start(words(url, '--listen', ...more), { input: '' });
  await running.line('stderr', /online/);
  assert.is((await place.run(['send', 'pump-7', 'first', '--wait'])).code, 0);
  running.child.stdout!.destroy();
  const sender = place.start(['send', 'pump-7', 'second', '--wait']);
  assert.is((await running.ended()).code, 0);
  return { sender, again: place.start(words(url, '--listen', ...more), { input: '' }) };
}

onPosix('a command whose line could not be written is in doubt, and its sender learns it', () =>
  inPlace(async (place) => {
    const { sender, again } = await unprinted(place, []);
    const { code, stderr } = await sender.ended();
    assert.is(code, 3);
    assert.match(stderr, /^tidelock: IN_DOUBT/m);
    assert.is(again.stdout, '');
  }));

onPosix('with --record it comes again, and nothing is in doubt', () =>
  inPlace(async (place) => {
    const { sender, again } = await unprinted(place, ['--record', 'pump-7.record']);
    assert.is((await sender.ended()).code, 0);
    assert.is(again.stdout, 'second\n');
    assert.match(readFileSync(place.path('pump-7.record'), 'utf8'), /^\{"outbox":\d+,"last":\d+\}\n$/);
    writeFileSync(place.path('pump-7.record'), 'other');
    const spoiled = await place.run(words('tidelock://127.0.0.1:1', '--record', 'pump-7.record'));
    assert.is(spoiled.code, 1);
    assert.match(spoiled.stderr, /INPUT_INVALID: the record file pump-7.record is no record/);
  }));

test('a wrong key and an unknown identity are refused alike, and the words say what to look at', () =>
  inPlace(async (place) => {
    const url = await ready(place);
    await place.run(['keygen', 'other.key']);
    const wrong = place.run(['device', '--id', 'pump-7', '--key-file', 'other.key', '--lifetime', '300ms', url], { input: 'x\n' });
    const unknown = place.run(['device', '--id', 'pump-8', '--key-file', 'other.key', '--lifetime', '300ms', url], { input: 'x\n' });
    for (const { code, stderr } of await Promise.all([wrong, unknown])) {
      assert.is(code, 3);
      assert.match(stderr, /^tidelock: HANDSHAKE_REFUSED: .* did not prove that it holds the key of pump-[78]\. One of three/m);
      assert.match(stderr, /^tidelock: line 1: EXPIRED/m);
    }
  }));

test('nobody listens there', () =>
  inPlace(async (place) => {
    await place.run(['keygen', 'pump-7.key']);
    const { code, stderr } = await place.run(words('tidelock://127.0.0.1:1', '--lifetime', '200ms'), { input: 'x\n' });
    assert.is(code, 3);
    assert.match(stderr, /HOST_UNREACHABLE/);
  }));

test('key files that others may read, that are none, that are not there', () =>
  inPlace(async (place) => {
    writeFileSync(place.path('pump-7.key'), 'not a key');
    chmodSync(place.path('pump-7.key'), 0o600);
    const url = 'tidelock://127.0.0.1:1';
    assert.match((await place.run(words(url))).stderr, /^tidelock: BAD_KEY: /);
    if (posix) {
      chmodSync(place.path('pump-7.key'), 0o644);
      const open = await place.run(words(url));
      assert.is(open.code, 1);
      assert.match(open.stderr, /^tidelock: KEY_FILE_MODE: .*0644.*\n {2}→ Run `chmod 600`/);
    }
    const missing = await place.run(['device', '--id', 'x', '--key-file', 'none.key', url]);
    assert.match(missing.stderr, /^tidelock: KEY_FILE_UNREADABLE: /);
  }));

test('addresses and identities that are none', () =>
  inPlace(async (place) => {
    await place.run(['keygen', 'pump-7.key']);
    const address = await place.run(words('http://x'));
    assert.is(address.code, 1);
    assert.match(address.stderr, /^tidelock: BAD_ADDRESS: /);
    const identity = await place.run(['device', '--id', 'a/b/c', '--key-file', 'pump-7.key', 'tidelock://127.0.0.1:1']);
    assert.is(identity.code, 1);
    assert.match(identity.stderr, /^tidelock: BAD_IDENTITY: /);
  }));

test('with --json states and failures are objects', () =>
  inPlace(async (place) => {
    await place.run(['keygen', 'pump-7.key']);
    const { stderr } = await place.run(words('tidelock://127.0.0.1:1', '--lifetime', '200ms', '--json'), { input: 'x\n' });
    const told = jsonLines(stderr);
    assert.is(told[0]!['state'], 'connecting');
    assert.is((told.find(({ state }) => state === 'waiting')!['error'] as { code: string }).code, 'HOST_UNREACHABLE');
    assert.is((told.find(({ line }) => line === 1)!['error'] as { code: string }).code, 'EXPIRED');
  }));

test.run();
