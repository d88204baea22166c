/**
 * The component of ESP-IDF and its example: compiled for rv32imc with the headers of ESP-IDF 5.5.1 and mbedTLS 3.6.5, each chip with
 * its own sdkconfig. Compiled is all: nothing of this runs (esp-idf-run.test.ts does, on this machine).
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wamrRoot } from '../../scripts/lib/firmware/wamr.mjs';
import { COMMAND } from '../cli/harness.js';
import { found, skipMissing } from '../support/skip.js';
import { FIRMWARE, run } from './compiled.js';
import { COMPONENT, STANDIN, flags, sourcesOf, withParts, type Target } from './esp-idf-parts.js';

const RISCV = 'riscv64-unknown-elf-gcc';
const compiled = withParts(test, RISCV);
const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-esp-idf-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const CLIENT = ['client', 'core', 'events', 'outbox', 'query', 'status', 'engine-wasm2c', 'hal'].map((name) => path.join(FIRMWARE, 'src', `${name}.c`));

interface Case extends Target {
  name: string;
  /** Xtensa chips: no compiler of theirs is at hand, so another checks what it can without making code. */
  syntaxOnly?: boolean;
}

const CASES: Case[] = [
  { name: 'ESP32-C3, core device, TLS, Wi-Fi', chip: 'esp32c3', core: 'device' },
  { name: 'ESP32-C3, core hal over the SHA engine', chip: 'esp32c3', core: 'hal', options: { CONFIG_TIDELOCK_SHA_HARDWARE: 1, TL_HAL_OWN_SHA256: 1 } },
  { name: 'ESP32-C6, core small, without TLS', chip: 'esp32c6', core: 'small', options: { CONFIG_TIDELOCK_TLS: undefined } },
  { name: 'ESP32-H2, no Wi-Fi: the bootloader’s source, no watchdog', chip: 'esp32h2', core: 'device', options: { CONFIG_TIDELOCK_ENTROPY_RADIO: undefined, CONFIG_TIDELOCK_ENTROPY_BOOTLOADER: 1, CONFIG_TIDELOCK_TASK_WDT: undefined } },
  { name: 'ESP32, core hal with blocks in C, randomness of its own', chip: 'esp32', core: 'hal', syntaxOnly: true, options: { CONFIG_TIDELOCK_ENTROPY_RADIO: undefined, CONFIG_TIDELOCK_ENTROPY_OWN: 1, CONFIG_TIDELOCK_PARTS_BYTES: 2048 } },
  { name: 'ESP32-S2, core hal over the SHA engine', chip: 'esp32s2', core: 'hal', syntaxOnly: true, options: { CONFIG_TIDELOCK_SHA_HARDWARE: 1, TL_HAL_OWN_SHA256: 1 } },
  { name: 'ESP32-S3, core hal over the SHA engine', chip: 'esp32s3', core: 'hal', syntaxOnly: true, options: { CONFIG_TIDELOCK_SHA_HARDWARE: 1, TL_HAL_OWN_SHA256: 1 } },
];

/** Compiles for the target; a file of its own a case, so that no object of another is left. */
function compileFor(target: Case, sources: string[], more: string[] = []): void {
  const objects = mkdtempSync(path.join(folder, 'objects-'));
  const words = ['-march=rv32imc_zicsr', '-mabi=ilp32', '--specs=picolibc.specs', '-Os', ...flags(target), ...more, `-I${STANDIN}/net`, target.syntaxOnly ? '-fsyntax-only' : '-c', ...sources];
  run('env', ['-C', objects, RISCV, ...words]);
}

for (const target of CASES) {
  compiled(`${target.name}: component and example compile without a warning`, () => {
    compileFor(target, [...sourcesOf('src'), ...CLIENT]);
    if (target.options?.['CONFIG_TIDELOCK_ENTROPY_BOOTLOADER'] === undefined) compileFor(target, sourcesOf('examples/sensor/main'));
  });
}

compiled('the SHA engine is refused on a chip that cannot resume', () => {
  assert.throws(() => compileFor({ name: '', chip: 'esp32', core: 'hal', syntaxOnly: true, options: { CONFIG_TIDELOCK_SHA_HARDWARE: 1 } }, [path.join(COMPONENT, 'src', 'sha.c')]), /cannot resume/);
});

compiled('the header is C++ as well', () => {
  const file = path.join(folder, 'header.cpp');
  writeFileSync(file, '#include "esp_tidelock.h"\nint main() { return esp_tidelock_start(nullptr) == ESP_ERR_INVALID_ARG ? 0 : 1; }\n');
  const words = flags({ chip: 'esp32c3', core: 'device' }).filter((word) => word !== '-std=gnu11');
  run('g++', ['-std=c++17', ...words, '-Wno-pedantic', '-fsyntax-only', file]);
});

