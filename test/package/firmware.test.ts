/** What `tidelock firmware` writes out of the installed package compiles, links and runs, with nothing of the repository at hand. */
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { generated } from '../firmware/compiled.js';
import { found, skipMissing } from '../support/skip.js';
import { install, must, type Installed } from './installed.js';

let user: Installed;
test.before(() => {
  user = install();
});
test.after(() => user.remove());

const withC = !generated ? skipMissing(test, 'wasm2c (wabt 1.0.32) at build time') : found('gcc') ? test : skipMissing(test, 'gcc');

/** Opens a client, starts it, and looks at the HELLO that it would send. */
const PROGRAM = `#include <stdio.h>
#include <string.h>
#include "tidelock.h"
static uint64_t memory[TL_MEMORY_BYTES / 8];
static bool draw(void *user, uint8_t *out, uint32_t bytes) { (void)user; memset(out, 7, bytes); return true; }
static tl_verdict tell(void *user, const tl_event *event) { *(int *)user = (int)event->kind; return TL_TAKE; }
int main(void) {
  static const uint8_t key[32] = {1};
  int kind = 0;
  uint32_t count = 0;
  tl_client *client;
  tl_config config;
  memset(&config, 0, sizeof config);
  config.size = sizeof config;
  config.memory = memory;
  config.memory_bytes = sizeof memory;
  config.key = key;
  config.identity = "pump-7";
  config.user = &kind;
  config.random = draw;
  config.event = tell;
  if (tl_open(&client, &config, 0) != TL_OK || tl_start(client, 0) != TL_OK || kind != TL_EV_CONNECT) return 1;
  if (tl_connected(client, 0) != TL_OK || tl_output(client, &count) == NULL) return 2;
  printf("core %d, HELLO of %u bytes\\n", TL_CORE, (unsigned)count);
  return 0;
}
`;

function write(name: string, ...words: string[]): string {
  const bin = path.join(user.directory, 'node_modules', 'tidelock', 'dist', 'host', 'cli', 'main.js');
  must(process.execPath, [bin, 'firmware', '--out', name, ...words], user.directory);
  return path.join(user.directory, name);
}

function sourcesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.c')).map((name) => path.join(folder, name));
}

for (const [core, macro] of [['device', 1], ['small', 2], ['hal', 3]] as const) {
  withC(`C with the core ${core}: compiled by gcc without a warning, linked, and it says HELLO`, () => {
    const folder = write(`c-${core}`, '--core', core);
    writeFileSync(path.join(folder, 'main.c'), PROGRAM);
    must('gcc', ['-std=c99', '-O2', '-Wall', '-Wextra', '-Werror', '-Iinclude', 'main.c', ...sourcesIn(path.join(folder, 'src')), '-o', 'program'], folder);
    assert.is(must(path.join(folder, 'program'), [], folder), `core ${macro}, HELLO of 35 bytes\n`);
  });
}

const withRiscv = found('riscv64-unknown-elf-gcc') ? withC : skipMissing(test, 'riscv64-unknown-elf-gcc');
withRiscv('the same for rv32imac: compiled, and linked with picolibc', () => {
  const folder = write('rv32');
  writeFileSync(path.join(folder, 'main.c'), PROGRAM.replace(/ {2}printf.*\n/, ''));
  must('riscv64-unknown-elf-gcc', ['-march=rv32imac', '-mabi=ilp32', '--specs=picolibc.specs', '-std=c99', '-O2', '-Wall', '-Wextra', '-Werror', '-Iinclude', 'main.c', ...sourcesIn(path.join(folder, 'src')), '-o', 'program'], folder);
});

withC('the Arduino library: every source of src/ compiles in its own folder, and a C++ program links with it', () => {
  const folder = write('arduino', '--for', 'arduino');
  const objects = sourcesIn(path.join(folder, 'src')).map((source) => {
    must('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-c', source, '-o', `${source}.o`], folder);
    return `${source}.o`;
  });
  writeFileSync(path.join(folder, 'main.cpp'), PROGRAM);
  must('g++', ['-std=c++11', '-O2', '-Wall', '-Wextra', '-Werror', '-Isrc', 'main.cpp', ...objects, '-o', 'program'], folder);
  assert.is(must(path.join(folder, 'program'), [], folder), 'core 1, HELLO of 35 bytes\n');
});

test.run();
