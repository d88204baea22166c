/** `devices export` and `import`: what goes out comes in again, every fault is named with its line, and keys go nowhere unasked. */
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { DeviceRecord } from 'tidelock/registry';
import { csvLines, parseCsv } from '../../dist/host/cli/transfer/csv.js';
import { jsonLines as deviceLines, parseDevices } from '../../dist/host/cli/transfer/json.js';
import type { Parsed } from '../../dist/host/cli/transfer/parsed.js';
import { fileName } from '../../dist/host/cli/transfer/provision.js';
import { writeSecretFile } from '../../dist/host/cli/transfer/secret-file.js';
import { skip } from '../support/skip.js';
import { inPlace, jsonLines, posix, type Place } from './harness.js';

const test = suite('export and import');
const onPosix = posix ? test : skip(test, 'signals, modes and sockets in the file system are POSIX');
const KEY = 'a1'.repeat(32);

// ---- The forms of the file ----

const identity = fc.stringMatching(/^[a-zA-Z0-9 ,"'=äß日.;-]{1,12}(\/[a-z ,"]{1,8})?$/).filter((text) => text !== '-' && !text.startsWith('-/') && !text.endsWith('/-'));
const entry = fc.record({ keyId: fc.nat(255), created: fc.nat(2 ** 42), key: fc.uint8Array({ minLength: 32, maxLength: 32 }).filter((key) => key.some((byte) => byte !== 0)) });
const anyDevice = fc.record({
  identity, protocol: fc.constant('tidelock' as const), disabled: fc.boolean(), created: fc.nat(2 ** 42),
  keys: fc.uniqueArray(entry, { maxLength: 2, selector: ({ keyId }) => keyId }).map((keys) => keys.map((key, i) => ({ ...key, state: i === 0 ? 'current' as const : 'next' as const }))),
});
const anyDevices = fc.uniqueArray(anyDevice, { maxLength: 6, selector: (device) => device.identity });

const compared = (devices: readonly DeviceRecord[]): unknown => devices.map(({ identity, protocol, disabled, created, keys }) =>
  ({ identity, protocol, disabled, created, keys: keys.map(({ keyId, state, created, key }) => ({ keyId, state, created, key: Buffer.from(key!).toString('hex') })) }));

for (const [name, write, parse] of [
  ['CSV', (devices: DeviceRecord[]) => [...csvLines(devices, true)].join('\n'), parseCsv],
  ['CSV with CRLF and a byte order mark', (devices: DeviceRecord[]) => `\ufeff${[...csvLines(devices, true)].join('\r\n')}\r\n`, parseCsv],
  ['JSON', (devices: DeviceRecord[]) => [...deviceLines(devices, true)].join('\n'), parseDevices],
] as const) {
  test(`any devices, written as ${name} and read again, are the same`, () => {
    fc.assert(fc.property(anyDevices, (devices) => {
      const { faults, devices: read } = parse(write(devices), false);
      assert.equal(faults, []);
      assert.equal(compared(read), compared(devices));
    }), { numRuns: 300 });
  });
}

test('keys are in none of the forms unless asked for', () => {
  const devices: DeviceRecord[] = [{ identity: 'a', protocol: 'tidelock', disabled: false, created: 1, keys: [{ keyId: 0, state: 'current', created: 1, key: Buffer.from(KEY, 'hex') }] }];
  for (const lines of [csvLines(devices, false), deviceLines(devices, false)]) assert.not.ok([...lines].join().includes('a1a1'));
});

const told = ({ faults, place }: Parsed): string[] => [...faults].sort((a, b) => a.at - b.at).map(({ at, text }) => `${place(at)}: ${text}`);

