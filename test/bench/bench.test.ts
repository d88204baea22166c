/** The bench's command: its options, its table and its JSON. How fast anything is, is not a test's business. */

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { haveMosquitto } from '../bridge/brokers.js';
import { skip, skipMissing } from '../support/skip.js';

const RUN = fileURLToPath(new URL('../../bench/run.mjs', import.meta.url));

function bench(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [RUN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

test('--json writes one row of the documented form, the table and the progress name it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidelock-bench-'));
  try {
    const file = join(directory, 'rows.json');
    const { code, out, err } = await bench('--quick', '--only', 'core.signed', '--json', file);
    assert.is(code, 0, err);
    const rows = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>[];
    assert.is(rows.length, 1);
    const row = rows[0]!;
    assert.equal(Object.keys(row).sort(), ['name', 'ours', 'peer', 'peerName', 'ratio', 'spread', 'unit']);
    assert.is(row.name, 'core.signed');
    assert.is(row.unit, 'ns');
    assert.is(typeof row.peerName, 'string');
    for (const key of ['ours', 'peer', 'ratio', 'spread']) {
      assert.ok(typeof row[key] === 'number' && Number.isFinite(row[key]) && (row[key]) >= 0, `${key}: ${String(row[key])}`);
    }
    // Nanoseconds: less is better, so the ratio is theirs by ours.
    const expected = (row.peer as number) / (row.ours as number);
    assert.ok(Math.abs((row.ratio as number) - expected) < 1e-9 * expected, 'ratio is not peer by ours');
    assert.match(out, /^core\.signed /m);
    assert.match(out, new RegExp(`Node ${process.versions.node.replaceAll('.', '\\.')}, OpenSSL `));
    assert.match(err, /core\.signed {2}round 1\//);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('--help lists every name that stays', async () => {
  const { code, out } = await bench('--help');
  assert.is(code, 0);
  const names = ['core.signed', 'core.signed-chunk', 'core.sealed-open', 'core.signed-noble', 'codec.mqtt-packet', 'tcp.signed', 'tcp.sealed', 'udp.signed', 'memory.device', 'entry.flood', 'iotsocket.server', 'bridge.through', 'bridge.inbox', 'bridge.down'];
  for (const name of names) assert.match(out, new RegExp(`^ {2}${name.replaceAll('.', '\\.')} `, 'm'));
});

test('a wrong name, option or file is named before anything is measured', async () => {
  for (const [args, what] of [
    [['--only', 'core.signed,core.fast'], /core\.fast/],
    [['--fast'], /--fast/],
    [['--only', ','], /--only/],
    [['--json', join('no-such-directory', 'rows.json')], /no-such-directory/],
  ] as const) {
    const { code, out, err } = await bench(...args);
    assert.is(code, 2, args.join(' '));
    assert.is(out, '');
    assert.match(err, what);
    assert.match(err, /--help/);
    assert.not.match(err, /\n\s+at /, 'a stack trace was shown');
  }
});

const withBroker = process.platform !== 'linux' ? skip(test, 'Linux only') : haveMosquitto ? test : skipMissing(test, 'mosquitto and mosquitto-clients');

withBroker('the benches of the bridge find every message at its receiver, and say what each process used', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidelock-bench-'));
  try {
    const file = join(directory, 'rows.json'), names = ['bridge.through', 'bridge.inbox', 'bridge.down'];
    const { code, out, err } = await bench('--quick', '--only', names.join(','), '--json', file);
    assert.is(code, 0, err + out);
    const rows = JSON.parse(await readFile(file, 'utf8')) as { name: string; ours: number; peer: number }[];
    assert.equal(rows.map(({ name }) => name), names.flatMap((name) => [name, `${name}-cpu`]));
    for (const { name, ours, peer } of rows) assert.ok(ours > 0 && peer > 0, name);
    assert.match(out, /^bridge\.through .* 1 × (met|missed)/m);
    assert.match(out, /^bridge\.inbox .* 0\.5 × (met|missed)/m);
    for (const name of names) {
      for (const side of ['ours', 'clients']) {
        assert.match(out, new RegExp(`${name}: ${side}: .*mosquitto [0-9.]+ µs .*until acknowledged [0-9.]+ ms, p99 [0-9.]+ ms; until received [0-9.]+ ms, p99 [0-9.]+ ms; \\d+ repeats \\[.*\\]`));
      }
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test.run();
