/**
 * A trace of the gateway's system calls: before an ACK leaves, what it answers for is in the database's log and the log
 * flushed to the disk. SIGKILL alone (kill.test.ts) would pass without one, because the system keeps what was written.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Device } from 'tidelock/device';
import { openRegistry } from 'tidelock/registry';
import { found, skip, skipMissing } from '../support/skip.js';
import { readTrace, type AckSeen } from './flush-trace.js';
import { Child, folder, killChildren, program } from './support.js';

const BATCHES = 12;
const BATCH = 5;
/** Number 1 of an outbox is a SKIP, and its ACK is left out. */
const FIRST = 2;
const WEAK = new URL('./unsafe-database.mjs', import.meta.url).href;

const marker = (id: number): string => `reading-${String(id).padStart(6, '0')};`;

/** A device sends batches, each once the one before is acknowledged; returns the trace of what the gateway did. */
async function traced(thread: string, options: string[] = []): Promise<string> {
  const at = folder(), trace = path.join(at, 'trace'), url = `sqlite:${path.join(at, 'gateway.db')}`;
  const key = new Uint8Array(32).fill(7);
  const registry = await openRegistry(url);
  await registry.add('pump-7', { key });
  await registry.close();
  const [node = '', ...rest] = program('flush-gateway.ts', url, thread);
  const strace = ['strace', '-f', '-yy', '-qq', '-x', '-s', '65536', '-e', 'trace=pwrite64,pwritev,fdatasync,fsync,write,writev,sendto,sendmsg', '-o', trace];
  const gateway = new Child([...strace, node, ...options, ...rest]);
  const device = new Device({ url: await gateway.line('listening'), id: 'pump-7', key, suites: ['signed'], lifetime: Infinity });
  for (let batch = 0, id = FIRST; batch < BATCHES; batch++) {
    await Promise.all(Array.from({ length: BATCH }, () => device.send(marker(id++)).acknowledged));
  }
  await device.close();
  gateway.endInput();
  assert.is(await gateway.ended, 0);
  return readFileSync(trace, 'utf8');
}

/** The ACKs that a flush went before, which a control must not find. */
function flushedFirst(acks: AckSeen[]): number[] {
  return acks.filter(({ unflushed }) => unflushed.length === 0).map(({ id }) => id);
}

const define = process.platform !== 'linux' ? skip(test, 'Linux only') : found('strace', '-V') ? test : skipMissing(test, 'strace');
const LAST = FIRST + BATCHES * BATCH - 1;

for (const thread of ['thread', 'in this thread']) {
  define(`no ACK leaves before its messages are flushed to the disk (${thread})`, async () => {
    const trace = await traced(thread);
    const acks = readTrace(trace, FIRST, marker);
    assert.ok(acks.length >= BATCHES, `${acks.length} ACKs in the trace`);
    assert.is(acks.at(-1)!.id, LAST);
    for (const { id, unflushed } of acks) assert.equal(unflushed, [], `before the ACK of ${id}`);
    console.log(`${thread}: ${acks.length} ACKs, each behind a flush; ${trace.match(/\bf(data)?sync\([^\n]*-wal>/g)?.length} flushes of the log`);

    // The same trace without its flushes must not pass.
    const lines = trace.split('\n');
    const flush = /\bf(data)?sync\b/;
    const without = readTrace(lines.filter((line) => !flush.test(line)).join('\n'), FIRST, marker);
    assert.is(without.length, acks.length);
    assert.equal(flushedFirst(without), []);
  });
}

define('a database that does not flush is found out', async () => {
  const acks = readTrace(await traced('in this thread', ['--import', WEAK]), FIRST, marker);
  assert.ok(acks.length >= BATCHES);
  assert.equal(flushedFirst(acks), []);
});

test('the reader of the trace: a flush that is late, of another file, failed, or begun before the write does not count', () => {
  const write = `10 pwrite64(20</d/gateway.db-wal>, "\\x00${marker(2)}\\x00", 30, 0) = 30`;
  const flushed = '11 fdatasync(20</d/gateway.db-wal>) = 0';
  const ack = `10 write(25<TCP:[127.0.0.1:1->127.0.0.1:2]>, "\\x89\\x05\\x00\\x00\\x01\\x00\\x00\\x00\\x02\\x00${'\\xaa'.repeat(16)}", 26) = 26`;
  const judge = (...lines: string[]): number[][] => readTrace(lines.join('\n'), 2, marker).map(({ unflushed }) => unflushed);
  assert.equal(judge(write, flushed, ack), [[]]);
  assert.equal(judge(write, ack, flushed), [[2]]);
  assert.equal(judge(write, ack), [[2]]);
  assert.equal(judge(flushed, write, ack), [[2]]);
  assert.equal(judge(flushed, ack), [[2]]);
  assert.equal(judge(write, flushed.replace('-wal', ''), ack), [[2]]);
  assert.equal(judge(write, flushed.replace('= 0', '= -1 EIO (Input/output error)'), ack), [[2]]);
  assert.equal(judge('11 fdatasync(20</d/gateway.db-wal> <unfinished ...>', write, '11 <... fdatasync resumed>) = 0', ack), [[2]]);
  assert.equal(judge(write, '11 fdatasync(20</d/gateway.db-wal> <unfinished ...>', ack, '11 <... fdatasync resumed>) = 0'), [[2]]);
  assert.equal(judge(write, '11 fdatasync(20</d/gateway.db-wal> <unfinished ...>', '11 <... fdatasync resumed>) = 0', ack), [[]]);
});

test.after.each(killChildren);
test.run();
