/** What people see of a payload. */
import { encode, Tagged } from 'cborg';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { showPayload } from '../../dist/host/cli/payload.js';

const shown = (body: Uint8Array | string): [string, string] => {
  const { kind, text } = showPayload(Buffer.from(body as Uint8Array));
  return [kind, text];
};

test('text, JSON, CBOR, and what is none of them', () => {
  assert.equal(shown('21.5 °C'), ['text', '21.5 °C']);
  assert.equal(shown('21.5'), ['text', '21.5'], 'a number alone is text');
  assert.equal(shown(' { "a b" : [ 1.50, "x  y" ]\n}'), ['json', '{"a b":[1.50,"x  y"]}'], 'numbers as they are written');
  assert.equal(shown('{"a":'), ['text', '{"a":']);
  assert.equal(shown(''), ['empty', '']);
  assert.equal(shown(Uint8Array.of(0, 1, 2)), ['hex', '000102']);
  assert.equal(shown(Uint8Array.of(0xff, 0xfe)), ['hex', 'fffe']);
  assert.equal(shown(encode({ t: 21.5, b: Uint8Array.of(1, 2), s: 'a"b', n: null, l: [true, 2n ** 63n] })), ['cbor', '{"b": h\'0102\', "l": [true, 9223372036854775808], "n": null, "s": "a\\\\"b", "t": 21.5}']);
  assert.equal(shown(encode(new Tagged(1, 1_700_000_000))), ['cbor', '1(1700000000)']);
  assert.equal(shown(Buffer.from('a1016162', 'hex')), ['cbor', '{1: "b"}'], 'keys of every kind');
  assert.equal(shown(Buffer.from('820102ff', 'hex')), ['hex', '820102ff'], 'a byte more is no CBOR');
  assert.is(shown(Buffer.alloc(16_000, 0x81))[0], 'hex', 'nested beyond all bounds');
});

test('CBOR of which something would not be seen is shown as it is, in hexadecimal digits', () => {
  for (const [bytes, why] of [
    ['a201020103', 'the same key twice: one value would hide the other'], ['8162ff1b', 'a text that is not UTF-8'], ['dbffffffffffffffff01', 'a tag that no number of JavaScript holds'],
    ['9affffffff', 'longer than it is'], ['9f9f9f', 'without an end'],
  ] as const) assert.equal(shown(Buffer.from(bytes, 'hex')), ['hex', bytes], why);
  assert.equal(shown(encode(['\ufffd'])), ['cbor', '["\ufffd"]'], 'U+FFFD that was sent');
});

test('nothing of it moves the cursor or ends the line', () => {
  assert.equal(shown('a\nb\u202ec'), ['text', 'a\\nb\\u{202e}c']);
  assert.is(shown(encode({ x: '\u001b[2J\u009b' }))[1].includes('\u001b'), false);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (body) => {
     
    assert.not.match(shown(body)[1], /[\u0000-\u001f\u007f-\u009f]/);
  }), { numRuns: 3_000 });
});

test.run();
