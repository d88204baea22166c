/** What a scrape says is what happened, in a form that other programs read. */
import { spawnSync } from 'node:child_process';
import * as assert from 'uvu/assert';
import { suite } from 'uvu';
import { metricsText } from 'tidelock/http';
import { exposition } from '../../dist/host/http/exposition.js';
import { closeAll, makeDevice, KEY, pair, rawSocket, until, listen } from '../gateway/support.js';
import { open } from '../registry/support.js';
import { foundPython, pythonEnvironment } from '../support/python.js';
import { found, skipMissing } from '../support/skip.js';
import { read, type Read } from './parser.js';

const test = suite('metrics');

async function scrape(...args: Parameters<typeof metricsText>): Promise<Read['samples']> {
  return read(await metricsText(...args), args[1]?.form ?? 'prometheus').samples;
}

test('both forms follow their grammars, whatever stands in help and labels', () => {
  const families = [
    { name: 'a_total', type: 'counter', help: 'a \\ and\na line', samples: [{ labels: { x: 'a"b\\c\nd', y: '' }, value: 1 }, { value: 2 ** 53 }] },
    { name: 'b_seconds', type: 'gauge', help: 'b', samples: [{ value: 1e-7 }, { labels: { q: '1' }, value: -Infinity }, { labels: { q: '2' }, value: NaN }] },
    { name: 'empty', type: 'gauge', help: 'no sample', samples: [] },
  ] as const;
  const plain = read(exposition(families, 'prometheus'), 'prometheus');
  assert.equal([...plain.families.keys()], ['a_total', 'b_seconds']);
  assert.is(plain.samples.get('a_total{x="a\\"b\\\\c\\nd",y=""}'), 1);
  assert.is(plain.samples.get('b_seconds'), 1e-7);
  const open = read(exposition(families, 'openmetrics'), 'openmetrics');
  assert.equal([...open.families.keys()], ['a', 'b_seconds']);
  assert.equal([...open.samples.keys()], [...plain.samples.keys()]);
});

test('the reader of this test is strict', () => {
  const good = '# HELP a_total x\n# TYPE a_total counter\na_total 1\n';
  read(good, 'prometheus');
  for (const bad of [
    good.slice(0, -1), good.replace('counter', 'count'), good.replace('a_total 1', 'a_total -1'), good.replace('a_total 1', 'b_total 1'), `${good}${good}`,
    good.replace('a_total 1', 'a_total{x="1",} 1'), good.replace('a_total 1', 'a_total{x="1",x="2"} 1'), good.replace('a_total 1', 'a_total 1\na_total 1'),
    good.replace('a_total 1', 'a_total one'), good.replace('a_total 1', 'a_total{x="\n"} 1'), good.replaceAll('a_total', 'a'), good.replace('a_total 1\n', ''),
  ]) {
    assert.throws(() => read(bad, 'prometheus'), undefined, JSON.stringify(bad));
  }
  assert.throws(() => read(good, 'openmetrics'));
});

test('sessions, messages and bytes of a volatile gateway', async () => {
  const { gateway, device } = await pair();
  gateway.on('message', () => undefined);
  device.on('message', () => undefined);
  const raw = await rawSocket(gateway.address);
  await device.send('acknowledged').acknowledged;
  await gateway.send('pump-7', 'down').acknowledged;
  await until('the raw connection is there', () => gateway.counters().open === 2);
  const samples = await scrape(gateway, { version: '1.2.3' });
  const value = (name: string): number | undefined => samples.get(`tidelock_${name}`);
  assert.is(samples.get(`tidelock_build_info{version="1.2.3",node="${process.versions.node}"}`), 1);
  assert.equal(
    ['connections_total', 'open_connections', 'half_open_connections', 'sessions_total', 'online_devices', 'messages_taken_total'].map(value),
    [2, 2, 1, 1, 1, 1],
  );
  const { bytesIn, delivered, failed } = gateway.counters();
  assert.is(value('received_bytes_total'), bytesIn);
  assert.equal([value('messages_delivered_total'), value('messages_failed_total')], [delivered, failed]);
  assert.is(value('database_up'), undefined, 'there is none');
  assert.ok(value('process_resident_memory_bytes')! > 1e6);
  raw.destroy();
  await closeAll(device, gateway);
});

