/** package.json and its lockfile: what is installed, what may run at install, and who may import what. */
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { repository } from './installed.js';

interface Manifest {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional: boolean }>;
  allowScripts: Record<string, boolean>;
}

const read = (file: string): string => readFileSync(path.join(repository, file), 'utf8');
const manifest = JSON.parse(read('package.json')) as Manifest;
const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { hasInstallScript?: boolean; resolved?: string }> };

test('every install script was decided on: an npm that blocks the others builds all the same', () => {
  const scripts = Object.entries(lock.packages)
    .filter(([, entry]) => entry.hasInstallScript)
    .map(([where]) => where.replace(/^.*node_modules\//, ''));
  assert.ok(scripts.includes('better-sqlite3'));
  assert.equal(scripts.filter((name) => !(name in manifest.allowScripts)), []);
});

test('the lockfile names no registry', () => {
  assert.equal(Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined), []);
});

test('versions are exact; a peer is a range, and optional', () => {
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name);
  }
  for (const [name, range] of Object.entries(manifest.peerDependencies)) {
    assert.match(range, /^\^\d/);
    assert.ok(manifest.peerDependenciesMeta[name]?.optional, `${name} is not optional`);
    assert.ok(name in manifest.devDependencies, `${name} is not tested here`);
  }
});

test('the package imports its dependencies, and only from the folder that needs them', () => {
  const homes: Record<string, RegExp> = {
    kysely: /^registry\//,
    'better-sqlite3': /^registry\//,
    pg: /^registry\/database\/postgres\//,
    mqtt: /^bridge\/(connection|library)\.ts$/,
    serialport: /^transport\/serial\.ts$/,
    commander: /^cli\//,
    cborg: /^cli\/payload\.ts$/,
    pino: /^cli\//,
    picocolors: /^cli\//,
    'csv-parse': /^cli\/transfer\/csv\.ts$/,
    uqr: /^cli\/transfer\/qr\.ts$/,
    '@peculiar/asn1-schema': /^cli\/certificate/,
    '@peculiar/asn1-x509': /^cli\/certificate/,
  };
  const sources = readdirSync(path.join(repository, 'host'), { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.ts'));
  const used = new Set<string>();
  for (const file of sources) {
    for (const [, specifier = ''] of read(`host/${file}`).matchAll(/(?:\bfrom |\bimport |\bimport\(|\brequire\()'([^'.\s][^']*)'/g)) {
      if (isBuiltin(specifier)) continue;
      const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
      assert.ok(name in manifest.dependencies || name in manifest.peerDependencies, `host/${file} imports ${name}, which users do not get`);
      assert.match(file, homes[name] ?? /^$/, `host/${file} imports ${name}`);
      used.add(name);
    }
  }
  assert.equal(Object.keys(manifest.dependencies).filter((name) => !used.has(name)), [], 'users get what nothing imports');
});

test.run();
