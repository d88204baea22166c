/**
 * Instructions, RAM and flash of the client on both boards, by QEMU's counter and gcc's sizes: the same on every machine. `ours` is
 * the engine, `peer` native C written by hand (bench/native). Options: see --help.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { optionsOf } from '../../test/support/options.js';
import { type Board, type Instructions, type Runner, instructions, shaBlock } from './measure.js';
import { readmeTable } from './table.js';
import { footprint } from './footprint.js';
import type { Suite } from './scene.js';

const BOARDS: Board[] = ['m3', 'rv32'];
const RUNNERS: Runner[] = ['native', 'wasm2c', 'wasm2c-hal', 'wamr-fast', 'wamr-fast-hal', 'wamr-classic'];
const SUITES: Suite[] = ['signed', 'sealed'];
/** An in-order core that gets an instruction from its cache in every cycle but for loads, branches taken and multiplications. */
const CYCLES_PER_INSTRUCTION = 1.3, MEGAHERTZ = 160;

interface Row {
  name: string;
  unit: string;
  ours: number;
  peer: number;
  peerName: string;
  ratio: number;
}

const HELP = `Instructions, RAM and flash of the client on both boards, under every engine, against C written by hand. The same on every machine.

  npm run bench:mcu -- [--quick] [--json FILE] [--keep]

  --quick      leaves WAMR out
  --json FILE  writes the rows there too
  --keep       writes figures.json and README's table
`;

const values = optionsOf(HELP, { json: { type: 'string' }, quick: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false } });
const rows: Row[] = [];
const lines: string[] = [];
const say = (line: string): void => {
  lines.push(line);
  console.log(line);
};
const number = (value: number): string => value.toLocaleString('en');

for (const board of BOARDS) {
  for (const suite of SUITES) {
    let native: Instructions | undefined;
    for (const runner of RUNNERS.filter((name) => !values.quick || !name.startsWith('wamr'))) {
      const got = await instructions(board, runner, suite);
      native ??= got;
      for (const what of ['sign', 'verify'] as const) {
        rows.push({ name: `mcu.${board}.${runner}.${suite}.${what}`, unit: 'instructions', ours: got[what], peer: native[what], peerName: 'native C', ratio: got[what] / native[what] });
      }
      if (got.handshake > 0) rows.push({ name: `mcu.${board}.${runner}.${suite}.handshake`, unit: 'instructions', ours: got.handshake, peer: got.handshake, peerName: '', ratio: 1 });
      const ratio = (what: 'sign' | 'verify'): string => (got[what] / native![what]).toFixed(2);
      const handshake = got.handshake === 0 ? '' : `  handshake ${number(got.handshake)}, ${((got.handshake * CYCLES_PER_INSTRUCTION) / MEGAHERTZ / 1000).toFixed(1)} ms at ${MEGAHERTZ} MHz and ${CYCLES_PER_INSTRUCTION} cycles an instruction`;
      say(`${board.padEnd(5)}${suite.padEnd(8)}${runner.padEnd(14)} sign ${number(got.sign).padStart(9)} (${ratio('sign')} ×)  verify ${number(got.verify).padStart(9)} (${ratio('verify')} ×)${handshake}`);
    }
  }
}
for (const board of BOARDS) {
  for (const runner of RUNNERS.filter((name) => !values.quick || !name.startsWith('wamr'))) {
    const ours = await shaBlock(board, runner);
    rows.push({ name: `mcu.${board}.${runner}.sha256-block`, unit: 'instructions', ours, peer: ours, peerName: '', ratio: 1 });
    say(`${board.padEnd(5)}${runner.padEnd(14)} a block of SHA-256 ${number(ours)}`);
  }
}
for (const board of BOARDS) {
  for (const engine of ['wasm2c', 'wamr-fast', 'wamr-classic'] as const) {
    if (values.quick && engine !== 'wasm2c') continue;
    for (const [name, core] of [['device', 'core-device'], ['small', 'core-device-small'], ['device-padded', 'core-device']] as const) {
      if (name === 'device-padded' && engine !== 'wamr-fast') continue;
      const { ram, flash, parts } = await footprint(board, engine, core, name === 'device-padded');
      for (const [what, ours] of [['ram', ram], ['flash', flash]] as const) rows.push({ name: `mcu.${board}.${engine}.${name}.${what}`, unit: 'bytes', ours, peer: ours, peerName: '', ratio: 1 });
      say(`${board.padEnd(5)}${engine.padEnd(14)}${name.padEnd(14)} RAM ${number(ram).padStart(7)} (${parts})  flash ${number(flash).padStart(7)}`);
    }
  }
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
if (values.keep) {
  const file = (name: string): URL => new URL(name, import.meta.url);
  const kept = JSON.parse(readFileSync(file('figures.json'), 'utf8')) as Record<string, number>;
  for (const { name, ours } of rows) kept[name] = ours;
  writeFileSync(file('figures.json'), `${JSON.stringify(kept, null, 2)}\n`);
  const readme = readFileSync(file('../../README.md'), 'utf8');
  writeFileSync(file('../../README.md'), readme.replace(/(<!-- mcu -->\n)[^]*(\n<!-- \/mcu -->)/, (_all, before: string, after: string) => before + readmeTable(kept) + after));
}