test('refusals by reason: every reason is a series from the start, and the one that occurred counts', async () => {
  const gateway = await listen();
  const before = await scrape(gateway);
  assert.is(before.get('tidelock_refusals_total{reason="bad hello"}'), 0);
  const stranger = await rawSocket(gateway.address);
  stranger.write(Buffer.from([0x81, 1, 0])); // HELLO, of one byte
  await until('it was refused', () => Object.keys(gateway.counters().refused).length > 0);
  const after = await scrape(gateway), { refused } = gateway.counters();
  for (const [reason, count] of Object.entries(refused)) assert.is(after.get(`tidelock_refusals_total{reason="${reason}"}`), count);
  assert.equal([...after.keys()], [...before.keys()], 'what strangers do adds no series');
  stranger.destroy();
  await closeAll(gateway);
});

test('a device adds no series: names of devices are nowhere', async () => {
  const registry = await open();
  await registry.add('plant/secret-name', { key: KEY });
  const gateway = await listen({ registry });
  const empty = await metricsText(gateway, { registry });
  const device = makeDevice(gateway, { id: 'plant/secret-name' });
  await device.send('four').acknowledged;
  const text = await metricsText(gateway, { registry });
  assert.not.match(text, /secret-name/);
  assert.equal([...read(text, 'prometheus').samples.keys()], [...read(empty, 'prometheus').samples.keys()]);
  await closeAll(device, gateway, registry);
});

test('what waits in inbox and queue, in messages and bytes', async () => {
  const registry = await open();
  await registry.add('pump-7', { key: KEY });
  const gateway = await listen({ registry });
  const device = makeDevice(gateway);
  await device.send('four').acknowledged;
  await device.close();
  await gateway.send('pump-7', 'waiting').queued;
  const samples = await scrape(gateway, { registry });
  const names = ['database_up', 'known_devices', 'inbox_messages', 'inbox_bytes', 'queue_messages', 'queue_bytes'];
  assert.equal(names.map((name) => samples.get(`tidelock_${name}`)), [1, 1, 1, 4, 1, 7]);
  await closeAll(gateway, registry);
});

test('a database that does not answer costs its own metrics alone', async () => {
  const registry = await open();
  const gateway = await listen();
  await registry.close();
  const samples = await scrape(gateway, { registry });
  assert.is(samples.get('tidelock_database_up'), 0);
  assert.is(samples.has('tidelock_inbox_messages'), false);
  assert.is(samples.get('tidelock_connections_total'), 0);
  await closeAll(gateway);
});

test('the lag of the event loop is seen', async () => {
  const gateway = await listen();
  await metricsText(gateway); // from here on it is watched
  await new Promise((resolve) => setTimeout(resolve, 50));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150); // the whole thread sleeps
  await new Promise((resolve) => setTimeout(resolve, 50));
  const samples = await scrape(gateway);
  assert.ok(samples.get('tidelock_event_loop_delay_max_seconds')! >= 0.1, 'the loop stood still for 150 ms');
  assert.ok(samples.get('tidelock_event_loop_delay_max_seconds')! >= samples.get('tidelock_event_loop_delay_p50_seconds')!);
  await closeAll(gateway);
});

/** A whole scrape, in the form given. */
async function example(form: 'prometheus' | 'openmetrics'): Promise<string> {
  const registry = await open();
  await registry.add('pump-7', { key: KEY });
  const { gateway, device } = await pair({ registry });
  const text = await metricsText(gateway, { registry, version: '0.1.0', form });
  await closeAll(device, gateway, registry);
  return text;
}

(foundPython('prometheus_client') ? test : skipMissing(test, 'python3 with prometheus-client, `npm run parts`'))('the Prometheus project\'s own strict parser of OpenMetrics takes it', async () => {
  const program = [
    'import sys', 'from prometheus_client.openmetrics.parser import text_string_to_metric_families',
    'print(sum(len(f.samples) for f in text_string_to_metric_families(sys.stdin.read())))',
  ].join('\n');
  const text = await example('openmetrics');
  const { status, stdout, stderr } = spawnSync('python3', ['-c', program], { input: text, encoding: 'utf8', env: pythonEnvironment });
  assert.is(status, 0, stderr);
  assert.is(Number(stdout), read(text, 'openmetrics').samples.size);
});

(found('promtool') ? test : skipMissing(test, 'promtool (of the Debian package prometheus)'))('promtool finds nothing to blame', async () => {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: await example('prometheus'), encoding: 'utf8' });
  assert.is(status, 0, `${stdout}${stderr}`);
});

test.run();
