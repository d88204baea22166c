/** What the C client over wasm2c takes on 32-bit boards, with the compilers of Debian 12: flash beyond the C library, RAM with its stack. */
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CLIENT, FIRMWARE, ROOT, compiling, run } from './compiled.js';
import { measure } from './stack.js';

const BOARDS = {
  'Cortex-M3': { compiler: 'arm-none-eabi-gcc', flags: ['-mcpu=cortex-m3', '-mthumb'], flash: 24_576 },
  rv32imc: { compiler: 'riscv64-unknown-elf-gcc', flags: ['-march=rv32imc_zicsr', '-mabi=ilp32', '--specs=picolibc.specs'], flash: 40_960 },
};
const CORES = { 'core-device': 1, 'core-device-small': 2, 'core-device-hal': 3 };
/** Outbox and parts that the figures hold: two messages of the longest body, one in parts. */
const QUEUE = 2 * (512 + 16), PARTS = 512;
const RAM = 8_192;
/** What the C library takes below memcpy and setjmp, and a callback of the application's: not in the graph. */
const BELOW = 256;

const rows: string[] = [];

for (const [board, { compiler, flags, flash }] of Object.entries(BOARDS)) {
  for (const [name, core] of Object.entries(CORES)) {
    compiling(test, compiler)(`${name} on ${board}: within its flash and its RAM`, () => {
      const sources = [...CLIENT.filter((file) => !file.endsWith('status.c')), 'src/engine-wasm2c.c', ...(core === 3 ? ['src/hal.c'] : [])].map((file) => path.join(FIRMWARE, file));
      const all = ['-std=c99', '-O2', ...flags, `-DTL_CORE=${core}`, `-I${path.join(FIRMWARE, 'include')}`];
      const { text, stack, path: way } = measure(compiler, all, sources);
      const probe = path.join(os.tmpdir(), `tidelock-probe-${process.pid}`);
      writeFileSync(`${probe}.c`, '#include "tidelock.h"\nuint64_t tl_probe[TL_MEMORY_BYTES / 8];\n');
      run(compiler, [...all, '-c', `${probe}.c`, '-o', `${probe}.o`]);
      const memory = parseInt(/^\w+ (\w+) \w tl_probe$/m.exec(run(compiler.replace(/gcc$/, 'nm'), ['-S', `${probe}.o`]))![1]!, 16);
      const ram = memory + QUEUE + PARTS + stack + BELOW;
      assert.ok(text <= flash, `${text} bytes of flash, at most ${flash}`);
      assert.ok(ram <= RAM, `${ram} bytes of RAM: client ${memory}, stack ${stack} (${way.join(' → ')})`);
      rows.push(`| ${name} | ${board} | ${text.toLocaleString('en')} | ${memory.toLocaleString('en')} | ${stack.toLocaleString('en')} |`);
    });
  }
}

compiling(test)('docs/firmware.md has these figures, to a twentieth', () => {
  const docs = readFileSync(path.join(ROOT, 'docs', 'firmware.md'), 'utf8');
  const cells = (row: string): (string | number)[] => row.split('|').slice(1, -1).map((cell) => cell.trim()).map((cell) => (/^[\d,]+$/.test(cell) ? Number(cell.replaceAll(',', '')) : cell));
  for (const row of rows) {
    const [core, board, ...figures] = cells(row);
    const line = docs.split('\n').map(cells).find((it) => it[0] === core && it[1] === board);
    assert.ok(line, `docs/firmware.md has no row\n${row}`);
    for (const [i, figure] of figures.entries()) {
      const written = Number(line[i + 2]);
      assert.ok(Math.abs(written - Number(figure)) <= Number(figure) / 20, `docs/firmware.md says ${written}; now it is\n${rows.join('\n')}`);
    }
  }
});

test.run();
