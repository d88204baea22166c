/** `devices` and `send` on the running gateway, and on the database where none runs. */
import { readFileSync, statSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inPlace, jsonLines, posix } from './harness.js';

const test = suite('devices and send');

const device = (id: string, url: string): string[] => ['device', '--json', '--id', id, '--key-file', `${id}.key`, url];

test('devices add prints the key once, or writes it into a file', () =>
  inPlace(async (place) => {
    const printed = await place.run(['devices', 'add', 'pump-7']);
    assert.is(printed.code, 0, printed.stderr);
    assert.match(printed.stdout, /^[0-9a-f]{64}\n$/);
    const key = printed.stdout.trim();
    const listed = await place.run(['devices', 'list', '--json']);
    assert.not.ok((listed.stdout + listed.stderr).includes(key));
    const written = await place.run(['devices', 'add', 'pump-8', '--key-file', 'pump-8.key']);
    assert.is(written.code, 0);
    assert.match(readFileSync(place.path('pump-8.key'), 'utf8'), /^[0-9a-f]{64}\n$/);
    assert.not.match(written.stdout + written.stderr, /[0-9a-f]{64}/);
    if (posix) assert.is(statSync(place.path('pump-8.key')).mode & 0o777, 0o600);
  }));

test('a key file is not overwritten, and then no device is added', () =>
  inPlace(async (place) => {
    assert.is((await place.run(['keygen', 'a.key'])).code, 0);
    const before = readFileSync(place.path('a.key'), 'utf8');
    const again = await place.run(['keygen', 'a.key']);
    assert.is(again.code, 1);
    assert.match(again.stderr, /KEY_FILE_EXISTS/);
    const add = await place.run(['devices', 'add', 'pump-7', '--key-file', 'a.key']);
    assert.match(add.stderr, /KEY_FILE_EXISTS/);
    assert.is(readFileSync(place.path('a.key'), 'utf8'), before);
    assert.is((await place.run(['devices', 'add', 'pump-7', '--import-key-file', 'a.key'])).code, 0);
    const exists = await place.run(['devices', 'add', 'pump-7', '--key-file', 'b.key']);
    assert.match(exists.stderr, /DEVICE_EXISTS/);
    assert.throws(() => statSync(place.path('b.key')), 'a file for a key that is none is removed');
  }));

test('a device that is added to the running gateway connects; one that is disabled is closed and stays out', () =>
  inPlace(async (place) => {
    const { gateway, url } = await place.serve();
    const added = await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key']);
    assert.is(added.code, 0, added.stderr);
    const running = place.start([...device('pump-7', url), '--listen']);
    await running.line('stderr', /"state":"online"/);
    const listed = jsonLines((await place.run(['devices', 'list', '--json'])).stdout);
    assert.is(listed.length, 1);
    assert.is(listed[0]!['identity'], 'pump-7');
    assert.is(listed[0]!['online'], true);
    const disabled = await place.run(['devices', 'disable', 'pump-7']);
    assert.is(disabled.stdout, 'disabled pump-7, its session was closed\n');
    assert.match(await running.line('stderr', /"state":"waiting"/), /"DISABLED"/);
    const refused = await place.run([...device('pump-7', url), '--lifetime', '500ms'], { input: 'x\n' });
    assert.is(refused.code, 3);
    assert.match(refused.stderr, /HANDSHAKE_REFUSED/);
    const enabled = await place.run(['devices', 'enable', 'pump-7']);
    assert.is(enabled.stdout, 'enabled pump-7\n');
    running.signal('SIGTERM');
    assert.is((await place.run(device('pump-7', url), { input: 'back\n' })).code, 0);
    await gateway.line('stdout', /back$/);
  }));

