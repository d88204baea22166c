/** `tidelock serve --backend`: programs in any language, as child processes of a real gateway with real devices. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { found, skip, skipMissing } from '../support/skip.js';
import { inPlace, jsonLines, posix, type Place, type Running } from './harness.js';

const test = suite('backend');
const onPosix = posix ? test : skip(test, 'process groups and signals are POSIX');
const PROGRAM = fileURLToPath(new URL('backend-program.mjs', import.meta.url));
const example = (name: string): string => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));

type Line = Record<string, unknown> & { type: string };

async function addDevice(place: Place): Promise<void> {
  assert.is((await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key'])).code, 0);
}

function device(place: Place, url: string, ...words: string[]): Running {
  return place.start(['device', '--id', 'pump-7', '--key-file', 'pump-7.key', ...words, url]);
}

async function send(place: Place, url: string, input: string): Promise<void> {
  const { code, stderr } = await place.run(['device', '--id', 'pump-7', '--key-file', 'pump-7.key', url], { input });
  assert.is(code, 0, stderr);
}

function command(mode: string, place: Place): string {
  return `"${process.execPath}" "${PROGRAM}" ${mode} "${place.path('said')}"`;
}

function said(place: Place, type?: string): Line[] {
  const file = place.path('said');
  const lines = existsSync(file) ? (jsonLines(readFileSync(file, 'utf8')) as Line[]) : [];
  return type === undefined ? lines : lines.filter((line) => line.type === type);
}

/** The limit is for a hang. */
async function until(what: string, condition: () => boolean): Promise<void> {
  const limit = Date.now() + 60_000;
  while (!condition()) {
    if (Date.now() > limit) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function end(gateway: Running): Promise<string> {
  gateway.signal('SIGTERM');
  const { code, stderr } = await gateway.ended();
  assert.is(code, 0, stderr);
  return stderr;
}

for (const [language, file, interpreter] of [['Python', 'backend.py', 'python3'], ['PHP', 'backend.php', 'php']] as const) {
  (found(interpreter) ? test : skipMissing(test, interpreter))(`the example in ${language}: a reading is written, and the device is told`, () =>
    inPlace(async (place) => {
      await addDevice(place);
      const readings = place.path('readings.txt');
      const { gateway, url } = await place.serve(['--backend', `${interpreter} "${example(file)}"`], { environment: { READINGS: readings } });
      const pump = device(place, url, '--listen', '--json');
      pump.child.stdin!.write('21.5 °C\n');
      const { text } = JSON.parse(await pump.line('stdout', /written/)) as { text: string };
      assert.is(text, 'written: 21.5 °C');
      const result = await gateway.line('stderr', /: delivered$/);
      const [id] = result.split(': ');
      const [who, time, name, body] = readFileSync(readings, 'utf8').trimEnd().split('\t');
      assert.equal([who, name, body], ['pump-7', id, '21.5 °C']);
      assert.ok(Math.abs(Date.parse(time!) - Date.now()) < 600_000);
      await end(gateway);
      const again = await place.serve(['--backend', command('done', place)]);
      await until('the backend is there', () => said(place, 'hello').length > 0);
      await end(again.gateway);
      assert.equal(said(place, 'message'), [], 'it was marked done');
    }));
}

onPosix('a backend that ends between receipt and done is started again, and gets the message again with the same id', () =>
  inPlace(async (place) => {
    await addDevice(place);
    const { gateway, url } = await place.serve(['--backend', command('crash', place)]);
    await send(place, url, 'one\ntwo\n');
    await gateway.line('stderr', /"code":3.*the backend ended: it is started again/);
    await until('both are there', () => said(place, 'message').some(({ text }) => text === 'two') && said(place, 'hello').length === 2);
    const stderr = await end(gateway);
    const ones = said(place, 'message').filter(({ text }) => text === 'one');
    assert.is(ones.length, 2, stderr);
    assert.is(ones[0]!['id'], ones[1]!['id']);
    assert.is(ones[0]!['device'], 'pump-7');
  }));

test('a backend that marks nothing holds a window of messages and no more, and holds up no device', () =>
  inPlace(async (place) => {
    await addDevice(place);
    const { gateway, url } = await place.serve(['--backend', command('never', place), '--backend-window', '5', '--drain', '300', '--metrics', '0']);
    const { metrics } = JSON.parse(await gateway.line('stderr', /"msg":"ready"/)) as { metrics: string };
    await send(place, url, Array.from({ length: 60 }, (_, index) => `${index}\n`).join(''));
    await until('the window is full', () => said(place, 'message').length === 5);
    const text = await (await fetch(`${metrics}/metrics`)).text();
    for (const line of [/^tidelock_backend_ready 1$/m, /^tidelock_backend_undone_messages 5$/m, /^tidelock_inbox_messages 60$/m]) assert.match(text, line);
    await end(gateway);
    assert.equal(said(place, 'message').map(({ text }) => text), ['0', '1', '2', '3', '4']);
    const again = await place.serve(['--backend', command('done', place)]);
    await until('all have come', () => said(place, 'message').length === 65);
    await end(again.gateway);
    assert.equal(said(place, 'message').slice(5).map(({ text }) => text), Array.from({ length: 60 }, (_, index) => String(index)), 'in order');
  }));

onPosix('SIGTERM: a backend finishes what it holds, hears closing, then the end of its input', () =>
  inPlace(async (place) => {
    await addDevice(place);
    const { gateway, url } = await place.serve(['--backend', command('slow', place)]);
    await send(place, url, 'held\n');
    await until('it holds it', () => said(place, 'message').length === 1);
    await end(gateway);
    assert.equal(said(place).map(({ type }) => type), ['hello', 'message', 'closing', 'end of input']);
    const again = await place.serve(['--backend', command('done', place)]);
    await until('the next is there', () => said(place, 'hello').length === 2);
    await end(again.gateway);
    assert.is(said(place, 'message').length, 1, 'it does not come again');
  }));

onPosix('one that does not end by itself is ended, with all that it has started', () =>
  inPlace(async (place) => {
    await addDevice(place);
    const { gateway } = await place.serve(['--backend', 'trap "" TERM; echo \'{"type":"ready","version":1}\'; sleep 1000; true', '--drain', '200']);
    await gateway.line('stderr', /backend ready/);
    await end(gateway);
  }));

onPosix('a command that does not exist ends the gateway with what to do', () =>
  inPlace(async (place) => {
    const { code, stderr } = await place.run(['serve', '--listen', 'tidelock://127.0.0.1:0', '--backend', './no-such-program --really']);
    assert.is(code, 1);
    assert.match(stderr, /^tidelock: BACKEND_FAILED: the backend \.\/no-such-program --really could not be run: .*127.*\n {2}→ Try the command/m);
  }));

test('a program that echoes is found out at its first line, and is not started in a circle', () =>
  inPlace(async (place) => {
    const { gateway } = await place.serve(['--backend', command('echo', place)]);
    await gateway.line('stderr', /a backend was given up/);
    const again = JSON.parse(await gateway.line('stderr', /started again/)) as { wait: number };
    assert.is(again.wait, 500);
    await end(gateway);
  }));

test('settings that do not fit', () =>
  inPlace(async (place) => {
    const keep = await place.run(['serve', '--listen', 'tidelock://127.0.0.1:0', '--backend', 'true', '--keep']);
    assert.is(keep.code, 1);
    assert.match(keep.stderr, /BAD_OPTION: option keep/);
    assert.match((await place.run(['serve', '--backend-window', '0'])).stderr, /--backend-window must be a whole number from 1 to 10000/);
  }));

test.run();
