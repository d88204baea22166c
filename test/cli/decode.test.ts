/** `tidelock decode` as its users run it: arguments, stdin, files, captures, keys, and what is wrong with them. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { connection, linked, pcap, type Said } from '../decode/captures.js';
import { session, sealedStream, sealedDatagram, DEVICE, GATEWAY } from '../decode/support.js';
import { closeAll, KEY, listen, makeDevice, Relay, test, until } from '../gateway/support.js';
import { inPlace, jsonLines, posix, type Place } from './harness.js';

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const words = session(sealedStream).map(({ bytes }) => hexOf(bytes));

function writeKey(place: Place, hex: string, name = 'pump.key'): string {
  writeFileSync(place.path(name), `${hex}\n`, { mode: 0o600 });
  return name;
}

const option = (place: Place): string[] => ['--key-file', `${sealedStream.hello.identity}=${writeKey(place, sealedStream.deviceKey)}`];

test('hexadecimal arguments: one line a frame', () =>
  inPlace(async (place) => {
    const { code, stdout, stderr } = await place.run(['decode', ...words]);
    assert.is(code, 0);
    assert.is(stderr, '');
    const lines = stdout.trimEnd().split('\n');
    assert.is(lines.length, words.length);
    assert.match(lines[0]!, /^@0 {2}to gateway {2}HELLO +pump-00007, offers sealed, key 0, stream/);
    assert.match(lines[1]!, /CHALLENGE +sealed, session c0ffee01, window 2000 ms/);
    assert.match(lines[4]!, /DATA +4 bytes, 100 ms \(lower 24 bits\) {2}not judged: no key for pump-00007 was given$/);
    assert.not.match(stdout, /\u001b/, 'no colours but on a terminal');
  }));

test('with the key: bodies, ids, ages, statuses and reasons in words', () =>
  inPlace(async (place) => {
    const { stdout } = await place.run(['decode', ...option(place), ...words]);
    for (const wanted of [/READY +life \d+ s/, /"21\.5".*holds$/m, /id 1, 2\.0 s old/, /ACK +of 1: busy: not now/, /CLOSE +taken over.*come back after 5 s.*"bye"/]) assert.match(stdout, wanted);
    const verbose = await place.run(['decode', '--verbose', ...option(place), ...words]);
    assert.match(verbose.stdout, /\n {6}epoch|\n {6}at +2025-\S+ by the gateway's clock/);
    assert.match(verbose.stdout, /\n {6}nonce +[0-9a-f]{32}\n/);
  }));

test('--json: one object a frame, a body that is no text in base64', () =>
  inPlace(async (place) => {
    const { stdout } = await place.run(['decode', '--json', ...option(place), ...words]);
    const objects = jsonLines(stdout);
    assert.equal(objects.map(({ type }) => type), ['HELLO', 'CHALLENGE', 'PROOF', 'READY', 'DATA', 'DATA', 'ACK', 'PING', 'DATA', 'ACK', 'CLOSE']);
    assert.equal(objects.map(({ verdict }) => verdict), ['unknown', ...Array<string>(10).fill('holds')]);
    const { text, counter, time, id, age, identity, direction } = objects[5]!;
    assert.equal({ text, counter, time, id, age, identity, direction }, { text: 'valve is open', counter: 1, time: 100, id: 1, age: 2_000, identity: 'pump-00007', direction: 'to gateway' });
    assert.ok('base64' in objects[3]!); // READY's bytes
  }));

test('stdin: hexadecimal, binary, and datagrams', () =>
  inPlace(async (place) => {
    const bytes = Buffer.concat(session(sealedStream).map((each) => each.bytes));
    const whole = /HELLO.*CHALLENGE.*PROOF.*READY.*DATA.*DATA.*ACK.*PING.*DATA.*ACK.*CLOSE/s;
    assert.match((await place.run(['decode'], { input: words.join('\n') })).stdout, whole);
    assert.match((await place.run(['decode', '-'], { input: bytes })).stdout, whole);
    const datagrams = session(sealedDatagram).map((each) => hexOf(each.bytes));
    const key = ['--key-file', `${sealedDatagram.hello.identity}=${writeKey(place, sealedDatagram.deviceKey, 'datagram.key')}`];
    assert.match((await place.run(['decode', '--datagram', ...key], { input: datagrams.join('\n') })).stdout, whole);
  }));

test('a real session between a device and a gateway, from a capture: every frame holds', () =>
  inPlace(async (place) => {
    const gateway = await listen();
    const said: Said[] = [];
    const relay = await Relay.to(() => gateway.address);
    relay.filterToGateway = (bytes) => (said.push({ up: true, bytes, at: Date.now() }), bytes);
    relay.filterToDevice = (bytes) => (said.push({ up: false, bytes, at: Date.now() }), bytes);
    const device = makeDevice(relay.url);
    device.on('message', () => undefined);
    gateway.on('message', () => undefined);
    await device.send('21.5 °C').acknowledged;
    await gateway.send('pump-7', 'valve open').acknowledged;
    device.post('not waited for');
    await device.close();
    await until('the link is closed', () => gateway.device('pump-7') === undefined);
    await closeAll(gateway, relay);

    const file = pcap(connection(said, DEVICE, GATEWAY).map(({ at, bytes }) => ({ at, bytes: linked('ethernet', bytes) })));
    writeFileSync(place.path('session.pcap'), file);
    const { code, stdout } = await place.run(['decode', '--json', '--key-file', `pump-7=${writeKey(place, KEY.toString('hex'))}`, 'session.pcap']);
    assert.is(code, 0);
    const objects = jsonLines(stdout);
    assert.equal(objects.filter(({ verdict }) => verdict !== 'holds').map(({ type }) => type), ['HELLO']);
    const texts = objects.filter(({ type }) => type === 'DATA').map(({ text }) => text);
    for (const text of ['21.5 °C', 'valve open']) assert.ok(texts.includes(text), text);
    assert.ok(objects.some(({ type, direction }) => type === 'ACK' && direction === 'to gateway'));
    assert.match(String((objects.at(-1)!['fields'] as { means: string }).means), /^normal/);
    assert.not.ok(stdout.includes(KEY.toString('hex')));
  }));

test('keys from the database', () =>
  inPlace(async (place) => {
    const key = writeKey(place, sealedStream.deviceKey);
    assert.is((await place.run(['devices', 'add', sealedStream.hello.identity, '--import-key-file', key])).code, 0);
    const { stdout } = await place.run(['decode', '--database', 'sqlite:tidelock.db', ...words]);
    assert.match(stdout, /"valve is open".*holds$/m);
    const missing = await place.run(['decode', '--database', 'sqlite:nowhere.db', words[0]!]);
    assert.is(missing.code, 1);
    assert.match(missing.stderr, /^tidelock: DATABASE_/);
  }));

test('what a device says cannot command the terminal', () =>
  inPlace(async (place) => {
    const evil = Buffer.from(session(sealedStream)[0]!.bytes);
    evil.set(Buffer.from('\u001b[2J'), evil.length - 4);
    const { stdout } = await place.run(['decode', hexOf(evil)]);
    assert.not.match(stdout, /\u001b/);
    assert.match(stdout, /\\x1b\[2J.*REFUSED hello/);
  }));

test('what is wrong with the input is said, and what to do', () =>
  inPlace(async (place) => {
    for (const [given, wanted] of [
      [['nothing.pcap'], /INPUT_INVALID: the input nothing\.pcap cannot be read: .*\n {2}→ Give a file that exists/],
      [['.'], /it is a folder/],
      [['--key-file', 'pump-7', '81'], /--key-file pump-7 does not begin with an identity and =/],
      [['--key-file', 'pump-7=nowhere.key', '81'], /KEY_FILE_UNREADABLE/],
      [['--port', '70000', '81'], /Write a number from 1 to 65535/],
    ] as const) {
      const { code, stderr } = await place.run(['decode', ...given]);
      assert.is.not(code, 0);
      assert.match(stderr, wanted);
      assert.not.match(stderr, /\n\s+at /);
    }
    if (!posix) return;
    const key = writeKey(place, sealedStream.deviceKey);
    chmodSync(place.path(key), 0o644);
    assert.match((await place.run(['decode', '--key-file', `pump-7=${key}`, '81'])).stderr, /KEY_FILE_MODE/);
  }));

test('the examples of the page on decode run', () =>
  inPlace(async (place) => {
    const page = readFileSync(new URL('../../docs/decode.md', import.meta.url), 'utf8');
    const example = /\$ tidelock decode ([0-9a-f ]+)\n((?: {4}@.*\n)+)/.exec(page);
    assert.ok(example, 'docs/decode.md has an example');
    const { stdout } = await place.run(['decode', ...example[1]!.trim().split(' ')]);
    assert.is(stdout, example[2]!.replace(/^ {4}/gm, ''));
  }));

test.run();
