/**
 * bench:mcu, whose figures are QEMU's and gcc's and so the same on every machine: none is more than 3 % above the one kept in
 * bench/mcu/figures.json, which README shows; and the limits hold.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { footprint } from '../../bench/mcu/footprint.js';
import { type Board, type Runner, engineOf, instructions } from '../../bench/mcu/measure.js';
import { readmeTable } from '../../bench/mcu/table.js';
import { ROOT } from '../firmware/compiled.js';
import { missingPart } from '../firmware/images.js';
import { skipMissing } from '../support/skip.js';

const figures = JSON.parse(readFileSync(path.join(ROOT, 'bench/mcu/figures.json'), 'utf8')) as Record<string, number>;
const BOARDS: Board[] = ['m3', 'rv32'];
const SUITES = ['signed', 'sealed'] as const;
const GROWTH = 1.03;
const KIB = 1024;

function kept(name: string, now: number): void {
  const before = figures[name];
  assert.ok(before !== undefined, `bench/mcu/figures.json has no ${name}: npm run bench:mcu -- --keep`);
  assert.ok(now <= before * GROWTH, `${name} is ${now}, it was ${before}`);
}

for (const board of BOARDS) {
  for (const runner of ['native', 'wasm2c', 'wasm2c-hal', 'wamr-fast', 'wamr-fast-hal'] as Runner[]) {
    const engine = engineOf(runner);
    const missing = missingPart(board, engine === 'none' ? 'wasm2c' : engine);
    const define = missing === undefined ? test : skipMissing(test, missing);
    define(`${board}, ${runner}: instructions to sign and to verify a message of 64 bytes`, async () => {
      for (const suite of SUITES) {
        const now = await instructions(board, runner, suite);
        kept(`mcu.${board}.${runner}.${suite}.sign`, now.sign);
        kept(`mcu.${board}.${runner}.${suite}.verify`, now.verify);
        if (runner !== 'native') kept(`mcu.${board}.${runner}.${suite}.handshake`, now.handshake);
      }
    });
  }
  const missing = missingPart(board, 'wasm2c');
  (missing === undefined ? test : skipMissing(test, missing))(`${board}, wasm2c: RAM and flash`, async () => {
    for (const [name, core] of [['device', 'core-device'], ['small', 'core-device-small']] as const) {
      const { ram, flash } = await footprint(board, 'wasm2c', core);
      kept(`mcu.${board}.wasm2c.${name}.ram`, ram);
      kept(`mcu.${board}.wasm2c.${name}.flash`, flash);
    }
  });
}

test('the limits', () => {
  const of = (name: string): number => figures[`mcu.${name}`]!;
  const ratio = (board: Board, runner: Runner, what: string): number => of(`${board}.${runner}.signed.${what}`) / of(`${board}.native.signed.${what}`);
  for (const what of ['sign', 'verify']) {
    assert.ok(ratio('m3', 'wasm2c', what) <= 1.6);
    assert.ok(ratio('rv32', 'wasm2c', what) <= 2);
    for (const board of BOARDS) assert.ok(ratio(board, 'wamr-fast-hal', what) <= 3);
  }
  assert.ok(of('m3.wasm2c.device.flash') <= 24 * KIB);
  assert.ok(of('rv32.wasm2c.device.flash') <= 40 * KIB);
  for (const board of BOARDS) {
    for (const [engine, small, device] of [['wasm2c', 8, 8], ['wamr-fast', 32, 48], ['wamr-classic', 24, 28]] as const) {
      assert.ok(of(`${board}.${engine}.small.ram`) <= small * KIB, `${board} ${engine} small: ${of(`${board}.${engine}.small.ram`)}`);
      assert.ok(of(`${board}.${engine}.device.ram`) <= device * KIB, `${board} ${engine} device: ${of(`${board}.${engine}.device.ram`)}`);
    }
  }
});

test('README shows these figures', () => {
  const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
  assert.is(/<!-- mcu -->\n([^]*?)\n<!-- \/mcu -->/.exec(readme)?.[1], readmeTable(figures));
});

test.run();
