/** The Linux example of the C client, a process of its own, against the real gateway over TCP and UDP. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inPlace, type Place } from '../cli/harness.js';
import { buildImage } from '../../scripts/lib/firmware/image.mjs';
import { skipMissing } from '../support/skip.js';
import { SANITIZED, WASM2C, compile, compiling } from './compiled.js';
import { CLIENT, missingPart } from './images.js';

const CORES = { device: 1, small: 2, hal: 3 } as const;
const programs = new Map<number, string>();

function program(core: number): string {
  let file = programs.get(core);
  if (file === undefined) {
    file = compile({ sources: ['examples/linux/main.c', ...WASM2C], flags: ['-std=c99', '-Wall', '-Wextra', '-Werror', ...SANITIZED], defines: { TL_CORE: core } });
    programs.set(core, file);
  }
  return file;
}

/** A running device; everything that it said is kept. */
class Device {
  output = '';
  readonly child: ChildProcess;
  readonly #looks = new Set<() => void>();

  constructor(file: string, words: string[]) {
    this.child = spawn(file, words, { stdio: 'pipe' });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        for (const look of this.#looks) look();
      });
    }
    this.child.once('close', () => this.#looks.forEach((look) => look()));
  }

  said(wanted: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (wanted.test(this.output)) resolve();
        else if (this.child.exitCode !== null) reject(new Error(`it ended without ${wanted}:\n${this.output}`));
        else return;
        this.#looks.delete(look);
      };
      this.#looks.add(look);
      look();
    });
  }

  async ended(): Promise<number | null> {
    if (this.child.exitCode === null) await once(this.child, 'close');
    return this.child.exitCode;
  }
}

async function provision(place: Place): Promise<void> {
  const added = await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key']);
  assert.is(added.code, 0, added.stderr);
}

async function talk(place: Place, file: string, link: 'tcp' | 'udp'): Promise<void> {
  await provision(place);
  const { gateway, url } = await place.serve(link === 'udp' ? ['--listen', 'tidelock+udp://127.0.0.1:0'] : []);
  const ready = JSON.parse(await gateway.line('stderr', /"msg":"ready"/)) as { addresses: string[] };
  const address = new URL((link === 'udp' ? ready.addresses.find((it) => it.includes('udp'))! : url).replace(/^[^:]*/, 'http'));
  const device = new Device(file, [address.hostname, address.port, 'pump-7', place.path('pump-7.key'), link, place.path('record')]);
  try {
    device.child.stdin!.write('21.5 degrees\n');
    await device.said(/^delivered: message 1$/m);
    assert.match(await gateway.line('stdout', /21\.5/), /^pump-7\t[-0-9]+T[:.0-9]+Z\t21\.5 degrees$/);
    const sent = await place.run(['send', 'pump-7', 'valve open', '--wait']);
    assert.is(sent.code, 0, sent.stderr);
    await device.said(/^message: valve open$/m);
    device.child.stdin!.end(Array.from({ length: 100 }, (_, i) => `reading ${i}\n`).join(''));
    assert.is(await device.ended(), 0, device.output);
    assert.match(device.output, /^101 delivered, 0 not$/m);
    await gateway.line('stdout', /reading 99$/);
    const readings = gateway.stdout.split('\n').filter((line) => line.includes('\treading ')).map((line) => line.split('\t')[2]);
    assert.equal(readings, Array.from({ length: 100 }, (_, i) => `reading ${i}`), 'each once, in order');
  } finally {
    device.child.kill('SIGKILL');
    await device.ended();
  }
}

for (const [name, core] of Object.entries(CORES)) {
  compiling(test)(`${name}, TCP: a reading reaches the gateway, a command the device, a hundred more in order`, () => inPlace((place) => talk(place, program(core), 'tcp')));
  if (name !== 'small') compiling(test)(`${name}, UDP: the same`, () => inPlace((place) => talk(place, program(core), 'udp')));
}

for (const engine of ['wamr-fast', 'wamr-classic'] as const) {
  const missing = missingPart('host', engine);
  for (const core of ['core-device', 'core-device-small', 'core-device-hal']) {
    (missing ? skipMissing(test, missing) : test)(`${core} under ${engine}, sanitized, TCP: the same`, async () => {
      const sources = ['examples/linux/main.c', 'src/status.c'].map((name) => `dist/firmware/${name}`);
      const file = await buildImage({ board: 'host', engine, core, sources: [...sources, ...CLIENT] });
      await inPlace((place) => talk(place, file, 'tcp'));
    });
  }
}

test.run();
