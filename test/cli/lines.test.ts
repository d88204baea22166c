/** Lines out of a stream, however it is cut, and no more memory than a line may have. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { LineSplitter } from '../../dist/host/cli/lines.js';

function split(chunks: Buffer[], largest: number): string[] {
  const seen: string[] = [];
  const splitter = new LineSplitter(largest, { line: (line) => seen.push(line.toString('latin1')), tooLong: () => seen.push('!') });
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return seen;
}

test('both line ends, and a last line without one', () => {
  assert.equal(split([Buffer.from('a\r\nbc\n\nd')], 10), ['a', 'bc', '', 'd']);
});

test('the border of the bound', () => {
  assert.equal(split([Buffer.from('1234\n12345\n1234\r\n12345\r\n1234')], 4), ['1234', '!', '1234', '!', '1234']);
});

test('a line that never ends is told once', () => {
  assert.equal(split(Array.from({ length: 100 }, () => Buffer.alloc(1000, 65)), 64), ['!']);
});

test('the cuts make no difference', () => {
  const text = fc.array(fc.constantFrom('a', 'bb', '\n', '\r\n', '\r', 'cccccc'), { maxLength: 30 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, fc.infiniteStream(fc.integer({ min: 1, max: 4 })), (whole, sizes) => {
      const bytes = Buffer.from(whole);
      const chunks: Buffer[] = [];
      for (let from = 0; from < bytes.length; ) {
        const size = sizes.next().value as number;
        chunks.push(bytes.subarray(from, from + size));
        from += size;
      }
      const naive = whole.split('\n').map((line, index, all) => (index < all.length - 1 || line.endsWith('\r') ? line.replace(/\r$/, '') : line));
      if (whole === '' || whole.endsWith('\n')) naive.pop();
      assert.equal(split(chunks, 8), naive.map((line) => (line.length > 8 ? '!' : line)));
    }),
    { numRuns: 2_000 },
  );
});

test.run();
