/** The retained status of devices. The owner of the clock is the test. */
import { EventEmitter } from 'node:events';
import * as assert from 'uvu/assert';
import type { Shared } from '../../dist/host/bridge/context.js';
import type { Item } from '../../dist/host/bridge/lane.js';
import { Status } from '../../dist/host/bridge/status.js';
import { test, TestClock, turns } from '../gateway/support.js';

test('what an earlier run left as connected is told after a while; the end of a session of this run stays as it was told', async () => {
  const clock = new TestClock(), told: { topic: string; payload: string }[] = [], devices = new Map<string, object>();
  const gateway = Object.assign(new EventEmitter(), { device: (id: string) => devices.get(id), devices: () => [] });
  const lane = {
    connection: { isUp: true },
    push: (item: Item) => {
      told.push(item.content(undefined as never) as { topic: string; payload: string });
      setImmediate(() => item.settle(0));
    },
  };
  const rows = ['earlier', 'ended', 'here'].map((identity) => ({ identity, since: 1 }));
  new Status({
    host: { gateway, clock, epoch: () => 1n, registry: { gateway: 'gw', list: () => Promise.resolve(rows) }, failed: (error: unknown) => assert.unreachable(String(error)) },
    topics: { status: (identity: string) => identity }, lanes: { of: () => lane, list: [lane] }, counts: { refused: 0 },
  } as unknown as Shared);
  devices.set('here', { protocol: 'tidelock' });
  await clock.advance(10_000);
  gateway.emit('device', { id: 'ended', online: false, reason: 'timeout' });
  await turns(4);
  await clock.advance(30_000);
  await turns(4);
  assert.equal(told.map(({ topic, payload }) => [topic, (JSON.parse(payload) as { reason: string }).reason]), [['ended', 'timeout'], ['earlier', '']]);
});

test.run();
