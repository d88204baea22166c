/** The package, packed and installed as a user has it. */
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { generated } from '../firmware/compiled.js';
import { install, manifest, repository, run, type Installed } from './installed.js';

const require = createRequire(import.meta.url);
let user: Installed;

test.before(() => {
  user = install();
});
test.after(() => user.remove());

function fixture(name: string, directory: string): string {
  const target = path.join(directory, name);
  copyFileSync(new URL(`fixtures/${name}`, import.meta.url), target);
  return target;
}

test('the tarball holds the package, and nothing of its workshop', () => {
  for (const file of ['package.json', 'LICENSE', 'CHANGELOG.md', 'README.md', 'docs/errors.md', 'docs/protocol.md', 'docs/abi.md', 'docs/backends.md', 'examples/backend.py', 'examples/backend.php', 'wireshark/tidelock.lua']) {
    assert.ok(user.files.includes(file), `${file} is missing`);
  }
  if (generated) {
    for (const file of ['include/tidelock.h', 'include/tidelock_abi.h', 'src/client.c', 'src/engine.h', 'wasm2c/core-device.w2c.h', 'wasm2c/core-legacy.w2c.h', 'NOTICE']) {
      assert.ok(user.files.includes(`dist/firmware/${file}`), `dist/firmware/${file} is missing`);
    }
  }
  for (const file of user.files) {
    assert.match(file, /^(dist\/(host|assembly)\/.*\.(js|d\.ts)|dist\/wasm\/core-[\w-]+\.wasm|dist\/firmware\/.*|docs\/.*|demo\/.*|examples\/[\w.-]+|wireshark\/tidelock\.lua|[A-Z]+(\.md)?|package\.json)$/);
    assert.not.match(file, /-test\.(wasm|w2c\.h)$/);
  }
});

test('every file that the exports name is there, and imports', () => {
  const entries = Object.entries(manifest.exports).filter(([name]) => !name.includes('*'));
  for (const [name, target] of entries) {
    for (const file of typeof target === 'string' ? [target] : Object.values(target)) {
      assert.ok(user.files.includes(file.replace('./', '')), `${name} names ${file}, which is not packed`);
    }
  }
  const names = entries.map(([name]) => name).filter((name) => !name.endsWith('.json')).map((name) => name.replace('.', 'tidelock'));
  const script = `for (const name of ${JSON.stringify(names)}) console.log(name, Object.keys(await import(name)).length > 0);`;
  const { code, stdout, stderr } = run(process.execPath, ['--input-type=module', '-e', script], user.directory);
  assert.is(code, 0, stderr);
  assert.equal(stdout.trim().split('\n'), names.map((name) => `${name} true`));
});

test('the wasm files are found by name and are valid', () => {
  const names = user.files.filter((file) => file.endsWith('.wasm')).map((file) => path.posix.basename(file));
  assert.ok(names.includes('core-device.wasm') && names.includes('core-gateway.wasm'));
  const script = `
    import { readFileSync } from 'node:fs';
    for (const name of ${JSON.stringify(names)}) {
      console.log(name, WebAssembly.validate(readFileSync(new URL(import.meta.resolve('tidelock/wasm/' + name)))));
    }`;
  const { code, stdout, stderr } = run(process.execPath, ['--input-type=module', '-e', script], user.directory);
  assert.is(code, 0, stderr);
  assert.equal(stdout.trim().split('\n'), names.map((name) => `${name} true`));
});

for (const [module, moduleResolution] of [['NodeNext', 'NodeNext'], ['ESNext', 'Bundler']] as const) {
  test(`its types hold under a strict compiler, ${moduleResolution}`, () => {
    fixture('user.ts', user.directory);
    const compilerOptions = {
      target: 'ES2022', module, moduleResolution, strict: true, exactOptionalPropertyTypes: true, noEmit: true,
      skipLibCheck: false, typeRoots: [path.join(repository, 'node_modules', '@types')], types: ['node'],
    };
    writeFileSync(path.join(user.directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['user.ts'] }));
    const { code, stdout } = run(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', '.'], user.directory);
    assert.is(stdout, '');
    assert.is(code, 0);
  });
}

test('the command is installed, says what it can do, and which version it is', () => {
  const shim = path.join(user.directory, 'node_modules', '.bin', process.platform === 'win32' ? 'tidelock.cmd' : 'tidelock');
  assert.ok(existsSync(shim));
  const bin = path.join(user.directory, 'node_modules', 'tidelock', manifest.bin['tidelock']!);
  assert.match(readFileSync(bin, 'utf8'), /^#!\/usr\/bin\/env node\n/);
  const help = run(process.execPath, [bin, '--help'], user.directory);
  assert.is(help.code, 0, help.stderr);
  for (const word of ['serve', 'device', 'send', 'devices', 'keygen', 'doctor']) assert.match(help.stdout, word);
  assert.match(run(process.execPath, [bin, '--version'], user.directory).stdout, manifest.version);
});

test('a device needs no dependency: no database, no logger, nothing compiled', () => {
  const alone = mkdtempSync(path.join(os.tmpdir(), 'tidelock-alone-'));
  try {
    mkdirSync(path.join(alone, 'node_modules'));
    cpSync(path.join(user.directory, 'node_modules', 'tidelock'), path.join(alone, 'node_modules', 'tidelock'), { recursive: true });
    const { code, stdout, stderr } = run(process.execPath, [fixture('device-only.mjs', alone)], alone);
    assert.is(code, 0, stderr);
    assert.is(stdout, 'stopped\n');
    const session = run(process.execPath, [fixture('session.mjs', alone)], alone);
    assert.is(session.code, 0, 'a gateway without a registry needs none either:\n' + session.stderr);
  } finally {
    rmSync(alone, { recursive: true, force: true, maxRetries: 5 });
  }
});

test('gateway and device hold a session', () => {
  const { code, stdout, stderr } = run(process.execPath, [fixture('session.mjs', user.directory)], user.directory);
  assert.is(code, 0, stderr);
  assert.equal(stdout.trim().split('\n'), ['gateway got 21.5 °C from pump-7', 'device got valve open']);
});

function opensOrSaysHow(args: string[]): void {
  const { code, stdout, stderr } = run(process.execPath, args, user.directory);
  assert.is(code, 0, stderr);
  const builtIn = Number(process.versions.node.split('.')[0]) >= 22;
  if (builtIn) assert.is(stdout, 'opened\n');
  else assert.match(stdout, /^DRIVER_MISSING Run `npm install better-sqlite3/);
}

test('a registry opens, or says which command brings its driver', () => {
  opensOrSaysHow([fixture('registry.mjs', user.directory)]);
});

test('so it does where node was given the program on its command line', () => {
  opensOrSaysHow(['--input-type=module', '-e', readFileSync(new URL('fixtures/registry.mjs', import.meta.url), 'utf8')]);
});

test.run();
