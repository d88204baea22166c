/** Flags before environment before file; every fault of every place at once. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resolve } from '../../dist/host/cli/config.js';
import { parseJson, lineAndColumn, JsonFault } from '../../dist/host/cli/json-places.js';
import { SETTINGS, variableName } from '../../dist/host/cli/settings.js';

const test = suite('config');
const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-config-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

function file(text: string): string {
  const name = path.join(folder, `${Math.random().toString(36).slice(2)}.json`);
  writeFileSync(name, text);
  return name;
}

function faultsOf(flags: Record<string, unknown>, environment: Record<string, string> = {}): string {
  try {
    resolve({ flags, environment });
  } catch (error) {
    assert.is((error as { code: string }).code, 'CONFIG_INVALID');
    return (error as Error & { problem: string }).problem;
  }
  throw new Error('no fault was found');
}

test('defaults', () => {
  const { settings, warnings } = resolve({ flags: {}, environment: {} });
  assert.equal(settings.listen, ['tidelock://0.0.0.0:8433']);
  assert.is(settings.database, 'sqlite:tidelock.db');
  assert.is(settings.keep, false);
  assert.is(settings.logFormat, 'text');
  assert.equal(settings.limits, {});
  assert.equal(warnings, []);
});

test('flags win over the environment, and that wins over the file', () => {
  const config = file('{"window": 1000, "idle": 30, "life": 100, "limits": {"halfOpen": 5, "prefetch": 6}}');
  const { settings } = resolve({
    flags: { config, window: '3000', limit: ['halfOpen=7'] },
    environment: { TIDELOCK_WINDOW: '2500', TIDELOCK_IDLE: '40', TIDELOCK_LIMITS_HALF_OPEN: '6' },
  });
  assert.is(settings.window, 3000);
  assert.is(settings.idle, 40);
  assert.is(settings.life, 100);
  assert.equal(settings.limits, { halfOpen: 7, prefetch: 6 });
});

test('the file may be named by the environment', () => {
  const { settings } = resolve({ flags: {}, environment: { TIDELOCK_CONFIG: file('{"keep": true}') } });
  assert.is(settings.keep, true);
});

test('every fault of every place is named at once, with its line', () => {
  const config = file('{\n  "window": "soon",\n  "listne": ["x"],\n  "limits": {\n    "halfOpn": 5, "prefetch": -1\n  },\n  "suites": ["plain"]\n}\n');
  const told = faultsOf({ config, life: '0', listen: ['http://x'], limit: ['halfopen=5', 'prefetch'] }, { TIDELOCK_IDLE: 'long', TIDELOCK_KEEP: 'maybe' });
  for (const expected of [
    '11 faults',
    `${config}:2:13 "window" must be a whole number, not "soon"`,
    `${config}:3:3 "listne" is unknown; did you mean listen?`,
    `${config}:5:5 "limits.halfOpn" is unknown; did you mean halfOpen?`,
    `${config}:5:31 "limits.prefetch" is -1, but it must be a whole number from 1`,
    `${config}:7:13 "suites" must be one of sealed, signed, signed-8, not "plain"`,
    'TIDELOCK_IDLE must be a whole number, not "long"',
    'TIDELOCK_KEEP must be true or false, not "maybe"',
    '--life is "0", but it must be a whole number from 10',
    '--listen: ',
    '--limit halfopen is unknown; did you mean halfOpen?',
    '--limit prefetch needs a value',
  ]) {
    assert.ok(told.includes(expected), `${expected}\n is not in\n${told}`);
  }
  assert.is(told.split('\n').length, 12);
});

test('a fault is named even where another place overrides it', () => {
  assert.match(faultsOf({ window: '3000' }, { TIDELOCK_WINDOW: 'x' }), /TIDELOCK_WINDOW/);
});

test('lists: repeated, with commas, as JSON', () => {
  const urls = ['tidelock://127.0.0.1:1', 'tidelock://[::1]:2'];
  assert.equal(resolve({ flags: { listen: urls }, environment: {} }).settings.listen, urls);
  assert.equal(resolve({ flags: {}, environment: { TIDELOCK_LISTEN: urls.join(', ') } }).settings.listen, urls);
  assert.equal(resolve({ flags: { config: file(JSON.stringify({ listen: urls })) }, environment: {} }).settings.listen, urls);
});

test('unknown variables are warnings, and those of a container platform are nothing', () => {
  const { warnings } = resolve({ flags: {}, environment: { TIDELOCK_WINDWO: '5', TIDELOCK_PORT: 'tcp://10.0.0.1:8433', TIDELOCK_SERVICE_HOST: 'x', OTHER: '1' } });
  assert.is(warnings.length, 1);
  assert.match(warnings.join(), /TIDELOCK_WINDWO.*did you mean TIDELOCK_WINDOW/);
});

test('bounds of the database are checked with the others', () => {
  assert.match(faultsOf({ limit: ['queueLifetime=0'] }), /--limit queueLifetime is "0", but it must be a whole number from 1/);
  assert.match(faultsOf({ database: 'mysql://x' }), /--database is "mysql:\/\/x", but it must be sqlite:PATH/);
  assert.match(faultsOf({ database: 'postgres://x' }), /--database is "postgres:\/\/x", but it must be postgres:\/\/USER@HOST/);
  // A password is in no fault, and no command line is a place for one.
  for (const database of ['postgres://user:secret@host', 'postgres://user:secret@host/db', 'postgres://host/db?password=secret']) {
    assert.match(faultsOf({ database }), /--database/);
    assert.not.match(faultsOf({ database }), /secret/);
  }
  assert.is(resolve({ flags: {}, environment: { TIDELOCK_DATABASE: 'postgres://user:secret@host/db' } }).settings.database, 'postgres://user:secret@host/db');
  assert.equal(resolve({ flags: { limit: ['inboxRows=0'] }, environment: {} }).settings.limits, { inboxRows: 0 });
});

test('no two settings share a variable', () => {
  assert.is(new Set(SETTINGS.map(({ name }) => variableName(name))).size, SETTINGS.length);
});

test('a file that is missing, not JSON, or not an object', () => {
  assert.match(faultsOf({ config: path.join(folder, 'none.json') }), /cannot be read/);
  assert.match(faultsOf({ config: file('{"a": 1,\n]') }), /:2:1 a name in double quotes should be here/);
  assert.match(faultsOf({ config: file('[]') }), /:1:1 the file must be an object/);
  assert.match(faultsOf({ config: file('{"window": 200, "window": 300}') }), /:1:17 "window" stands here twice/);
});

test('the JSON parser agrees with JSON.parse on what is JSON and what is not', () => {
  const texts = [
    '{}', '[]', '{"a":[1,-2.5e3,"x\\n\\u0041",true,false,null,{}]}', ' \t\r\n1 ', '"a\\"b"', '01', '1.', '-', '+1', '.5', 'nul', '"\t"', '"a', '"\\x"', '[1,]',
    '{"a":1,}', '{a:1}', "{'a':1}", '[1 2]', '{"a" 1}', '', '1 2', '\u00a01', '{"a":NaN}', '"\\', '[[[]]', '1e5', '1E+5', '1e', '// x\n1',
  ];
  const plain = (node: ReturnType<typeof parseJson>): unknown =>
    Array.isArray(node.value) ? node.value.map(plain)
    : node.value instanceof Map ? Object.fromEntries([...node.value].map(([name, member]) => [name, plain(member)]))
    : node.value;
  for (const text of texts) {
    let expected: unknown;
    try {
      expected = { is: JSON.parse(text) };
    } catch {
      expected = 'no JSON';
    }
    let ours: unknown;
    try {
      ours = { is: plain(parseJson(text)) };
    } catch (error) {
      assert.instance(error, JsonFault);
      ours = 'no JSON';
    }
    assert.equal(ours, expected, JSON.stringify(text));
  }
  assert.throws(() => parseJson('['.repeat(10_000)), /nested deeper/);
  assert.is(lineAndColumn('ab\ncd', 4), '2:2');
});

test.run();
