/**
 * The Arduino sketch: compiled as C++ with stand-ins for Arduino's headers (standin/arduino), linked with the library's sources, and
 * run on this machine against the real gateway.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inPlace } from '../cli/harness.js';
import { FIRMWARE, ROOT, SANITIZED, WASM2C, compile, compiling, run } from './compiled.js';

const SKETCH = path.join(FIRMWARE, 'arduino', 'examples', 'Sensor', 'Sensor.ino');
const STANDIN = path.join(ROOT, 'test', 'firmware', 'standin', 'arduino');

compiling(test, 'g++')('the sketch compiles without a warning, and its readings and commands pass', () => inPlace(async (place) => {
  const object = place.path('sketch.o');
  run('g++', ['-std=c++11', '-O1', '-Wall', '-Wextra', '-Werror', ...SANITIZED, `-I${STANDIN}`, `-I${FIRMWARE}/include`, `-DSKETCH="${SKETCH}"`, '-c', path.join(STANDIN, 'main.cpp'), '-o', object]);
  const program = compile({ compiler: 'g++', sources: [object, ...archive(place.path('objects'))] });
  const added = await place.run(['devices', 'add', 'sensor-1', '--key-file', 'sensor-1.key']);
  assert.is(added.code, 0, added.stderr);
  const { gateway, url } = await place.serve();
  const sketch = spawn(program, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TIDELOCK_PORT: new URL(url.replace(/^\w+/, 'http')).port, TIDELOCK_KEY: place.path('sensor-1.key') } });
  let output = '';
  sketch.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  try {
    const changed = await place.run(['send', 'sensor-1', 'interval 1', '--wait']);
    assert.is(changed.code, 0, changed.stderr);
    const refused = await place.run(['send', 'sensor-1', 'interval 0', '--wait']);
    assert.is.not(refused.code, 0, 'what it does not obey its sender hears');
    assert.match(await gateway.line('stdout', /21\.5/), /^sensor-1\t\S+\t21\.5$/);
    assert.match(output, /^online$/m);
    assert.is(output.match(/^interval changed$/gm)?.length, 1, output);
  } finally {
    sketch.kill('SIGKILL');
    await once(sketch, 'close');
  }
}));

/** The library's C files, compiled as C: g++ would take them for C++. */
function archive(prefix: string): string[] {
  return WASM2C.map((file, index) => {
    const object = `${prefix}-${index}.o`;
    run('gcc', ['-std=c99', '-O1', ...SANITIZED, `-I${FIRMWARE}/include`, '-c', path.join(FIRMWARE, file), '-o', object]);
    return object;
  });
}

test.run();
