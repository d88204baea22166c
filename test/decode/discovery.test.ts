/** DISCOVER and OFFER, explained: what they say, and that nothing of it is proven. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DiscoveryCore } from '../../dist/host/core/discovery.js';
import { Decoder, type Frame, type Item } from '../../dist/host/decode/index.js';

function explain(bytes: Buffer): Frame {
  const items: Item[] = [];
  const decoder = new Decoder({ datagram: true, keys: () => [] }, (item) => void items.push(item));
  decoder.hex(bytes.toString('hex'));
  decoder.end();
  assert.is(items.length, 1);
  return items[0] as Frame;
}

test('a question and its answer', () => {
  const core = new DiscoveryCore(), token = Buffer.from('0102030405060708', 'hex');
  const question = explain(core.discover(token));
  assert.equal([question.type, question.direction, question.verdict, question.why, question.fields], ['DISCOVER', 'to gateway', 'unknown', 'nothing in it is proven', { token: '0102030405060708' }]);
  const answer = explain(core.offer(token, [{ link: 0, port: 8433 }, { link: 1, port: 8434 }], 'plant/gateway-2'));
  assert.equal([answer.type, answer.direction, answer.verdict], ['OFFER', 'to device', 'unknown']);
  assert.is(answer.fields['name'], 'plant/gateway-2');
  assert.match(String(answer.fields['links']), /8433, .* 8434$/);
});

test('one of another form is refused', () => {
  const core = new DiscoveryCore(), token = Buffer.alloc(8, 1);
  for (const bytes of [core.discover(token).subarray(0, 40), Buffer.concat([core.offer(token, [{ link: 0, port: 1 }], 'g'), Buffer.from([0])])]) assert.is(explain(bytes).verdict, 'refused');
});

test.run();
