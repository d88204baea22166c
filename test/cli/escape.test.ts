/** Nothing that a device sends reaches the terminal as anything but text. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { escapeBytes, escapeText, safeJson } from '../../dist/host/cli/escape.js';

test('plain text of any script stays as it is', () => {
  for (const text of ['21.5 °C', 'température', 'درجه‌ی دما', '温度', '👩‍🚒 ❤️ ok', '"quoted"', '']) {
    assert.is(escapeText(text), text);
  }
});

test('controls are shown, not obeyed', () => {
  assert.is(escapeText('\x1b[2J\x1b]0;title\x07'), '\\x1b[2J\\x1b]0;title\\x07');
  assert.is(escapeText('a\nb\r\tc\\'), 'a\\nb\\r\\tc\\\\');
  assert.is(escapeText('\u009b31m'), '\\u{9b}31m');
  assert.is(escapeText('\x7f'), '\\x7f');
  assert.is(escapeText('user\u202egnp.exe'), 'user\\u{202e}gnp.exe');
  assert.is(escapeText('a\u2028b\ufeffc\u{e0041}'), 'a\\u{2028}b\\u{feff}c\\u{e0041}');
});

test('bytes that are no UTF-8 are shown as bytes', () => {
  assert.is(escapeBytes(Buffer.from([0x00, 0xff, 0x41, 0x1b])), '\\x00\\xffA\\x1b');
  assert.is(escapeBytes(Buffer.from('°')), '°');
  assert.is(escapeBytes(Buffer.from([0xed, 0xa0, 0x80])), '\\xed\\xa0\\x80'); // a lone surrogate
});

/** What a terminal may act on, or reorder. Written apart from the code's own class. */
function harmful(line: string): boolean {
  return [...line].some((character) => {
    const code = character.codePointAt(0)!;
    return (
      code < 0x20 || (code >= 0x7f && code <= 0x9f) || code === 0x2028 || code === 0x2029 || code === 0xfeff || code === 0x61c ||
      (code >= 0x200e && code <= 0x200f) || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
      (code >= 0xd800 && code <= 0xdfff) || (code >= 0xe0000 && code <= 0xe007f) || code === 0xad || code === 0x115f || code === 0x3164
    );
  });
}

/** The inverse of the escape, for the property. */
function unescape(line: string): Buffer {
  const parts: Buffer[] = [];
  const pattern = /\\(?:x([0-9a-f]{2})|u\{([0-9a-f]+)\}|(.))|[^\\]/gsu;
  for (const [whole, hex, code, letter] of line.matchAll(pattern)) {
    if (hex !== undefined) parts.push(Buffer.from([parseInt(hex, 16)]));
    else if (code !== undefined) parts.push(Buffer.from(String.fromCodePoint(parseInt(code, 16))));
    else if (letter !== undefined) parts.push(Buffer.from({ n: '\n', r: '\r', t: '\t', '\\': '\\' }[letter]!));
    else parts.push(Buffer.from(whole));
  }
  return Buffer.concat(parts);
}

test('any bytes: one harmless line, from which they can be had again', () => {
  const tricky = fc.constantFrom(...'\x1b\x9b\x00\n\\\u202e\u2066\u{e0001}é👩‍x'.split(''));
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array)),
    fc.array(fc.oneof(tricky, fc.string({ unit: 'binary', maxLength: 3 })), { maxLength: 12 }).map((list) => Buffer.from(list.join(''))),
  );
  fc.assert(
    fc.property(bytes, (body) => {
      const line = escapeBytes(body);
      assert.not(harmful(line), JSON.stringify(line));
      assert.equal(unescape(line), body);
    }),
    { numRuns: 2_000 },
  );
});

test('JSON lines are harmless too, and say the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (text) => {
      const line = safeJson({ text });
      assert.not(harmful(line));
      assert.is(JSON.parse(line).text, text);
    }),
    { numRuns: 2_000 },
  );
});

test.run();