test('send reaches the device within a second, --wait returns once it has acknowledged', () =>
  inPlace(async (place) => {
    const { url } = await place.serve();
    await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key']);
    const running = place.start([...device('pump-7', url), '--listen']);
    await running.line('stderr', /"state":"online"/);
    const sent = await place.run(['send', 'pump-7', 'valve open', '--wait']);
    assert.is(sent.code, 0, sent.stderr);
    assert.is(sent.stdout, 'pump-7 has acknowledged it\n');
    // Acknowledged is printed: nothing is left to wait for.
    assert.is(jsonLines(running.stdout).at(0)?.['text'], 'valve open');
    const json = await place.run(['send', 'pump-7', 'again', '--wait', '--json']);
    assert.equal(jsonLines(json.stdout).map(({ state }) => state), ['queued', 'delivered']);
    const input = await place.run(['send', 'pump-7', '-', '--wait'], { input: Buffer.from([0, 255]) });
    assert.is(input.code, 0, input.stderr);
    assert.is(jsonLines(running.stdout).at(-1)?.['base64'], 'AP8=');
  }));

test('without a gateway, send puts it into the queue and says so, and the gateway sends it later', () =>
  inPlace(async (place) => {
    await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key']);
    const before = Date.now();
    const queued = await place.run(['send', 'pump-7', 'later']);
    assert.is(queued.code, 0, queued.stderr);
    assert.match(queued.stdout, /^queued for pump-7; no gateway runs now/);
    const waited = await place.run(['send', 'pump-7', 'later still', '--wait']);
    assert.is(waited.code, 3);
    assert.match(waited.stderr, /GATEWAY_NOT_RUNNING/);
    const started = Date.now();
    const { url } = await place.serve();
    const running = place.start([...device('pump-7', url), '--listen']);
    await running.line('stdout', /later still/);
    const came = jsonLines(running.stdout);
    assert.equal(came.map(({ text }) => text), ['later', 'later still']);
    const made = Date.parse(String(came[0]!['time']));
    assert.ok(made >= before - 1_000 && made <= started + 1_000, 'the time is when it was queued, not when it came');
  }));

test('a command that nobody takes expires, and whoever waited learns it', () =>
  inPlace(async (place) => {
    await place.serve();
    await place.run(['devices', 'add', 'pump-7']);
    const { code, stderr } = await place.run(['send', 'pump-7', 'x', '--wait', '--lifetime', '300ms']);
    assert.is(code, 3);
    assert.match(stderr, /EXPIRED/);
  }));

test('unknown devices are named, with and without a gateway', () =>
  inPlace(async (place) => {
    await place.run(['devices', 'add', 'pump-7']);
    const commands = [['send', 'pump-8', 'x'], ['devices', 'disable', 'pump-8'], ['devices', 'enable', 'pump-8']];
    for (const running of [false, true]) {
      if (running) await place.serve();
      for (const words of commands) {
        const { code, stderr } = await place.run(words);
        assert.is(code, 1);
        assert.match(stderr, /^(tidelock: )DEVICE_UNKNOWN: there is no device pump-8\.\n {2}→ /, words.join(' '));
      }
    }
  }));

test('a database that does not exist is only made by those who add to it', () =>
  inPlace(async (place) => {
    for (const words of [['devices', 'list'], ['send', 'pump-7', 'x']]) {
      const { code, stderr } = await place.run(words);
      assert.is(code, 1);
      assert.match(stderr, /DATABASE_FAILED/);
    }
    assert.throws(() => statSync(place.path('tidelock.db')));
  }));

test('lists without a gateway say what is known, in order of identity', () =>
  inPlace(async (place) => {
    for (const id of ['pump-9', 'a/pump-1', 'pump-7']) await place.run(['devices', 'add', id]);
    await place.run(['devices', 'disable', 'pump-7']);
    const rows = jsonLines((await place.run(['devices', 'list', '--json'])).stdout);
    assert.equal(rows.map(({ identity }) => identity), ['a/pump-1', 'pump-7', 'pump-9']);
    assert.equal(rows.map(({ enabled }) => enabled), [true, false, true]);
    const { stdout } = await place.run(['devices', 'list']);
    assert.match(stdout, /^DEVICE +ACCESS +CONNECTION/);
    assert.match(stdout, /^pump-7 +disabled +- /m);
  }));

test.run();