test('every fault of a CSV file is named with its line, and no key', () => {
  const text = ['identity,key_id,state,key,added', `ok,0,,${KEY},`, `a#b,256,maybe,${KEY},`, 'no-key,0,,,', `short,0,,${KEY.slice(1)},`, `zero,0,,${'0'.repeat(64)},`, `time,0,,${KEY},yesterday`,
    `ok,1,current,${KEY},`, 'few', `bad"quote,0,,${KEY},`, `,0,,${KEY},`, `gone,,none,,`, `gone,,none,,`, `worse,3,none,${KEY},`].join('\n');
  const faults = told(parseCsv(text, false));
  for (const wanted of [
    /^line 3: the identity "a#b" does not/, /^line 3: the number of a key .* not "256"/, /^line 3: state must be .* not "maybe"/, /^line 4: has no key; with --new-keys/, /^line 5: the key is not 64/,
    /^line 6: the key is all zero/, /^line 7: added must be a time/, /^line 2: "ok": a device has one current key/, /^line 9: has 1 values for 5 columns/, /^line 10: a quotation mark/, /^line 11: has no identity/,
    /^line 13: "gone" is there already, in line 12/, /^line 14: state none has a key/,
  ]) assert.is(faults.filter((fault) => wanted.test(fault)).length, 1, `${wanted}\n${faults.join('\n')}`);
  assert.is(faults.length, 13, faults.join('\n'));
  assert.not.match(faults.join(), /a1a1/);
  assert.match(told(parseCsv('id,key\na,b', false))[0]!, /^line 1: the first line must name the columns/);
  assert.match(told(parseCsv('', false))[0]!, /^line 1/);
  assert.match(told(parseCsv('identity,colour\na,red', true))[0]!, /^line 1: the column "colour" is unknown/);
  assert.equal(told(parseCsv('identity\na\nb', true)), []);
});

test('every fault of a JSON file is named with its line, and no key', () => {
  const text = `[\n{"identity":"a","keys":[{"key":"${KEY}"}]},\n{"identity":"a","keys":[]},\n{"identity":"b","colour":1,"keys":[{"key":"${KEY.slice(2)}"}]},\n7,\n{"identity":true,"keys":{}},\n{"identity":"c"}\n]`;
  const faults = told(parseDevices(text, false));
  for (const wanted of [/^line 3, .*"a" is there already/, /^line 4, .*"colour" is unknown/, /^line 4, .*the key is not 64/, /^line 5, .*must be an object/, /^line 6, .*must be a text/, /^line 6, .*"keys" must be an array/, /^line 7, .*has no key/]) {
    assert.is(faults.filter((fault) => wanted.test(fault)).length, 1, `${wanted}\n${faults.join('\n')}`);
  }
  assert.not.match(faults.join(), /a1a1/);
  assert.match(told(parseDevices('[{', false))[0]!, /^line 1, column 3/);
  assert.match(told(parseDevices('{}', false))[0]!, /must be an array/);
});

test('the name of a file is one of its folder, and no two identities share it', () => {
  for (const [identity, name] of [['pump-7', 'pump-7.csv'], ['plant/pump', 'plant%2Fpump.csv'], ['..', '%2E..csv'], ['a b*', 'a%20b%2A.csv'], ['plant%2Fpump', 'plant%252Fpump.csv']] as const) assert.is(fileName(identity, '.csv'), name);
});

// ---- The command ----

async function ok(place: Place, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await place.run(words);
  assert.is(code, 0, `${words.join(' ')}: ${stderr}`);
  return stdout;
}

const secret = (place: Place, name: string, text: string): void => writeFileSync(place.path(name), text, { mode: 0o600 });

test('out and in again by files, in both forms; keys only where asked for', () =>
  inPlace(async (place) => {
    const key = (await ok(place, 'devices', 'add', 'pump-7')).trim();
    await ok(place, 'devices', 'add', 'plant/a,b');
    await ok(place, 'devices', 'disable', 'plant/a,b');
    const bare = await ok(place, 'devices', 'export');
    assert.match(bare, /^identity,protocol,access,added,key_id,state,made\n/);
    assert.not.ok(bare.includes(key));
    const refused = await place.run(['devices', 'export', '--with-keys']);
    assert.is(refused.code, 1);
    assert.match(refused.stderr, /INPUT_INVALID.*would be printed[^]*--out/);
    assert.is(refused.stdout, '');
    assert.ok((await ok(place, 'devices', 'export', '--with-keys', '--stdout', 'pump-7')).includes(key));
    for (const format of ['csv', 'json']) {
      const file = `all.${format}`;
      assert.match(await ok(place, 'devices', 'export', '--with-keys', '--format', format, '--out', file), /2 devices are in .*, with their keys/);
      if (posix) assert.is(statSync(place.path(file)).mode & 0o777, 0o600);
      assert.not.ok(existsSync(place.path(`${file}.new`)));
      assert.match((await place.run(['devices', 'export', '--with-keys', '--out', file])).stderr, /KEY_FILE_EXISTS/);
      const other = ['--database', `sqlite:${format}.db`];
      assert.match(await ok(place, 'devices', 'import', file, '--dry-run', ...other), /would import: 2 added, 0 replaced/);
      assert.not.ok(existsSync(place.path(`${format}.db`)), 'a trial makes no database');
      assert.is(await ok(place, 'devices', 'import', file, ...other), 'imported: 2 added, 0 replaced, 0 left as they are\n');
      assert.is(await ok(place, 'devices', 'export', '--with-keys', '--stdout', ...other), await ok(place, 'devices', 'export', '--with-keys', '--stdout'));
    }
  }));

