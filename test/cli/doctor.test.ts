/** `tidelock doctor`: each thing that would keep a gateway from working is named, with what to do. */
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import dgram from 'node:dgram';
import net from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../dist/host/clock.js';
import { RELEASED } from '../../dist/host/cli/release.js';
import { parted, checkDate } from '../../dist/host/cli/doctor/clock.js';
import { checkNode } from '../../dist/host/cli/doctor/installation.js';
import { FakeServer } from '../time/support.js';
import { inPlace, jsonLines, Running, type Ended, type Place, type RunOptions } from './harness.js';

const test = suite('doctor');
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Finding {
  check: string;
  verdict: string;
  text: string;
  action?: string;
}

async function examine(place: Place, words: string[] = [], options: Omit<RunOptions, 'cwd'> = {}): Promise<{ code: number | null; findings: Finding[] }> {
  const { code, stdout } = await place.run(['doctor', '--json', '--listen', 'tidelock://127.0.0.1:0', ...words], options);
  return { code, findings: jsonLines(stdout) as unknown as Finding[] };
}

const of = (findings: Finding[], check: string): Finding[] => findings.filter((finding) => finding.check === check);

test('a good place: nothing fails, with and without a gateway', () =>
  inPlace(async (place) => {
    await place.run(['devices', 'add', 'pump-7']);
    const alone = await examine(place);
    assert.is(alone.code, 0, JSON.stringify(alone.findings, null, 1));
    for (const check of ['node', 'build', 'configuration', 'gateway', 'clock', 'driver', 'database', 'address']) assert.ok(of(alone.findings, check).length > 0, check);
    assert.ok(alone.findings.every(({ verdict, action }) => verdict === 'ok' || action !== undefined));
    const { url } = await place.serve();
    const beside = await examine(place, ['--listen', url]);
    assert.is(beside.code, 0, JSON.stringify(beside.findings, null, 1));
    assert.match(of(beside.findings, 'gateway')[0]!.text, /runs since/);
    assert.match(of(beside.findings, 'address')[1]!.text, /is ours/);
  }));

test('for people: a line each, aligned', () =>
  inPlace(async (place) => {
    const { code, stdout } = await place.run(['doctor', '--listen', 'tidelock://127.0.0.1:0']);
    assert.is(code, 0, stdout);
    for (const line of stdout.trimEnd().split('\n')) assert.match(line, /^(ok {2}|warn|fail) {2}\S| {21}→ /);
  }));

