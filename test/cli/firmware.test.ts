/** `tidelock firmware`: what it writes, and where it refuses. What comes of it is compiled in test/package/firmware.test.ts. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { firmware } from '../../dist/host/cli/firmware.js';
import { TidelockError } from '../../dist/host/errors.js';
import { FIRMWARE, generated } from '../firmware/compiled.js';
import { skipMissing } from '../support/skip.js';
import { inPlace } from './harness.js';

const whole = generated ? test : skipMissing(test, 'wasm2c (wabt 1.0.32) at build time');
const version = (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version;

whole('C, with each core as the default of its header', () => inPlace(async (place) => {
  for (const [core, macro] of [['device', 'TL_CORE_DEVICE'], ['small', 'TL_CORE_SMALL'], ['hal', 'TL_CORE_HAL']] as const) {
    const { code, stdout, stderr } = await place.run(['firmware', '--out', core, '--core', core]);
    assert.is(code, 0, stderr);
    assert.match(stdout, new RegExp(`^wrote \\d+ files to ${core}: C sources, core ${core}, engine wasm2c\n`));
    assert.match(readFileSync(place.path(`${core}/include/tidelock.h`), 'utf8'), new RegExp(`^#ifndef TL_CORE\n#define TL_CORE ${macro}\n#endif$`, 'm'));
    for (const file of ['LICENSE', 'NOTICE', 'src/client.c', 'src/engine-wasm2c.c']) assert.ok(existsSync(place.path(`${core}/${file}`)), file);
    assert.not.ok(existsSync(place.path(`${core}/src/engine-wamr.c`)));
  }
}));

whole('--json names every file; Arduino and ESP-IDF have what their tools look for', () => inPlace(async (place) => {
  for (const [kind, wanted] of [['arduino', ['library.properties', 'library.json', 'src/tidelock.h', 'examples/Sensor/Sensor.ino']], ['esp-idf', ['CMakeLists.txt', 'Kconfig', 'idf_component.yml', 'include/esp_tidelock.h', 'tidelock/wasm2c/core-device-hal.w2c.h', 'examples/sensor/main/sensor.c', 'README.md']]] as const) {
    const { code, stdout, stderr } = await place.run(['firmware', '--out', kind, '--for', kind, '--json']);
    assert.is(code, 0, stderr);
    const said = JSON.parse(stdout) as { out: string; version: string; files: string[] };
    assert.is(said.version, version);
    for (const file of wanted) assert.ok(said.files.includes(file), `${kind}: ${file}`);
    for (const file of said.files) assert.ok(existsSync(place.path(`${kind}/${file}`)), file);
    assert.not.ok(said.files.some((file) => file.includes('-test')), 'twins with primitives are the tests’ own');
  }
}));

whole('a folder that holds something is left alone; --force replaces the command’s own files and no others', () => inPlace(async (place) => {
  assert.is((await place.run(['firmware', '--out', 'lib', '--for', 'esp-idf'])).code, 0);
  writeFileSync(place.path('lib/mine.c'), 'int mine;\n');
  writeFileSync(place.path('outside.c'), 'int outside;\n');
  writeFileSync(place.path('lib/src/task.c'), 'changed\n');
  const again = await place.run(['firmware', '--out', 'lib']);
  assert.is.not(again.code, 0);
  assert.match(again.stderr, /^tidelock: INPUT_INVALID: the folder lib is not empty\.\n {2}→ .*--force/);
  assert.is(readFileSync(place.path('lib/src/task.c'), 'utf8'), 'changed\n');
  const note = JSON.parse(readFileSync(place.path('lib/tidelock.json'), 'utf8')) as { files: string[] };
  writeFileSync(place.path('lib/tidelock.json'), JSON.stringify({ files: [...note.files, '../outside.c', path.resolve(place.path('outside.c'))] }));
  assert.is((await place.run(['firmware', '--out', 'lib', '--force'])).code, 0);
  assert.not.ok(existsSync(place.path('lib/src/task.c')), 'what it wrote before is gone');
  assert.ok(existsSync(place.path('lib/src/client.c')));
  assert.ok(existsSync(place.path('lib/mine.c')));
  assert.ok(existsSync(place.path('outside.c')), 'a note cannot name what lies elsewhere');
}));

test('what cannot be is refused in words', () => inPlace(async (place) => {
  writeFileSync(place.path('file'), '');
  const cases: [string[], RegExp][] = [
    [[], /required option '--out <DIR>'/],
    [['--out', 'x', '--for', 'zephyr'], /Allowed choices are c, esp-idf, arduino/],
    [['--out', 'x', '--core', 'large'], /Allowed choices are device, small, hal/],
    [['--out', 'x', '--for', 'arduino', '--engine', 'wamr'], /INPUT_INVALID: --engine wamr is not for Arduino/],
    ...(generated ? [[['--out', 'file'], /the folder file is a file\./], [['--out', 'file/below'], /the folder file\/below cannot be written: /]] as [string[], RegExp][] : []),
  ];
  for (const [words, wanted] of cases) {
    const { code, stdout, stderr } = await place.run(['firmware', ...words]);
    assert.is.not(code, 0, words.join(' '));
    assert.match(stderr, wanted);
    assert.match(stderr, /^ {2}→ /m);
    assert.is(stdout, '');
    assert.not.ok(existsSync(place.path('x')), 'nothing is written');
  }
}));

test('a package that was built without wasm2c says so, and what to do', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-incomplete-'));
  try {
    mkdirSync(path.join(folder, 'dist'));
    cpSync(FIRMWARE, path.join(folder, 'dist', 'firmware'), { recursive: true });
    cpSync(fileURLToPath(new URL('../../LICENSE', import.meta.url)), path.join(folder, 'LICENSE'));
    rmSync(path.join(folder, 'dist', 'firmware', 'wasm2c'), { recursive: true, force: true });
    const words = { out: path.join(folder, 'out'), kind: 'c', engine: 'wasm2c', core: undefined, force: false, json: false } as const;
    const error = await firmware(words, version, undefined as never, `${folder}/`).then(() => undefined, (reason: unknown) => reason);
    assert.ok(error instanceof TidelockError);
    assert.is(error.code, 'FIRMWARE_INCOMPLETE');
    assert.match(error.message, /cores as C \(dist\/firmware\/wasm2c\/core-device\.w2c\.h\): it was built without wasm2c.*wabt 1\.0\.32/);
    assert.not.ok(existsSync(words.out));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the version of library and component is the package’s', () => {
  const read = (name: string): string => readFileSync(path.join(FIRMWARE, name), 'utf8');
  assert.match(read('arduino/library.properties'), `\nversion=${version}\n`);
  assert.is((JSON.parse(read('arduino/library.json')) as { version: string }).version, version);
  assert.match(read('esp-idf/idf_component.yml'), `version: "${version}"\n`);
});

test.run();