test('an import is all or nothing: existing devices and faults are named together, and what becomes of the existing is chosen', () =>
  inPlace(async (place) => {
    const old = (await ok(place, 'devices', 'add', 'pump-7')).trim();
    secret(place, 'in.csv', `identity,key\npump-7,${KEY}\npump-8,${KEY}\n`);
    secret(place, 'bad.csv', `identity,key\npump-7,${KEY}\npump-9,${KEY}0\n`);
    const bad = await place.run(['devices', 'import', 'bad.csv']);
    assert.is(bad.code, 1);
    assert.match(bad.stderr, /IMPORT_INVALID: 2 faults in bad\.csv, nothing was imported: \n {2}line 2: "pump-7" exists already.*\n {2}line 3: the key is not 64/);
    assert.match((await place.run(['devices', 'import', 'in.csv'])).stderr, /one fault in in\.csv/);
    const names = async (): Promise<unknown[]> => jsonLines(await ok(place, 'devices', 'list', '--json')).map(({ identity }) => identity);
    assert.equal(await names(), ['pump-7']);
    assert.equal(jsonLines(await ok(place, 'devices', 'import', 'in.csv', '--existing', 'skip', '--json')), [{ added: 1, replaced: 0, skipped: 1, dryRun: false }]);
    assert.ok((await ok(place, 'devices', 'export', '--with-keys', '--stdout')).includes(old));
    assert.match(await ok(place, 'devices', 'import', 'in.csv', '--existing', 'replace'), /0 added, 2 replaced/);
    const after = await ok(place, 'devices', 'export', '--with-keys', '--stdout');
    assert.not.ok(after.includes(old));
    assert.is(after.split(KEY).length, 3);
  }));

test('a list of identities gets keys of its own, from stdin too', () =>
  inPlace(async (place) => {
    const { code, stderr } = await place.run(['devices', 'import', '-', '--format', 'csv', '--new-keys'], { input: 'identity\na\nb\n' });
    assert.is(code, 0, stderr);
    const rows = (await ok(place, 'devices', 'export', '--with-keys', '--stdout')).trim().split('\n').slice(1);
    const keys = rows.map((row) => row.split(',').at(-1)!);
    assert.ok(keys.length === 2 && keys.every((key) => /^[0-9a-f]{64}$/.test(key)) && keys[0] !== keys[1]);
    assert.match((await place.run(['devices', 'import', '-'], { input: '' })).stderr, /--format csv/);
  }));

onPosix('a file with keys that others may read is refused; a gateway that runs has the database for itself', () =>
  inPlace(async (place) => {
    secret(place, 'in.csv', `identity,key\npump-7,${KEY}\n`);
    chmodSync(place.path('in.csv'), 0o644);
    assert.match((await place.run(['devices', 'import', 'in.csv'])).stderr, /KEY_FILE_MODE/);
    chmodSync(place.path('in.csv'), 0o600);
    await place.serve();
    for (const words of [['import', 'in.csv'], ['export']]) assert.match((await place.run(['devices', ...words])).stderr, /GATEWAY_RUNNING/);
  }));

onPosix('a file that cannot be written whole is not there', () =>
  inPlace(async (place) => {
    mkdirSync(place.path('out'));
    const broken = function* (): Generator<string> {
      yield 'first\n';
      assert.is(readFileSync(place.path('out/file'), 'utf8'), '', 'nothing by half');
      throw new Error('no more room');
    };
    assert.throws(() => writeSecretFile(place.path('out/file'), broken()), (error: { code: string }) => error.code === 'KEY_FILE_UNWRITABLE');
    assert.equal(readdirSync(place.path('out')), []);
  }));

test.run();