test('a port of UDP is its own: taken, or free beside one of TCP', () =>
  inPlace(async (place) => {
    const other = dgram.createSocket('udp4').bind(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address();
    const tcp = await examine(place, ['--listen', `tidelock://127.0.0.1:${port}`]);
    const udp = await examine(place, ['--listen', `tidelock+udp://127.0.0.1:${port}`]);
    other.close();
    assert.not.ok(of(tcp.findings, 'address').some(({ verdict }) => verdict === 'fail'));
    assert.ok(of(udp.findings, 'address').some(({ verdict, text }) => verdict === 'fail' && text.startsWith('PORT_IN_USE')));
  }));

test('a taken port', () =>
  inPlace(async (place) => {
    const other = net.createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as net.AddressInfo;
    const { code, findings } = await examine(place, ['--listen', `tidelock://127.0.0.1:${port}`]);
    other.close();
    assert.is(code, 1);
    assert.ok(of(findings, 'address').some(({ verdict, text }) => verdict === 'fail' && text.startsWith('PORT_IN_USE')));
  }));

test('an address that this machine does not have', () =>
  inPlace(async (place) => {
    const { code, findings } = await examine(place, ['--listen', 'tidelock://192.0.2.1:8433']); // RFC 5737
    assert.is(code, 1);
    assert.match(of(findings, 'address').at(-1)!.text, /^LISTEN_FAILED/);
  }));

test('a clock that is wrong, and one that is stepped', () =>
  inPlace(async (place) => {
    const wrong = await examine(place, [], { node: ['--import', 'data:text/javascript,Date.now=()=>86400000'] });
    assert.is(wrong.code, 1);
    assert.match(of(wrong.findings, 'clock')[0]!.text, /^CLOCK_WRONG/);
    const jumping = 'const real=Date.now;let step=0;Date.now=()=>real()+(step+=10000)';
    const stepped = await examine(place, [], { node: ['--import', `data:text/javascript,${jumping}`] });
    assert.is(of(stepped.findings, 'clock')[1]!.verdict, 'warn');
  }));

test('time servers: one that agrees, one an hour off, one that is silent', () =>
  inPlace(async (place) => {
    const good = await FakeServer.start(systemClock), off = await FakeServer.start(systemClock, 3_600_000), silent = await FakeServer.start(systemClock);
    silent.reply = () => [];
    const { code, findings } = await examine(place, ['--sntp', good.text, '--sntp', `${off.text},${silent.text}`]);
    for (const server of [good, off, silent]) server.close();
    assert.is(code, 0, 'a warning fails nothing');
    assert.equal(of(findings, 'time').map(({ verdict }) => verdict), ['ok', 'warn', 'warn']);
    assert.match(of(findings, 'time')[1]!.text, /this clock is 3\d{6} ms behind 127/);
    assert.match(of(findings, 'time')[2]!.text, /gives no time: no answer/);
  }));

test('a damaged database', () =>
  inPlace(async (place) => {
    writeFileSync(place.path('tidelock.db'), 'x'.repeat(8192));
    const { code, findings } = await examine(place);
    assert.is(code, 1);
    assert.match(of(findings, 'database')[0]!.text, /^DATABASE_/);
  }));

test('a database that another process holds', () =>
  inPlace(async (place) => {
    await place.serve(['--control', place.path('own/hidden.sock')]);
    const { code, findings } = await examine(place);
    assert.is(code, 1);
    assert.match(of(findings, 'database')[0]!.text, /^DATABASE_LOCKED/);
  }));

test('faults of the configuration', () =>
  inPlace(async (place) => {
    const { code, findings } = await examine(place, [], { environment: { TIDELOCK_WINDOW: '5' } });
    assert.is(code, 1);
    assert.match(of(findings, 'configuration')[0]!.text, /TIDELOCK_WINDOW/);
    assert.ok(of(findings, 'clock').length > 0, 'the other checks are made all the same');
  }));

/** The built package without its WASM, or with a spoiled one; the checkout stays as it is. */
async function withoutCore(place: Place, words: string[], spoil: boolean): Promise<Ended> {
  const copy = place.path('copy');
  mkdirSync(copy);
  cpSync(path.join(ROOT, 'dist'), path.join(copy, 'dist'), { recursive: true });
  cpSync(path.join(ROOT, 'package.json'), path.join(copy, 'package.json'));
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'), 'junction');
  for (const name of ['core-gateway', 'core-gateway-nosimd']) {
    const file = path.join(copy, 'dist', 'wasm', `${name}.wasm`);
    const size = statSync(file).size;
    if (spoil) writeFileSync(file, readFileSync(file).subarray(0, size / 2));
    else rmSync(file);
  }
  return new Running(words, { cwd: copy, input: '', command: path.join(copy, 'dist', 'host', 'cli', 'main.js') }).ended();
}

test('a missing build is named by serve and by doctor', () =>
  inPlace(async (place) => {
    const { code, stderr } = await withoutCore(place, ['serve', '--listen', 'tidelock://127.0.0.1:0'], false);
    assert.is(code, 1);
    assert.match(stderr, /^tidelock: CORE_MISSING: .*core-gateway.*\.wasm is missing\.\n {2}→ Run `npm run build`/m);
  }));

test('a spoiled build', () =>
  inPlace(async (place) => {
    const { code, stdout } = await withoutCore(place, ['doctor', '--json', '--listen', 'tidelock://127.0.0.1:0'], true);
    assert.is(code, 1);
    const build = of(jsonLines(stdout) as unknown as Finding[], 'build')[0]!;
    assert.is(build.verdict, 'fail');
    assert.match(build.text, /does not load/);
  }));

test('the parts that have no process of their own', () => {
  assert.is(checkNode('18.20.0').verdict, 'fail');
  assert.is(checkNode('20.0.0').verdict, 'ok');
  assert.is(checkDate(RELEASED - 1).verdict, 'fail');
  assert.is(checkDate(RELEASED).verdict, 'ok');
  assert.is(parted({ wall: 1_000, monotonic: 5 }, { wall: 1_600, monotonic: 505 }), 100);
  assert.ok(RELEASED <= Date.now(), 'a version from the future would refuse every clock');
});

test.run();
