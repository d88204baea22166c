/**
 * A trace of system calls: before each promise is fulfilled, what stands for it has been written to the log and the
 * log flushed to the disk. A killed process would lose nothing without any flush, since the system keeps what was
 * written; a machine that loses its power would.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { found, skip, skipMissing } from '../support/skip.js';
import { folder } from './support.js';

const CHILD = fileURLToPath(new URL('./flush-child.ts', import.meta.url));
const PROMISES = 30;

interface Seen {
  what: string;
  /** Writes to the log since the promise before, and those of them that no flush has followed. */
  writes: number;
  unflushed: number;
}

/** Calls that had begun when another thread's line came in between end in a line of their own. */
function read(trace: string): Seen[] {
  const seen: Seen[] = [];
  const begun = new Map<string, string>();
  let writes = 0;
  let unflushed = 0;
  for (const line of trace.split('\n')) {
    const [, thread = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    let call = rest;
    if (rest.endsWith('<unfinished ...>')) {
      begun.set(thread, rest.slice(0, -'<unfinished ...>'.length));
      // A write counts from when it begins, a flush from when it has ended.
      if (!rest.startsWith('pwrite64')) continue;
    } else if (rest.startsWith('<... ')) {
      const first = begun.get(thread) ?? '';
      if (first.startsWith('pwrite64')) continue;
      call = first + rest.slice(rest.indexOf('>') + 1);
    }
    if (/^pwrite64\(\d+<[^>]*-wal>/.test(call)) {
      writes += 1;
      unflushed += 1;
    } else if (/^(fdatasync|fsync)\(\d+<[^>]*-wal>.*= 0$/.test(call)) {
      unflushed = 0;
    } else {
      const promised = /^write\(1<[^>]*>, "PROMISED ([^"\\]*)/.exec(call);
      if (promised === null) continue;
      seen.push({ what: promised[1]!, writes, unflushed });
      writes = 0;
    }
  }
  return seen;
}

const traced = process.platform !== 'linux' ? skip(test, 'Linux only') : found('strace', '-V') ? test : skipMissing(test, 'strace');

for (const [thread, shared] of [['thread', 'alone'], ['thread', 'shared'], ['in this thread', 'alone']] as const) {
  traced(`each promise comes after its flush (${thread}, ${shared})`, () => {
    const at = folder();
    const trace = path.join(at, 'trace');
    const { status, stdout, stderr } = spawnSync(
      'strace',
      ['-f', '-y', '-qq', '-e', 'trace=pwrite64,fdatasync,fsync,write', '-o', trace, process.execPath, '--import', 'tsx', CHILD, `sqlite:${path.join(at, 'a.db')}`, thread, shared],
      { encoding: 'utf8' },
    );
    assert.is(status, 0, stderr);
    assert.is(stdout.match(/^PROMISED/gm)?.length, PROMISES);
    const seen = read(readFileSync(trace, 'utf8'));
    assert.is(seen.length, PROMISES);
    for (const { what, writes, unflushed } of seen) {
      assert.ok(writes > 0, `${what}: nothing was written for it`);
      assert.is(unflushed, 0, `${what}: promised before it was flushed`);
    }
  });
}

test.run();
