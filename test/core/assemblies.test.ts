// What a host keeps of messages that come in parts is bounded in bytes.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Assemblies } from '../../host/core/assemblies.js';

const place = (offset: number, total: number) => offset + total * 65_536;

test('parts go to their places, and a message is taken once', () => {
  const each = new Assemblies(100, () => assert.unreachable());
  const chunk = Buffer.from('..fghij.abcde');
  each.add(3, 1, place(5, 10), chunk, 2, 7);
  each.add(3, 1, place(0, 10), chunk, 8, 13);
  assert.is(each.bytes, 10);
  assert.is(each.take(3)!.toString(), 'abcdefghij');
  assert.is(each.take(3), undefined);
  assert.is(each.bytes, 0);
});

test('another id or length begins anew; a slot that is dropped holds nothing', () => {
  const each = new Assemblies(100, () => assert.unreachable());
  each.add(0, 1, place(0, 4), Buffer.from('ab'), 0, 2);
  each.add(0, 2, place(2, 4), Buffer.from('cd'), 0, 2);
  assert.equal([...each.take(0)!], [0, 0, 0x63, 0x64], 'nothing of the message before');
  each.add(0, 3, place(0, 4), Buffer.from('ab'), 0, 2);
  each.add(0, 3, place(0, 6), Buffer.from('ab'), 0, 2);
  assert.is(each.bytes, 6);
  each.drop(0);
  assert.is(each.bytes, 0);
});

test('1,000 sessions that never complete theirs: the limit holds, the oldest gives way and is told to the core', () => {
  const forgotten: number[] = [];
  const each = new Assemblies(10 * 16_383, (slot) => forgotten.push(slot));
  for (let slot = 0; slot < 1_000; slot++) {
    each.add(slot, 1, place(0, 16_383), Buffer.alloc(256), 0, 256);
    assert.ok(each.bytes <= 10 * 16_383);
  }
  assert.equal(forgotten, Array.from({ length: 990 }, (_, slot) => slot));
});

test.run();
