/** A short run of the fuzzer on the C client; `npm run fuzz:firmware` is the long one. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compiling } from './compiled.js';
import { corpus, fuzz, harness } from './fuzz.js';

const c = compiling(test, 'clang');

c('the corpus and twenty thousand inputs more: the sanitizers are silent, no trap, nothing unauthenticated is acted on', () => {
  const { status, said, frames, crash } = fuzz(harness(), 20_000);
  assert.is(status, 0, `${said.slice(-4_000)}\ninput: ${crash}`);
  const [before = 0, after = 0] = frames;
  assert.ok(before > 5_000, `${before} frames were mutated before their tag was made`);
  assert.ok(Math.abs(before - after) < before / 10, `as many (${after}) after it`);
});

c('a read beyond the memory in what handles a message is found: by the corpus alone', () => {
  const { status, said } = fuzz(harness(true), corpus().length + 10);
  assert.is.not(status, 0);
  assert.match(said, /AddressSanitizer: global-buffer-overflow|runtime error: .*out of bounds|runtime error: load of address/, said.slice(-2_000));
});

test.run();
