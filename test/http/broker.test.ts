/** What /readyz says of a broker: without it mode `inbox` is ready, mode `through` is not, and the process is alive in both. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HttpServer } from 'tidelock/http';
import { startAedes } from '../bridge/brokers.js';
import { device, eventually, site } from '../bridge/support.js';
import { inPlace } from '../cli/harness.js';
import { Readiness } from '../../dist/host/http/readiness.js';

async function get(url: string): Promise<[number, string]> {
  const response = await fetch(url);
  return [response.status, await response.text()];
}

for (const mode of ['inbox', 'through'] as const) {
  test(`${mode}: the broker goes away and comes back`, async () => {
    const broker = await startAedes(), place = await site({ url: broker.url, mode, probe: 0 });
    const http = await HttpServer.listen(place.gateway, { port: 0, registry: place.registry, bridge: { mode, counters: () => place.bridge.counters() } });
    const ready = (): Promise<[number, string]> => get(`${http.url}/readyz`), is = (status: number, text: string) => async (): Promise<boolean> => {
      const [got, body] = await ready();
      return got === status && body === text;
    };
    await eventually('it is connected', is(200, 'ready\nbroker: connected\n'));
    const pump = await device(place, 'pump-7');
    await pump.publish('temp', '20').acknowledged;
    await broker.kill();
    if (mode === 'inbox') {
      await eventually('it says so', is(200, 'ready\nbroker: no connection, messages wait in the inbox\n'));
      await pump.publish('temp', '21').acknowledged; // as it says
    } else {
      await eventually('it says so', is(503, 'broker: no connection, no message is acknowledged\n'));
      const sending = pump.publish('temp', '21').acknowledged;
      assert.is(await Promise.race([sending.then(() => 'acknowledged'), new Promise((resolve) => setTimeout(resolve, 300, 'not'))]), 'not');
      sending.catch(() => undefined);
    }
    assert.equal(await get(`${http.url}/healthz`), [200, 'alive\n']);
    await broker.start();
    await eventually('it is back', is(200, 'ready\nbroker: connected\n'));
    http.drain();
    assert.equal(await ready(), [503, 'closing\n']);
    await pump.close({ drain: 0 });
    await place.close();
    await http.close();
    await broker.close();
  });
}

test('a part of the connections, probes that do not come back, and a database that does not commit are told beside', async () => {
  const gateway = { addresses: ['tidelock://127.0.0.1:1'], closing: false };
  let counters = { version: 5 as 0 | 5, connections: 3, wanted: 5, probesFailed: [] as string[] };
  const failure: { code?: string } = {};
  const registry = { probe: async () => {
    if (failure.code !== undefined) throw Object.assign(new Error('disk is full'), failure);
  } };
  const readiness = new Readiness(gateway, registry, { mode: 'through', counters: () => counters });
  assert.equal(await readiness.answer(0), { ready: true, lines: ['ready', 'broker: 3 of 5 connections'] });
  counters = { ...counters, connections: 5, probesFailed: ['up', 'result'] };
  assert.equal(await readiness.answer(1), { ready: true, lines: ['ready', 'broker: connected, what is published to up, result does not get through'] });
  counters = { version: 0, connections: 1, wanted: 5, probesFailed: [] };
  assert.equal(await readiness.answer(2), { ready: false, lines: ['broker: no connection, no message is acknowledged'] }, 'that of the keeper takes no messages');
  failure.code = 'DATABASE_FAILED';
  assert.equal(await readiness.answer(9_000), { ready: false, lines: ['database: DATABASE_FAILED', 'broker: no connection, no message is acknowledged'] });
});

test('the command tells it', () =>
  inPlace(async (place) => {
    for (const [mode, expected] of [['inbox', [200, 'ready\nbroker: no connection, messages wait in the inbox\n']], ['through', [503, 'broker: no connection, no message is acknowledged\n']]] as const) {
      const { gateway } = await place.serve(['--metrics', '0', '--mqtt', 'mqtt://127.0.0.1:9', '--mqtt-mode', mode]);
      const { metrics } = JSON.parse(await gateway.line('stderr', /"msg":"ready"/)) as { metrics: string };
      assert.equal(await get(`${metrics}/readyz`), expected);
      assert.equal(await get(`${metrics}/healthz`), [200, 'alive\n']);
      gateway.signal('SIGTERM');
      await gateway.ended();
    }
  }));

test.run();
