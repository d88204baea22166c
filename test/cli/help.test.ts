/** The command teaches: help with examples, suggestions, exit codes, errors of one line. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inPlace, jsonLines } from './harness.js';

const VERSION = (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version;

test('--help names every command, shows how to begin, and the exit codes', () =>
  inPlace(async (place) => {
    const { code, stdout, stderr } = await place.run(['--help']);
    assert.is(code, 0);
    assert.is(stderr, '');
    for (const word of ['serve', 'device', 'send', 'devices', 'keygen', 'firmware', 'decode', 'doctor', 'Exit codes', '$ tidelock devices add']) assert.ok(stdout.includes(word), word);
  }));

test('a reader that has seen enough of a help, or of the version, is no fault', () =>
  inPlace(async (place) => {
    for (const words of [['--help'], ['serve', '--help'], ['help', 'send'], ['--version']]) {
      const running = place.start(words, { input: '' });
      running.child.stdout!.destroy();
      const { code, stderr } = await running.ended();
      assert.equal([code, stderr], [0, ''], words.join(' '));
    }
  }));

test('each command has help with an example', () =>
  inPlace(async (place) => {
    const all = await Promise.all(['serve', 'device', 'send', 'devices', 'rules', 'registry', 'keygen', 'firmware', 'decode', 'doctor'].map((word) => place.run([word, '--help'])));
    for (const { code, stdout } of all) {
      assert.is(code, 0);
      assert.match(stdout, /\$ .*tidelock /);
    }
  }));

test('--version', () =>
  inPlace(async (place) => {
    assert.equal(await place.run(['--version']), { code: 0, signal: null, stdout: `${VERSION}\n`, stderr: '' });
  }));

test('what was mistyped gets a suggestion and exit code 2', () =>
  inPlace(async (place) => {
    const command = await place.run(['srve']);
    assert.is(command.code, 2);
    assert.match(command.stderr, /^tidelock: unknown command 'srve'\.\n {2}→ \(Did you mean serve\?\)/);
    const option = await place.run(['serve', '--lisen', 'x']);
    assert.is(option.code, 2);
    assert.match(option.stderr, /unknown option '--lisen'\.\n {2}→ \(Did you mean --listen\?\)/);
    const missing = await place.run(['send', 'pump-7']);
    assert.is(missing.code, 2);
    assert.match(missing.stderr, /missing required argument 'TEXT'\.\n {2}→ See tidelock send --help/);
    const deep = await place.run(['dead-letters', 'retry']);
    assert.match(deep.stderr, /missing required argument 'NUMBER'\.\n {2}→ See tidelock dead-letters retry --help/);
    const duration = await place.run(['send', 'pump-7', 'x', '--lifetime', 'soon']);
    assert.is(duration.code, 2);
    assert.match(duration.stderr, /Write a duration such as 500ms/);
  }));

test('with --json a usage error is JSON too', () =>
  inPlace(async (place) => {
    const { code, stderr } = await place.run(['devices', 'lst', '--json']);
    assert.is(code, 2);
    const told = jsonLines(stderr).at(0) ?? {};
    assert.is((told['error'] as { code: string }).code, 'USAGE');
  }));

test('every configuration fault is named at once, with its place, and exit code 2', () =>
  inPlace(async (place) => {
    const { code, stderr } = await place.run(['serve', '--window', '5', '--limit', 'nothing=1'], { environment: { TIDELOCK_IDLE: 'x' } });
    assert.is(code, 2);
    assert.match(stderr, /^tidelock: CONFIG_INVALID: 3 faults in the configuration:/);
    for (const place of ['--window', '--limit nothing', 'TIDELOCK_IDLE']) assert.ok(stderr.includes(place), place);
    assert.not.match(stderr, /\n\s+at /);
  }));

test('an error is one line and what to do; the stack comes with --debug alone', () =>
  inPlace(async (place) => {
    const plain = await place.run(['devices', 'add', 'bad#name']);
    assert.is(plain.code, 1);
    assert.match(plain.stderr, /^tidelock: BAD_IDENTITY: .*\n {2}→ .*\n$/);
    const debug = await place.run(['devices', 'add', 'bad#name', '--debug']);
    assert.match(debug.stderr, /\n\s+at /);
    const json = await place.run(['devices', 'add', 'bad#name', '--json']);
    const told = jsonLines(json.stderr).at(0) ?? {};
    assert.is((told['error'] as { code: string }).code, 'BAD_IDENTITY');
  }));

test.run();
