/**
 * A trace of the system calls of a gateway with a bridge, and of PostgreSQL: before an ACK leaves to a device, and before a PUBACK leaves to the
 * broker, what it answers for is in the database's log and the log flushed to the disk.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Device } from 'tidelock/device';
import { openRegistry } from 'tidelock/registry';
import { readPubacks, readTrace, type AckSeen } from '../e2e/flush-trace.js';
import { Child, folder, killChildren, program } from '../e2e/support.js';
import { findPostgres, PostgresServer } from '../support/postgres.js';
import { found, skip, skipMissing } from '../support/skip.js';
import { haveMosquitto, startMosquitto } from './brokers.js';
import { Other } from './support.js';

const BATCHES = 8;
const BATCH = 5;
/** Number 1 of an outbox is a SKIP, and its ACK is left out. */
const FIRST = 2;
const COMMANDS = BATCHES * BATCH;

/** Twice, since a page of the log may end within one of them. */
const reading = (id: number): string => `reading-${String(id).padStart(6, '0')};`;
const command = (id: number): string => `command-${String(id).padStart(6, '0')};`;
const twice = (marker: string): string => marker.padEnd(60, '.') + marker;

/** `attach`: processes to be traced beside the gateway. Readings and commands go in batches, each once the one before has ended. */
async function traced(url: string, attach: readonly number[], thread = 'thread', options: string[] = []): Promise<string> {
  const trace = path.join(folder(), 'trace'), key = new Uint8Array(32).fill(7), broker = await startMosquitto(5);
  const registry = await openRegistry(url);
  await registry.add('pump-7', { key });
  await registry.close();
  const [node = '', ...rest] = program('flush-gateway.ts', url, thread, broker.url);
  const calls = 'trace=pwrite64,pwritev,fdatasync,fsync,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg';
  const strace = ['strace', '-I', '2', '-f', '-yy', '-qq', '-x', '-s', '65536', '-e', calls, '-o', trace, ...attach.flatMap((pid) => ['-p', String(pid)])];
  const gateway = new Child([...strace, node, ...options, ...rest]);
  const device = new Device({ url: await gateway.line('listening'), id: 'pump-7', key, suites: ['signed'], lifetime: Infinity });
  device.on('message', () => undefined); // it obeys
  const other = await Other.connect(broker, ['tl/+/+/result']);
  await gateway.line('keeps');
  for (let batch = 0, id = FIRST, order = 1; batch < BATCHES; batch++) {
    const sent = Array.from({ length: BATCH }, () => device.send(twice(reading(id++))).acknowledged);
    // One after the other hands them to the broker in order.
    for (let i = 0; i < BATCH; i++, order++) await other.command('tl/-/pump-7/down', twice(command(order)), { 'tl-id': String(order), 'tl-lifetime': '600000' });
    await Promise.all(sent);
  }
  for (let tries = 0; other.got.filter(({ text }) => text.includes('"delivered"')).length < COMMANDS; tries++) {
    assert.ok(tries < 3_000, 'the commands are not delivered');
    await pause(20);
  }
  await device.close();
  await other.close();
  gateway.endInput();
  await gateway.line('closed');
  // With processes that it is only attached to it would go on.
  if (attach.length > 0) gateway.kill('SIGINT');
  await gateway.ended;
  await broker.close();
  return readFileSync(trace, 'utf8');
}

function judge(what: string, trace: string): void {
  const acks = readTrace(trace, FIRST, reading), pubacks = readPubacks(trace, 1, command);
  assert.ok(acks.length >= BATCHES, `${acks.length} ACKs in the trace`);
  assert.is(acks.at(-1)!.id, FIRST + BATCHES * BATCH - 1);
  assert.equal(pubacks.map(({ id }) => id), Array.from({ length: COMMANDS }, (_, i) => i + 1));
  for (const { id, unflushed } of acks) assert.equal(unflushed, [], `before the ACK of ${id}`);
  for (const { id, unflushed } of pubacks) assert.equal(unflushed, [], `before the PUBACK of ${id}`);
  console.log(`${what}: ${acks.length} ACKs and ${pubacks.length} PUBACKs, each behind a flush`);

  // The same trace without its flushes must not pass.
  const without = trace.split('\n').filter((line) => !/\bf(data)?sync\b/.test(line)).join('\n');
  assert.equal(flushedFirst([...readTrace(without, FIRST, reading), ...readPubacks(without, 1, command)]), []);
}

/** Those that a flush went before, which a control must not find. */
function flushedFirst(seen: AckSeen[]): number[] {
  return seen.filter(({ unflushed }) => unflushed.length === 0).map(({ id }) => id);
}

const define = (parts: string, there: boolean): typeof test | ReturnType<typeof skip> => (process.platform !== 'linux' ? skip(test, 'Linux only') : there ? test : skipMissing(test, parts));
const haveStrace = found('strace', '-V');

define('strace and mosquitto', haveStrace && haveMosquitto)('SQLite: no ACK and no PUBACK leaves before a flush', async () => {
  judge('SQLite', await traced(`sqlite:${path.join(folder(), 'gateway.db')}`, []));
});

define('strace and mosquitto', haveStrace && haveMosquitto)('a database that does not flush is found out', async () => {
  const trace = await traced(`sqlite:${path.join(folder(), 'gateway.db')}`, [], 'in this thread', ['--import', new URL('../e2e/unsafe-database.mjs', import.meta.url).href]);
  const acks = readTrace(trace, FIRST, reading), pubacks = readPubacks(trace, 1, command);
  assert.ok(acks.length >= BATCHES);
  assert.is(pubacks.length, COMMANDS);
  assert.equal(flushedFirst([...acks, ...pubacks]), []);
});

define('strace, mosquitto and PostgreSQL', haveStrace && haveMosquitto && findPostgres() !== undefined)('PostgreSQL: no ACK and no PUBACK leaves before a flush', async () => {
  const server = await PostgresServer.start();
  try {
    judge('PostgreSQL', await traced(await server.place(), server.pids(/^postgres: (checkpointer|walwriter|background writer)/)));
  } finally {
    server.remove();
  }
});

test.after.each(killChildren);
test.run();
