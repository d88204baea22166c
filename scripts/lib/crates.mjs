/**
 * C sources and headers that no Debian package has, out of Rust crates. Nothing of them is part of this repository:
 * `npm run parts` lays what tests use into build/, and a test that finds nothing there says so.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from './root.mjs';

/**
 * What is kept of each crate: a folder of it → where it goes below build/.
 * @type {{ name: string, version: string, what: string, keep: Record<string, string> }[]}
 */
export const CRATES = [
  { name: 'wamrx-sys', version: '0.3.0', what: 'WAMR 2.4.3', keep: { 'wasm-micro-runtime': 'wamr/wamrx-sys-0.3.0' } },
  { name: 'esp-wifi-sys', version: '0.8.1', what: 'headers of ESP-IDF 5.5.1', keep: { include: 'esp-idf/esp-wifi-sys-0.8.1' } },
  {
    name: 'mbedtls-rs-sys',
    version: '0.3.1',
    what: 'mbedTLS 3.6.5',
    keep: Object.fromEntries(['include', 'library', '3rdparty'].map((folder) => [`mbedtls/${folder}`, `mbedtls/mbedtls-3.6.5/${folder}`])),
  },
];

/** The folder below build/ that a part lies in, or undefined where `npm run parts` has not laid it there. @param {string} place */
export function laid(place) {
  const folder = path.join(root, 'build', place);
  return existsSync(folder) ? folder : undefined;
}

/** @param {{ name: string, version: string }} crate */
function unpacked({ name, version }) {
  const sources = path.join(process.env['CARGO_HOME'] ?? path.join(os.homedir(), '.cargo'), 'registry', 'src');
  const places = existsSync(sources) ? readdirSync(sources).map((index) => path.join(sources, index, `${name}-${version}`)) : [];
  return places.find((folder) => existsSync(path.join(folder, 'Cargo.toml')));
}

/**
 * Has cargo fetch a crate. `info`, of cargo 1.82, brings that one alone; an older one, such as Debian 12's, brings what it depends
 * on as well.
 * @param {{ name: string, version: string }} crate
 */
function fetchCrate({ name, version }) {
  /** @param {string} cwd @param {string[]} words */
  const cargo = (cwd, ...words) => spawnSync('cargo', words, { cwd, encoding: 'utf8' });
  if (cargo(os.tmpdir(), 'info', '--quiet', `${name}@${version}`).status === 0) return;
  const project = mkdtempSync(path.join(os.tmpdir(), 'tidelock-crate-'));
  try {
    mkdirSync(path.join(project, 'src'));
    writeFileSync(path.join(project, 'src', 'lib.rs'), '');
    writeFileSync(path.join(project, 'Cargo.toml'), `[package]\nname = "fetch"\nversion = "0.0.0"\n[dependencies]\n${name} = "=${version}"\n`);
    const { status, error, stderr } = cargo(project, 'fetch', '--quiet');
    if (status !== 0) throw new Error(`cargo fetch of ${name} ${version} failed (${error?.message ?? status})\n${stderr}`);
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

/** Lays the crates' folders into build/, those that are not there yet. */
export function installCrates() {
  for (const crate of CRATES) {
    const missing = Object.entries(crate.keep).filter(([, to]) => laid(to) === undefined);
    if (missing.length === 0) continue;
    console.log(`installing ${crate.what} (crate ${crate.name} ${crate.version})`);
    if (!unpacked(crate)) fetchCrate(crate);
    const folder = unpacked(crate);
    if (!folder) throw new Error(`cargo brought no ${crate.name} ${crate.version} into its registry/src`);
    for (const [from, to] of missing) {
      const target = path.join(root, 'build', to);
      mkdirSync(path.dirname(target), { recursive: true });
      rmSync(`${target}.new`, { recursive: true, force: true });
      cpSync(path.join(folder, from), `${target}.new`, { recursive: true });
      renameSync(`${target}.new`, target);
    }
  }
}
