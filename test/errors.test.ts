/** The table of errors and docs/errors.md say the same, and every message is filled in. */
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ERRORS, TidelockError, type ErrorArguments } from '../dist/host/errors.js';

const doc = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');

/** Sections of the doc: code → its first quote and the paragraph that follows. */
const sections = new Map(
  doc.split(/^### /m).slice(1).map((section) => {
    const [code = '', quote = '', , action = ''] = section.split('\n');
    return [code.trim(), { problem: quote.replace(/^> /, ''), action }] as const;
  }),
);

test('every code has one section, every section a code', () => {
  assert.equal([...sections.keys()].sort(), Object.keys(ERRORS).sort());
  assert.is(doc.match(/^### /gm)?.length, sections.size, 'a code has two sections');
});

for (const [code, [problem, action]] of Object.entries(ERRORS)) {
  test(`docs/errors.md says of ${code} what its message says`, () => {
    assert.is(sections.get(code)?.problem, problem);
    assert.is(sections.get(code)?.action, action);
  });

  test(`${code} is filled in and reads as a sentence`, () => {
    const names = [...`${problem} ${action}`.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
    const details = Object.fromEntries(names.map((name) => [name, `<${name}>`]));
    const error = new TidelockError(...([code, details] as unknown as ErrorArguments));
    assert.is(error.code, code);
    assert.not.match(error.message, /[{}]/);
    for (const name of names) assert.ok(error.message.includes(`<${name}>`));
    assert.not.match(problem, /[.!]$/, 'the problem is a clause, the full stop is put behind it');
    if (!action.startsWith('{')) assert.match(action, /^[A-Z`].*\.$/, 'the action is a sentence');
  });
}

test('every code is given by some source: a table with codes of the past would mislead', () => {
  const host = new URL('../host/', import.meta.url);
  const sources = readdirSync(host, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && file !== 'errors.ts')
    .map((file) => readFileSync(new URL(file.replaceAll('\\', '/'), host), 'utf8'))
    .join('\n');
  assert.equal(Object.keys(ERRORS).filter((code) => !sources.includes(`'${code}'`)), []);
});

test('a cause is kept, a detail that looks like a gap stays as it is', () => {
  const cause = new Error('EADDRINUSE');
  const error = new TidelockError('LINK_LOST', { peer: '{reason}', reason: '$& $1' }, { cause });
  assert.is(error.cause, cause);
  assert.ok(error.problem.includes('to {reason} was lost: $& $1'));
  assert.is(String(error).split(':')[0], 'TidelockError');
  assert.ok(error instanceof Error);
});

test.run();
