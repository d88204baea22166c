/** The rules for every file of the repository find what they are there to find. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkText, LONGEST_SOURCE } from '../../scripts/lib/tree-rules.mjs';

// Put together here, so that this file itself holds none of them.
const slash = '/';
const samples: [string, string][] = [
  [`see ${slash}tmp${slash}x.log\n`, 'a path of one machine'],
  [`cd ${slash}home${slash}ann${slash}src\n`, 'a path of one machine'],
  [`read ..${slash}shared for more\n`, 'a path outside'],
  [`"https://registry.${'npmjs'}.org/x"\n`, 'the address of a registry'],
  ['one\r\ntwo\n', 'a carriage return'],
  ['no end', 'no line feed'],
];

for (const [text, says] of samples) {
  test(`${says}: found`, () => {
    assert.match(checkText('docs/sample.md', text).join('\n'), says);
  });
}

test('what only looks like it is left alone', () => {
  assert.equal(checkText('docs/sample.md', 'https://example.org/work/x, ./tmp/x, {dir}/tmp/x, dist/root/x\n'), []);
});

test('a source file may be as long as the rule says, not longer', () => {
  assert.equal(checkText('assembly/a.ts', '\n'.repeat(LONGEST_SOURCE)), []);
  assert.match(checkText('assembly/a.ts', '\n'.repeat(LONGEST_SOURCE + 1)).join(), 'split it');
  assert.equal(checkText('test/vectors/a.json', '\n'.repeat(LONGEST_SOURCE + 1)), []);
});

test.run();
