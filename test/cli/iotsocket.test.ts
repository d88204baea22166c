/** IoTSocket on the command line: devices with a key that is text, and a gateway that takes them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fromClient, ID, stamp } from '../legacy/iotsocket/frames.js';
import { portOf } from '../gateway/support.js';
import { inPlace, type Running } from './harness.js';

const test = suite('IoTSocket');

/** Says one message as the Python client would. */
function say(url: string, key: string): Socket {
  const socket = connect({ host: '127.0.0.1', port: portOf(url) });
  socket.on('error', () => undefined);
  socket.write(fromClient({ time: stamp(Date.now()), key }, 'temp=33.5&humid=40%'));
  return socket;
}

async function printed(gateway: Running): Promise<Record<string, unknown>> {
  return JSON.parse(await gateway.line('stdout', /temp/)) as Record<string, unknown>;
}

test('a device with its old key connects to a port of its own; its message says how far it can be trusted', () =>
  inPlace(async (place) => {
    writeFileSync(place.path('old.key'), 'goodkey123\n', { mode: 0o600 });
    const added = await place.run(['devices', 'add', ID, '--iotsocket', '--import-key-file', 'old.key']);
    assert.is(added.code, 0, added.stderr);
    assert.is(added.stdout, `added ${ID}\n`);
    assert.match((await place.run(['send', ID, 'ON SWITCH 1'])).stderr, /NO_ACKNOWLEDGEMENT/, 'where no gateway runs either');
    const { gateway } = await place.serve(['--iotsocket', 'iotsocket://127.0.0.1:0', '--json']);
    const ready = JSON.parse(await gateway.line('stderr', /"msg":"ready"/)) as { addresses: string[] };
    assert.match(ready.addresses[1]!, /^iotsocket:\/\/127\.0\.0\.1:\d+$/);
    assert.match(await gateway.line('stderr', /without TLS/), /"level":"?warn|"level":40/);
    const socket = say(ready.addresses[1]!, 'goodkey123');
    const message = await printed(gateway);
    assert.is(message['device'], ID);
    assert.is(message['text'], 'temp=33.5&humid=40%');
    assert.is(message['trust'], 'none');
    const sent = await place.run(['send', ID, 'ON SWITCH 1', '--wait']);
    assert.not.equal(sent.code, 0);
    assert.match(sent.stderr, /NO_ACKNOWLEDGEMENT/);
    socket.destroy();
  }));

test('without a URL it shares the port; a key is made, printed once, and stored as its digest', () =>
  inPlace(async (place) => {
    const { gateway, url } = await place.serve(['--iotsocket', '--json']);
    const added = await place.run(['devices', 'add', ID, '--iotsocket']);
    assert.is(added.code, 0, added.stderr);
    assert.match(added.stdout, /^[\w-]{24}\n$/);
    const key = added.stdout.trim();
    const socket = say(url, key);
    assert.is((await printed(gateway))['trust'], 'none');
    for (const file of ['tidelock.db', 'tidelock.db-wal']) assert.not.ok(readFileSync(place.path(file)).includes(key), file);
    socket.destroy();
  }));

test('send pushes to a device that is connected, and says so where it is not; a backend too; messages stand in the inbox until they are done', () =>
  inPlace(async (place) => {
    writeFileSync(place.path('old.key'), 'goodkey123\n', { mode: 0o600 });
    await place.run(['devices', 'add', ID, '--iotsocket', '--import-key-file', 'old.key']);
    const { gateway, url } = await place.serve(['--iotsocket', '--json', '--keep']);
    const away = await place.run(['send', ID, 'ON SWITCH 1']);
    assert.is(away.code, 1, away.stderr);
    assert.match(away.stderr, /NO_QUEUE.*have no queue/);
    const socket = say(url, 'goodkey123');
    let received = '';
    socket.setEncoding('utf8').on('data', (text: string) => (received += text));
    assert.match(String((await printed(gateway))['id']), new RegExp(`^${ID}#[0-9a-f]{8}-1$`));
    const pushed = await place.run(['send', ID, 'ON SWITCH 1']);
    assert.equal([pushed.code, pushed.stdout], [0, `pushed to ${ID}, which speaks IoTSocket and acknowledges nothing\n`]);
    assert.equal(JSON.parse((await place.run(['send', ID, 'ON SWITCH 2', '--json'])).stdout), { state: 'posted' });
    while (!received.endsWith('ON SWITCH 2|#|')) await new Promise((resolve) => socket.once('data', resolve));
    assert.ok(received.includes('ON SWITCH 1|#|'));
    assert.match((await place.run(['send', ID, 'short'])).stderr, /IOTSOCKET_BODY/);
    assert.match((await place.run(['send', ID, 'ON SWITCH 3', '--wait'])).stderr, /NO_ACKNOWLEDGEMENT/);
    socket.destroy();
    gateway.signal('SIGTERM');
    await gateway.ended();
    // What was not done comes from the inbox, with its trust, to whoever is there next; as text too.
    const next = await place.serve(['--iotsocket']);
    assert.match(await next.gateway.line('stdout', /temp/), new RegExp(`^${ID}\\t\\S+\\ttemp=33\\.5&humid=40%\\t\\ttrust none$`));
  }));

test('what is no identity, no key or no address of IoTSocket is named, and the key never', () =>
  inPlace(async (place) => {
    writeFileSync(place.path('bad.key'), 'se:cret\n', { mode: 0o600 });
    writeFileSync(place.path('open.key'), 'goodkey123\n', { mode: 0o644 });
    for (const [words, code, status] of [
      [['devices', 'add', 'pump-7', '--iotsocket'], /BAD_IDENTITY/, 1],
      [['devices', 'add', ID, '--iotsocket', '--import-key-file', 'bad.key'], /BAD_KEY/, 1],
      [['serve', '--iotsocket', 'tidelock://127.0.0.1'], /--iotsocket.*scheme/, 2],
      ...(process.platform === 'win32' ? [] : [[['devices', 'add', ID, '--iotsocket', '--import-key-file', 'open.key'], /KEY_FILE_MODE/, 1] as const]),
    ] as const) {
      const { code: ended, stdout, stderr } = await place.run(words);
      assert.is(ended, status, stderr);
      assert.match(stderr, code);
      assert.not.match(stdout + stderr, /se:cret|goodkey123|\n\s+at /);
    }
  }));

test.run();
