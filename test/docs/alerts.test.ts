/** examples/alerts.yml on the series that a gateway has, with their labels: each alert comes with what it warns of, and no other does. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inPlace } from '../cli/harness.js';
import { found, skipMissing } from '../support/skip.js';
import { scrapeAll } from './scrape.js';

const test = suite('alerts');
const RULES = fileURLToPath(new URL('../../examples/alerts.yml', import.meta.url));
/** Minutes. */
const LASTS = 60;
const AT = '40m';

type Series = Record<string, string>;

/** A counter that rises by so many a minute. */
const rising = (each: number): string => `0+${each}x${LASTS}`;
const still = (value: number): string => `${value}x${LASTS}`;

/** Nothing to warn of. The gateway whose series these are has a backend and a broker that are away. */
const QUIET: Series = {
  up: still(1), tidelock_database_up: still(1), tidelock_backend_ready: still(1), tidelock_mqtt_connections: still(3), tidelock_mqtt_connections_wanted: still(3),
  tidelock_clock_error_seconds: still(-0.02), tidelock_event_loop_delay_p99_seconds: still(0.02), tidelock_online_devices: still(100),
  tidelock_connections_total: rising(300), tidelock_sessions_total: rising(300), tidelock_inbox_messages: still(20_000),
};

const FIRES: [alert: string, series: Series][] = [
  ['TidelockDown', { up: still(0) }],
  ['TidelockDatabaseDown', { tidelock_database_up: still(0) }],
  ['TidelockInboxGrows', { tidelock_inbox_messages: `20000+100x${LASTS}` }],
  ['TidelockDevicesToldBusy', { tidelock_busy_answers_total: rising(10) }],
  ['TidelockBackendGone', { tidelock_backend_ready: still(0) }],
  ['TidelockBackendRestarts', { tidelock_backend_starts_total: rising(1) }],
  ['TidelockBrokerAway', { tidelock_mqtt_connections: still(2) }],
  ['TidelockForgeries', { 'tidelock_refusals_total{reason="bad tag"}': rising(120) }],
  ['TidelockForgeries', { 'tidelock_refusals_total{reason="bad proof"}': rising(120) }],
  ['TidelockUnproven', { tidelock_connections_total: rising(420) }],
  ['TidelockStaleFrames', { 'tidelock_refusals_total{reason="stale"}': rising(120) }],
  ['TidelockStaleFrames', { 'tidelock_refusals_total{reason="future"}': rising(120) }],
  ['TidelockTakeovers', { tidelock_takeovers_total: rising(360) }],
  ['TidelockStrangers', { tidelock_hello_over_rate_total: rising(10) }],
  ['TidelockStrangers', { tidelock_half_open_evicted_total: rising(10) }],
  ['TidelockClockError', { tidelock_clock_error_seconds: still(-2) }],
  ['TidelockEventLoopLate', { tidelock_event_loop_delay_p99_seconds: still(0.5) }],
];

/** With the labels that Prometheus gives to what it scrapes. */
function labelled(series: string): string {
  const [, name, labels] = /^([^{]+)(?:\{(.*)\})?$/.exec(series)!;
  return `${name}{${labels === undefined ? '' : `${labels},`}job="tidelock",instance="gateway:9433"}`;
}

(found('promtool') ? test : skipMissing(test, 'promtool (of the Debian package prometheus)'))('every alert comes with what it warns of, and alone', () =>
  inPlace(async (place) => {
    const rules = readFileSync(RULES, 'utf8');
    const summaries = new Map([...rules.matchAll(/- alert: (\w+)\n(?: {8}.*\n)*? {10}summary: (.+)/g)].map(([, alert = '', summary = '']) => [alert, summary]));
    assert.equal([...new Set(FIRES.map(([alert]) => alert))].sort(), [...summaries.keys()].sort());
    const had = await scrapeAll(place), quiet: Series = {};
    for (const [series, value] of had) quiet[series] = still(value);
    Object.assign(quiet, QUIET);
    const cases = [['', {}] as [string, Series], ...FIRES].map(([fires, series], i) => {
      for (const name of Object.keys(series)) assert.ok(name in quiet, `no gateway has ${name}`);
      const reason = /reason="([^"]+)"/.exec(Object.keys(series)[0] ?? '');
      const alert = { exp_labels: { job: 'tidelock', instance: 'gateway:9433', ...(reason === null ? {} : { reason: reason[1] }) }, exp_annotations: { summary: summaries.get(fires) } };
      return {
        name: `${i} ${fires}`, interval: '1m', input_series: Object.entries({ ...quiet, ...series }).map(([name, values]) => ({ series: labelled(name), values })),
        alert_rule_test: [...summaries.keys()].map((alertname) => ({ eval_time: AT, alertname, exp_alerts: alertname === fires ? [alert] : [] })),
      };
    });
    const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-alerts-')), file = path.join(folder, 'test.yml');
    writeFileSync(file, JSON.stringify({ rule_files: [RULES], evaluation_interval: '1m', tests: cases })); // JSON is YAML
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    assert.is(status, 0, `${stdout}${stderr}`);
  }));

test.run();
