/** A short run of every target, all files of its corpus first; test/fuzz/run.ts makes long ones. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeInput, Random } from './byte-mutations.js';
import { corpus, fuzzTarget, loadTargets } from './target.js';

const targets = await loadTargets();

test('targets have names of their own, and a corpus', () => {
  const names = targets.map(({ name }) => name);
  assert.is(new Set(names).size, names.length);
  for (const name of names) assert.ok(corpus(name).length >= 3, name);
});

for (const target of targets) {
  test(`${target.name}: a short run`, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const runs = target.short ?? (target.atOnce === undefined ? 1_500 : 480);
    const { inputs, failure } = await fuzzTarget(target, runs, seed);
    assert.is(failure, undefined, failure);
    assert.is(inputs, runs);
  });
}

test('an input is the same for the same numbers, and a finding says how to see it again', async () => {
  const seeds = corpus('decode-stream');
  for (let n = 0; n < 200; n++) assert.equal(makeInput(new Random(n), seeds), makeInput(new Random(n), seeds));
  const fed: string[] = [];
  const broken = { name: 'decode-stream', open: async () => ({ feed: (input: Buffer) => void fed.push(input.toString('hex')), check: () => { throw new Error('not served any more'); }, close: () => undefined }) };
  const { failure = '' } = await fuzzTarget({ ...broken, name: 'decode-stream' }, 20, 5, () => 'a file');
  assert.match(failure, /--target decode-stream --seed 5, input 19, kept as a file/);
  assert.match(failure, /not served any more/);
  assert.is(fed.length, 20);
});

test.run();
