/** Log lines that strangers cause are bounded, and errors count by their code. */
import * as assert from 'uvu/assert';
import { LimitedLog } from '../../dist/host/gateway/log.js';
import { test } from './support.js';

function recorder(): { lines: [string, object, string][]; log: LimitedLog } {
  const lines: [string, object, string][] = [];
  const line = (level: string) => (fields: object, text: string) => void lines.push([level, fields, text]);
  return { lines, log: new LimitedLog({ info: line('info'), warn: line('warn'), error: line('error'), debug: line('debug') }) };
}

test('ten lines about one thing in ten seconds, then how many more there were', () => {
  const { lines, log } = recorder();
  for (let i = 0; i < 25; i++) log.warn(1_000, { i }, 'refused');
  assert.is(lines.length, 10);
  log.tick(10_999);
  assert.is(lines.length, 10);
  log.tick(11_000);
  assert.equal(lines[10], ['warn', { more: 15, seconds: 10 }, 'refused: more of the same']);
  log.warn(11_001, {}, 'refused');
  assert.is(lines.length, 12);
});

test('errors count together by their code, whatever their texts hold', () => {
  const { lines, log } = recorder();
  for (let i = 0; i < 1_000; i++) log.error(0, Object.assign(new Error(`the lookup of d${i} failed`), { code: 'LOOKUP_FAILED' }));
  assert.is(lines.length, 10);
  assert.ok(log.error(0, Object.assign(new Error('disk full'), { code: 'COMMIT_FAILED' }))); // another's place was not taken
  log.tick(10_000);
  assert.match(lines[11]![2], /^the lookup of d0 failed: more of the same/);
});

test('what has been quiet for a period gives its place to another', () => {
  const { lines, log } = recorder();
  for (let i = 0; i < 100; i++) log.warn(0, {}, `text ${i}`);
  assert.is(lines.length, 64);
  log.tick(10_000); // counts begin anew
  log.tick(20_000); // and nothing came
  log.warn(20_001, {}, 'another');
  assert.is(lines.length, 65);
});

test('without a logger nothing is written, and what would pass is told', () => {
  const log = new LimitedLog(undefined);
  const passed = Array.from({ length: 20 }, () => log.error(0, new Error('x'))).filter(Boolean);
  assert.is(passed.length, 10);
  log.warn(0, {}, 'nothing happens');
});

test.run();
