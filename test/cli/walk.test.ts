/** The longest path through README.md: install, provision, serve, connect from its code, see the message, send a command. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inPlace, posix, Running, type Place } from './harness.js';

const test = suite('README');
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const README = readFileSync(path.join(ROOT, 'README.md'), 'utf8');

/** The code of README that holds `text`, as a file of the place, with `changes` made. */
function codeOf(place: Place, text: string, changes: Record<string, string>): string {
  const block = [...README.matchAll(/```js\n([^]*?)```/g)].map(([, code]) => code!).find((code) => code.includes(text));
  assert.ok(block, `README.md has no code with ${text}`);
  let code = block;
  for (const [from, to] of Object.entries(changes)) {
    assert.ok(code.includes(from), `${from} is in the code`);
    code = code.replace(from, to);
  }
  const file = place.path(`${Math.random().toString(36).slice(2)}.mjs`);
  writeFileSync(file, code);
  return file;
}

/** As after `npm install tidelock`; test/package.test.ts installs the real tarball. */
function install(place: Place): void {
  mkdirSync(place.path('node_modules'));
  symlinkSync(ROOT, place.path('node_modules/tidelock'), 'junction');
}

test('install, provision, serve, connect from 15 lines, see a message, send a command', () =>
  inPlace(async (place) => {
    install(place);
    const added = await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key']);
    assert.ok(README.includes(`    ${added.stdout}`), 'README shows what devices add prints');
    const { gateway, url } = await place.serve();
    const file = codeOf(place, 'new Device(', { 'tidelock://localhost': url });
    assert.ok(readFileSync(file, 'utf8').split('\n').length <= 16, 'it has at most 15 lines');
    const device = new Running([], { cwd: place.folder, input: '', command: file });
    try {
      await device.line('stdout', /^the gateway has it on its disk$/);
      assert.ok(README.includes(device.stdout.replace(/^/gm, '    ').trimEnd()), `README shows what the device prints:\n${device.stdout}`);
      assert.match(await gateway.line('stdout', /21\.5/), /^pump-7\t[-0-9]+T[:.0-9]+Z\t21\.5 °C$/);
      const sent = await place.run(['send', 'pump-7', 'valve open', '--wait']);
      assert.is(sent.code, 0, sent.stderr);
      assert.ok(README.includes(`    ${sent.stdout}`), 'README shows what send prints');
      await device.line('stdout', /^command: valve open$/);
      if (posix) {
        device.signal('SIGINT');
        assert.is((await device.ended()).code, 0);
      }
    } finally {
      device.signal('SIGKILL');
      await device.ended();
    }
  }));

test('the gateway in code', () =>
  inPlace(async (place) => {
    install(place);
    await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key']);
    const file = codeOf(place, 'Gateway.listen(', {
      "listen: 'tidelock://0.0.0.0' });": "listen: 'tidelock://127.0.0.1:0' });\nconsole.log(gateway.address);",
    });
    const gateway = new Running([], { cwd: place.folder, input: '', command: file });
    try {
      const url = await gateway.line('stdout', /^tidelock:/);
      const { code, stderr } = await place.run(['device', '--id', 'pump-7', '--key-file', 'pump-7.key', url], { input: '21.5 °C\n' });
      assert.is(code, 0, stderr);
      await gateway.line('stdout', /^pump-7 .* 21\.5 °C$/);
    } finally {
      gateway.signal('SIGKILL');
      await gateway.ended();
    }
  }));

test('every error that README names is in docs/errors.md', () => {
  const codes = [...README.matchAll(/docs\/errors\.md#([a-z_]+)/g)].map(([, code]) => code!.toUpperCase());
  assert.ok(codes.length >= 9);
  const sections = readFileSync(path.join(ROOT, 'docs/errors.md'), 'utf8');
  for (const code of codes) assert.ok(sections.includes(`### ${code}\n`), code);
});

test('links of README lead to files', () => {
  for (const [, link] of README.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
    if (!link!.includes('://')) readFileSync(path.join(ROOT, link!));
  }
});

test.run();
