/** What the component of ESP-IDF is compiled against: the crates that `npm run parts` lays into build/, and our stand-ins for the rest. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import type { Test } from 'uvu';
import { found, skipMissing } from '../support/skip.js';
import { FIRMWARE, ROOT, generated, run } from './compiled.js';

export const COMPONENT = path.join(FIRMWARE, 'esp-idf');
export const STANDIN = path.join(ROOT, 'test', 'firmware', 'standin');
const IDF = path.join(ROOT, 'build', 'esp-idf', 'esp-wifi-sys-0.8.1');
const MBEDTLS = path.join(ROOT, 'build', 'mbedtls', 'mbedtls-3.6.5');

export type Core = 'device' | 'small' | 'hal';
const CORE_MACRO: Record<Core, string> = { device: 'TL_CORE_DEVICE', small: 'TL_CORE_SMALL', hal: 'TL_CORE_HAL' };

/** `test` where compiler, headers and generated C are there; else what says which is missing. */
export function withParts(test: Test, compiler: string): ReturnType<typeof skipMissing> | Test {
  if (!generated) return skipMissing(test, 'wasm2c (wabt 1.0.32) at build time');
  if (!existsSync(IDF) || !existsSync(MBEDTLS)) return skipMissing(test, 'the crates esp-wifi-sys and mbedtls-rs-sys (npm run parts)');
  return found(compiler) ? test : skipMissing(test, compiler);
}

/** Sources of a folder below dist/firmware/esp-idf. */
export function sourcesOf(folder: string): string[] {
  return readdirSync(path.join(COMPONENT, folder)).filter((name) => name.endsWith('.c')).map((name) => path.join(COMPONENT, folder, name));
}

/** As Kconfig's defaults have them; a value of undefined leaves an option out. */
export type Options = Record<string, number | string | undefined>;
const DEFAULTS: Options = {
  CONFIG_TIDELOCK_TLS: 1, CONFIG_TIDELOCK_TASK_WDT: 1, CONFIG_TIDELOCK_ENTROPY_RADIO: 1, CONFIG_TIDELOCK_OUTBOX_BYTES: 2048, CONFIG_TIDELOCK_PARTS_BYTES: 0,
  CONFIG_TIDELOCK_TASK_STACK: 8192, CONFIG_TIDELOCK_TASK_PRIORITY: 5, CONFIG_TIDELOCK_WAMR_POOL_BYTES: 49152,
  CONFIG_SENSOR_WIFI_SSID: '"network"', CONFIG_SENSOR_WIFI_PASSWORD: '"password"', CONFIG_SENSOR_INTERVAL_S: 300,
};

export interface Target {
  /** A folder of the crate: its sdkconfig.h and soc_caps.h. */
  chip: string;
  core: Core;
  options?: Options;
}

/** The compiler's words for one target. Headers of others are system headers: their warnings are not ours. */
export function flags({ chip, core, options = {} }: Target): string[] {
  const defines = Object.entries({ ...DEFAULTS, ...options }).filter(([, value]) => value !== undefined).map(([name, value]) => `-D${name}=${value}`);
  return [
    '-std=gnu11', '-Wall', '-Wextra', '-Werror', '-DESP_PLATFORM', `-DTL_CORE=${CORE_MACRO[core]}`, ...defines,
    `-I${COMPONENT}/include`, `-I${FIRMWARE}/include`, `-I${FIRMWARE}/src`, `-I${STANDIN}`,
    ...[IDF, `${IDF}/${chip}`, `${IDF}/local`, `${MBEDTLS}/include`].flatMap((folder) => ['-isystem', folder]),
  ];
}

/** mbedTLS for this machine, compiled once: its library in build/. */
export function mbedtls(): string {
  const library = path.join(MBEDTLS, 'host', 'libmbedtls.a');
  if (existsSync(library)) return library;
  const folder = path.join(MBEDTLS, `host-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  const sources = readdirSync(path.join(MBEDTLS, 'library')).filter((name) => name.endsWith('.c')).map((name) => path.join(MBEDTLS, 'library', name));
  execFileSync('gcc', ['-c', '-O1', '-w', ...['include', 'library', '3rdparty/everest/include', '3rdparty/p256-m'].map((name) => `-I${path.join(MBEDTLS, name)}`), ...sources], { cwd: folder });
  run('ar', ['rc', path.join(folder, 'libmbedtls.a'), ...readdirSync(folder).filter((name) => name.endsWith('.o')).map((name) => path.join(folder, name))]);
  rmSync(path.join(MBEDTLS, 'host'), { recursive: true, force: true });
  renameSync(folder, path.join(MBEDTLS, 'host'));
  return library;
}
