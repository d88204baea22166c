/** What provisions a device: the QR code, read by an independent decoder, and NVS, made into a partition by the tool of ESP-IDF. */
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { qrLines } from '../../dist/host/cli/transfer/qr.js';
import { foundPython, pythonEnvironment } from '../support/python.js';
import { found, skipMissing } from '../support/skip.js';
import { inPlace, posix } from './harness.js';

const test = suite('provisioning');
type Decode = (data: Uint8ClampedArray, width: number, height: number) => { data: string } | null;
const jsqr = createRequire(import.meta.url)('jsqr') as Decode | { default: Decode };
const decode = typeof jsqr === 'function' ? jsqr : jsqr.default;

const PIN = `sha256/${'A'.repeat(42)}E=`;
const MODULE = 4; // pixels

/** The picture that a camera would take of these lines: light where a block is. */
function read(lines: readonly string[]): string | undefined {
  const rows = lines.map((line) => [...line.replace(/\u001b\[[0-9;]*m/g, '')]);
  const width = rows[0]!.length * MODULE, height = rows.length * 2 * MODULE;
  const pixels = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const upper = (y / MODULE) % 2 < 1;
      const sign = rows[Math.floor(y / MODULE / 2)]![Math.floor(x / MODULE)]!;
      const light = sign === '█' || sign === (upper ? '▀' : '▄');
      if (!light) pixels.fill(0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  return decode(pixels, width, height)?.data;
}

test('a QR code of any length is read again, light around it on all sides', () => {
  for (const text of ['a', 'tidelock:provision?id=x', 'é'.repeat(40), 'x'.repeat(600)]) {
    for (const colours of [false, true]) assert.is(read(qrLines(text, colours)), text);
    const lines = qrLines(text, false);
    assert.ok(lines.slice(0, 2).every((line) => /^█+$/.test(line)) && lines.every((line) => line.startsWith('████') && line.endsWith('████')));
  }
  assert.ok(qrLines('a', true).every((line) => line.startsWith('\u001b[97;40m') && line.endsWith('\u001b[0m')), 'whatever the colours of the terminal are');
});

test('the code of devices add has the key that the gateway knows, and is shown later only with what shows keys', () =>
  inPlace(async (place) => {
    const more = ['--url', 'tidelock://gateway.lan:9000', '--pin', PIN];
    const refused = await place.run(['devices', 'add', 'plant/pump-7', '--qr']);
    assert.is(refused.code, 1);
    assert.match(refused.stderr, /INPUT_INVALID: the QR code has the key in it, and stdout is no terminal/);
    assert.match((await place.run(['devices', 'list'])).stderr, /does not exist/, 'and no device was added');
    const added = await place.run(['devices', 'add', 'plant/pump-7', '--qr', '--force', ...more]);
    assert.is(added.code, 0, added.stderr);
    const uri = read(added.stdout.trimEnd().split('\n'))!;
    const stored = (await place.run(['devices', 'export', '--with-keys', '--stdout'])).stdout.trim().split(',').at(-1)!;
    assert.is(uri, `tidelock:provision?id=plant%2Fpump-7&key=${stored}&key_id=0&url=tidelock%3A%2F%2Fgateway.lan%3A9000&pin=${encodeURIComponent(PIN)}`);
    assert.is(new URL(uri).searchParams.get('id'), 'plant/pump-7');
    assert.not.ok((added.stdout + added.stderr).includes(stored), 'and not as text beside it');
    const show = ['devices', 'export', '--format', 'qr', 'plant/pump-7'];
    assert.match((await place.run(show)).stderr, /--with-keys/);
    assert.match((await place.run([...show, '--with-keys', '--force'])).stderr, /would be printed/);
    assert.match((await place.run([...show, '--with-keys', '--stdout'])).stderr, /no terminal/);
    const again = await place.run([...show, '--with-keys', '--stdout', '--force', ...more]);
    assert.is(read(again.stdout.trimEnd().split('\n')), uri);
  }));

const inTerminal = found('script') && posix ? test : skipMissing(test, 'script (util-linux)');

inTerminal('in a terminal it needs no word', () =>
  inPlace(async (place) => {
    const { COMMAND } = await import('./harness.js');
    const { stdout, status } = spawnSync('script', ['-qec', `'${process.execPath}' '${COMMAND}' devices add pump-7 --qr`, '/dev/null'], { cwd: place.folder, encoding: 'utf8', input: '' });
    assert.is(status, 0, stdout);
    const lines = stdout.split(/\r?\n/).filter((line) => line.startsWith('\u001b[97;40m'));
    assert.match(read(lines) ?? '', /^tidelock:provision\?id=pump-7&key=[0-9a-f]{64}&key_id=0$/);
  }));

const withTool = foundPython('esp_idf_nvs_partition_gen') ? test : skipMissing(test, 'esp-idf-nvs-partition-gen');

withTool('the tool of ESP-IDF makes a partition of each file, and the key is in it', () =>
  inPlace(async (place) => {
    for (const id of ['pump-7', 'plant/a, b']) await place.run(['devices', 'add', id]);
    await place.run(['devices', 'rotate', 'pump-7', '--key-file', 'next.key']);
    await place.run(['devices', 'add', '1234567890', '--iotsocket']);
    assert.match((await place.run(['devices', 'export', '--format', 'nvs', '--out', 'nvs'])).stderr, /--with-keys/);
    const made = await place.run(['devices', 'export', '--format', 'nvs', '--with-keys', '--out', 'nvs', '--url', 'tidelocks://gateway.lan', '--pin', PIN, '--pin', PIN]);
    assert.is(made.code, 0, made.stderr);
    assert.match(made.stderr, /1234567890 is left out/);
    assert.equal(readdirSync(place.path('nvs')).sort(), ['plant%2Fa%2C%20b.csv', 'pump-7.csv']);
    if (posix) assert.ok(readdirSync(place.path('nvs')).every((name) => (statSync(place.path(`nvs/${name}`)).mode & 0o777) === 0o600));
    for (const [file, identity, keyId] of [['pump-7.csv', 'pump-7', 1], ['plant%2Fa%2C%20b.csv', 'plant/a, b', 0]] as const) {
      const run = spawnSync('python3', ['-m', 'esp_idf_nvs_partition_gen', 'generate', `nvs/${file}`, 'out.bin', '0x6000'], { cwd: place.folder, encoding: 'utf8', env: pythonEnvironment });
      assert.is(run.status, 0, `${run.stdout}${run.stderr}`);
      const binary = readFileSync(place.path('out.bin'));
      const text = readFileSync(place.path(`nvs/${file}`), 'utf8');
      const key = Buffer.from(/^key,data,hex2bin,([0-9a-f]{64})$/m.exec(text)![1]!, 'hex');
      if (keyId === 1) assert.is(key.toString('hex'), readFileSync(place.path('next.key'), 'utf8').trim(), 'the newest key');
      for (const part of [key, Buffer.from(`${identity}\0`), Buffer.from('tidelocks://gateway.lan\0'), Buffer.from(`${PIN}\0`)]) assert.ok(binary.includes(part), part.toString());
      // An entry: namespace 1, type u8, span 1, chunk 0xff, crc, name of 16 bytes, data.
      const at = binary.indexOf(Buffer.from('key_id\0'.padEnd(16, '\0')));
      assert.equal([binary[at - 8], binary[at - 7], binary[at + 16]], [1, 1, keyId]);
    }
  }));

test('what a device could not keep is refused', () =>
  inPlace(async (place) => {
    for (const words of [['--url', 'http://x'], ['--url', `tidelock://${'x'.repeat(130)}`], ['--pin', 'sha256/x'], ['--pin', PIN, '--pin', PIN, '--pin', PIN]]) {
      assert.is((await place.run(['devices', 'add', 'a', '--qr', '--force', ...words])).code, 2, words.join(' '));
    }
  }));

test.run();