/** ESP-IDF's function, as far as this project's CMakeLists.txt goes: a library of the sources that it names. */
const CMAKE = `cmake_minimum_required(VERSION 3.16)
project(standin C)
function(idf_component_register)
  cmake_parse_arguments(given "" "" "SRCS;INCLUDE_DIRS;PRIV_INCLUDE_DIRS;REQUIRES;PRIV_REQUIRES;EMBED_FILES" \${ARGN})
  foreach(file \${given_SRCS} \${given_EMBED_FILES})
    get_filename_component(whole \${file} ABSOLUTE BASE_DIR \${CMAKE_CURRENT_LIST_DIR})
    if(NOT EXISTS \${whole})
      message(FATAL_ERROR "\${file} is named and is not there")
    endif()
    message(STATUS "names \${file}")
  endforeach()
  add_library(component STATIC \${given_SRCS})
  set(COMPONENT_LIB component PARENT_SCOPE)
endfunction()
add_subdirectory($ENV{COMPONENT} component)
get_target_property(defined component COMPILE_DEFINITIONS)
message(STATUS "defines \${defined}")
`;

function configure(component: string, ...words: string[]): string {
  const project = mkdtempSync(path.join(folder, 'cmake-'));
  mkdirSync(path.join(project, 'build'));
  writeFileSync(path.join(project, 'CMakeLists.txt'), CMAKE);
  return run('env', [`COMPONENT=${component}`, 'cmake', '-S', project, '-B', path.join(project, 'build'), ...words]);
}

const withCmake = found('cmake') ? compiled : skipMissing(test, 'cmake');

withCmake('CMakeLists.txt names every source of the component, and each core by its option', () => {
  const said = configure(COMPONENT);
  for (const file of sourcesOf('src')) assert.match(said, `names src/${path.basename(file)}\n`);
  assert.match(said, /defines TL_CORE=TL_CORE_DEVICE\n/);
  assert.not.match(said, /hal\.c/);
  assert.match(configure(COMPONENT, '-DCONFIG_TIDELOCK_CORE_SMALL=1'), /defines TL_CORE=TL_CORE_SMALL\n/);
  const hal = configure(COMPONENT, '-DCONFIG_TIDELOCK_CORE_HAL=1', '-DCONFIG_TIDELOCK_SHA_HARDWARE=1');
  assert.match(hal, /defines TL_CORE=TL_CORE_HAL;TL_HAL_OWN_SHA256\n/);
  assert.match(hal, /names .*\/src\/hal\.c/);
});

withCmake('written for WAMR it names that engine, embeds the chosen core, and says under which name it stands in the program', () => {
  const written = path.join(folder, 'written');
  run(process.execPath, [COMMAND, 'firmware', '--out', written, '--for', 'esp-idf', '--engine', 'wamr']);
  const said = configure(written, '-DCONFIG_TIDELOCK_CORE_HAL=1');
  assert.match(said, /names .*\/tidelock\/src\/engine-wamr\.c\n/);
  assert.match(said, /names .*\/tidelock\/wasm\/core-device-hal\.wasm\n/);
  assert.match(said, /defines TL_CORE=TL_CORE_HAL;TL_ENGINE_WAMR;TIDELOCK_WASM_SYMBOL="_binary_core_device_hal_wasm"\n/);
  assert.not.match(said, /wasm2c/);
  assert.match(readFileSync(path.join(written, 'idf_component.yml'), 'utf8'), /^dependencies:\n {2}idf: .*\n {2}espressif\/wasm-micro-runtime: /m);
  assert.match(readFileSync(path.join(written, 'Kconfig'), 'utf8'), /^ {8}default TIDELOCK_CORE_HAL$/m);
});

const wamr = wamrRoot();
const withWamr = wamr === undefined ? skipMissing(test, 'the crate wamrx-sys (npm run parts)') : compiled;
for (const core of ['device', 'hal'] as const) {
  withWamr(`ESP32-C3, core ${core} under WAMR: the component compiles against WAMR's headers`, () => {
    const target: Case = { name: '', chip: 'esp32c3', core, options: { TL_ENGINE_WAMR: 1, TIDELOCK_WASM_SYMBOL: '"_binary_core_wasm"', WASM_ENABLE_FAST_INTERP: 1 } };
    const client = CLIENT.filter((file) => !file.includes('wasm2c'));
    compileFor(target, [...sourcesOf('src'), ...client, path.join(FIRMWARE, 'src', 'engine-wamr.c')], ['-isystem', path.join(wamr!, 'core', 'iwasm', 'include')]);
  });
}

compiled('every option that the sources read stands in Kconfig, and the other way round', () => {
  const options = new Set(readFileSync(path.join(COMPONENT, 'Kconfig'), 'utf8').match(/(?<=^\s*(config|choice) )TIDELOCK_\w+/gm));
  const text = [...sourcesOf('src'), path.join(COMPONENT, 'CMakeLists.txt')].map((file) => readFileSync(file, 'utf8')).join('');
  const read = new Set(text.match(/(?<=CONFIG_)TIDELOCK_\w+/g));
  for (const option of read) assert.ok(options.has(option) || option.endsWith('_'), `CONFIG_${option} is read, and Kconfig has no such option`);
  const silent = ['TIDELOCK_CORE', 'TIDELOCK_CORE_DEVICE', 'TIDELOCK_ENTROPY']; // choices, and what is meant where no other is
  for (const option of options) assert.ok(read.has(option) || silent.includes(option), `${option} stands in Kconfig, and nothing reads it`);
});

test.run();
