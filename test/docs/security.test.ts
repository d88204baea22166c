/** docs/security.md: every promise names a test that there is, and what it points at is in the package. */
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const here = (name: string): URL => new URL(`../../${name}`, import.meta.url);
const doc = readFileSync(here('docs/security.md'), 'utf8');

test('every promise names what it rests on and a test that exists', () => {
  const rows = doc.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| Promise') && !line.startsWith('| ---'));
  assert.ok(rows.length > 20);
  for (const row of rows) {
    const [, promise = '', rests = '', shown = ''] = row.split('|').map((cell) => cell.trim());
    assert.ok(promise !== '' && rests !== '', row);
    assert.match(shown, /`test\/[\w/-]+\.test\.ts`/, row);
  }
});

test('every file that it names is there', () => {
  const files = [...doc.matchAll(/`((?:test|examples)\/[\w./-]+)`|`node --import tsx (test\/\S+)`|\]\((\w+\.md)/g)].map(([, file, run, link]) => file ?? run ?? `docs/${link}`);
  assert.ok(files.length > 30);
  assert.equal(files.filter((file) => !existsSync(here(file))), []);
});

test.run();
