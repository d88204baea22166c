/** docs/operations.md and the files it hands out are true of the program: settings, metrics, log lines, the service, the way back from a backup. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resolve } from '../../dist/host/cli/config.js';
import { inPlace } from '../cli/harness.js';
import { scrapeAll } from './scrape.js';
import { found, skipMissing } from '../support/skip.js';

const test = suite('operations');
const text = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const doc = text('docs/operations.md');

test('the configuration that it shows is one', () => {
  const [, json = ''] = /```json\n([^]*?)```/.exec(doc)!;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-docs-'));
  const file = path.join(folder, 'gateway.json');
  writeFileSync(file, json);
  const { settings } = resolve({ flags: { config: file }, environment: {} });
  rmSync(folder, { recursive: true });
  assert.equal([settings.metrics, settings.backend], ['127.0.0.1:9433', 'python3 /srv/readings/backend.py']);
});

test('every metric that documents and alerts name is one that a gateway with a backend and a broker has, with that label', () =>
  inPlace(async (place) => {
    const samples = await scrapeAll(place);
    const names = new Set([...samples.keys()].map((series) => series.split('{', 1)[0]!));
    // Only where a time server is asked.
    names.add('tidelock_clock_error_seconds');
    const named = [doc, text('docs/backends.md'), text('examples/alerts.yml')].flatMap((where) => where.match(/\btidelock_[a-z0-9_]+/g) ?? []);
    assert.ok(new Set(named).size > 12);
    assert.equal([...new Set(named)].filter((name) => !names.has(name)), []);
    for (const [, reasons = ''] of text('examples/alerts.yml').matchAll(/reason=~"([^"]+)"/g)) {
      for (const reason of reasons.split('|')) assert.ok(samples.has(`tidelock_refusals_total{reason="${reason}"}`), reason);
    }
  }));

test('every alert is explained, every alert that is explained exists', () => {
  const rules = [...text('examples/alerts.yml').matchAll(/- alert: (\w+)/g)].map(([, name]) => name).sort();
  const [, table = ''] = /\| Alert \| Do \|\n([^]*?)\n\n/.exec(doc)!;
  assert.equal([...table.matchAll(/`(Tidelock\w+)`/g)].map(([, name]) => name).sort(), rules);
});

test('every log line that it explains is written by some source', () => {
  const host = new URL('../../host/', import.meta.url);
  const sources = readdirSync(host, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts')).map((file) => readFileSync(new URL(file.replaceAll('\\', '/'), host), 'utf8')).join('\n');
  const [, table = ''] = /\| `msg` \| Means \|\n\| --- \| --- \|\n([^]*?)\n\n/.exec(doc)!;
  const lines = table.split('\n').flatMap((row) => [...row.split('|')[1]!.matchAll(/`([^`]+)`/g)].map(([, line]) => line!));
  assert.ok(lines.length > 6);
  assert.equal(lines.filter((line) => !sources.includes(`'${line}'`)), []);
});

(found('systemd-analyze') ? test : skipMissing(test, 'systemd-analyze, of the package systemd'))('systemd finds nothing to blame in the unit', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-unit-'));
  const file = path.join(folder, 'tidelock.service');
  // The program must be there: this one is.
  writeFileSync(file, text('examples/tidelock.service').replace('/usr/local/bin/tidelock', process.execPath));
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  assert.is(status, 0, `${stdout}${stderr}`);
  assert.not.match(stderr, /tidelock\.service/, 'no warning of ours');
});

test('a backup that is put back: what waited is in doubt, the inbox comes again, a device goes on', () =>
  inPlace(async (place) => {
    assert.is((await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key'])).code, 0);
    const pump = (url: string, input: string) => place.run(['device', '--id', 'pump-7', '--key-file', 'pump-7.key', url], { input });
    const first = await place.serve(['--keep']);
    assert.is((await pump(first.url, 'before\n')).code, 0);
    assert.is((await place.run(['send', 'pump-7', 'waits', '--lifetime', '1h'])).code, 0);
    const early = await place.run(['restored']);
    assert.is(early.code, 1);
    assert.match(early.stderr, /DATABASE_LOCKED/);
    first.gateway.signal('SIGTERM');
    await first.gateway.ended();
    copyFileSync(place.path('tidelock.db'), place.path('backup.db'));
    const second = await place.serve(['--keep']);
    assert.is((await pump(second.url, 'after\n')).code, 0);
    second.gateway.signal('SIGTERM');
    await second.gateway.ended();

    for (const name of ['tidelock.db-wal', 'tidelock.db-shm']) rmSync(place.path(name), { force: true });
    copyFileSync(place.path('backup.db'), place.path('tidelock.db'));
    const restored = await place.run(['restored', '--json']);
    assert.equal(JSON.parse(restored.stdout), { state: 'restored', inDoubt: 1, repeated: 0 });
    const third = await place.serve();
    await third.gateway.line('stdout', /before$/);
    assert.is((await pump(third.url, 'now\n')).code, 0);
    await third.gateway.line('stdout', /now$/);
    assert.not.match(third.gateway.stdout, /after/, 'it was on the disk that is lost');
    const missing = await place.run(['restored', '--database', 'sqlite:none.db']);
    assert.is(missing.code, 1);
    assert.match(missing.stderr, /DATABASE_FAILED/);
  }));

test.run();
