/** What a sender may write to do harm: to the connection that others share, or to memory. */
import { test as uvuTest } from 'uvu';
import * as assert from 'uvu/assert';
import { openEnvelope } from '../../dist/host/bridge/envelope.js';
import { test } from '../gateway/support.js';
import { skipMissing } from '../support/skip.js';
import { haveMosquitto, startMosquitto } from './brokers.js';
import { eventually, Other, site } from './support.js';

const real = haveMosquitto ? test : skipMissing(uvuTest, 'mosquitto and mosquitto-clients');

real('a topic that a broker may end the connection for, of control or noncharacters, is none: as a response topic, as a subscription', async () => {
  const broker = await startMosquitto(5), place = await site({ url: broker.url });
  await place.registry.add('pump-7');
  const other = await Other.connect(broker, ['tl/+/+/result']), odd = ['app/\u0007x', 'app/\u007f', 'app/\u009b2J', 'app/\ufffe', 'app/\u{1ffff}'];
  await eventually('the keeper', () => place.bridge.counters().keeper);
  for (const topic of odd) {
    await other.publish('tl/-/pump-7/down', JSON.stringify({ 'tl-id': `t${topic.codePointAt(4)!}`, 'tl-response': topic, 'tl-lifetime': 1, 'tl-time': 1, text: 'x' }));
    await place.registry.bridge.subscribe('pump-7', topic).then(() => assert.unreachable(topic), (error: { code?: string }) => assert.is(error.code, 'BAD_OPTION'));
  }
  await eventually('an answer to each, where it names none', () => other.of('tl/-/pump-7/result').length === odd.length);
  assert.is(place.bridge.counters().lost, 0);
  await place.close();
  await other.close();
  await broker.close();
});

test('what is longer than an envelope can be is not parsed: a payload of nothing but brackets costs its own length', async () => {
  const command = (payload: Buffer): boolean => openEnvelope(payload) !== undefined;
  assert.ok(command(Buffer.from(JSON.stringify({ 'tl-id': 'x', text: 't'.repeat(100_000) }))));
  const deep = Buffer.from(`{"tl-id":"x","text":${'['.repeat(4_000_000)}${']'.repeat(4_000_000)}}`), before = process.memoryUsage().rss;
  assert.not.ok(command(deep));
  assert.ok(process.memoryUsage().rss - before < 64 << 20, `${process.memoryUsage().rss - before} bytes more`);
});

test.run();
