/** Messages from devices: durable with their receipt or not at all, in order, once, within bounds, only under the lease. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Received } from 'tidelock/registry';
import { driversHere, engine, failInserts, inboxTexts, newPlace, open, outside, rejects, session, Session } from './support.js';

for (const driver of driversHere()) {
  for (const thread of [false, true]) {
    test(`what was committed is read in order, with its receipt, after a restart too (${driver}${thread ? ', thread' : ''})`, async () => {
      const url = await newPlace();
      let registry = await open({ driver, thread }, url);
      let told = 0;
      registry.on('inbox', () => (told += 1));
      const device = await session(registry, 'a', 0xfedcba98);
      const bodies = [Buffer.from([0, 255, 128]), Buffer.alloc(0), Buffer.alloc(16_375, 7)];
      const messages = bodies.map((body, i) => ({ lease: device.lease, id: i + 1, time: -5 + i, repeat: i === 1, body }));
      const committed = registry.commit(messages);
      for (const body of bodies) body.fill(9); // it has its own copy
      assert.equal(await committed, ['durable', 'durable', 'durable']);
      assert.is(told, 1);
      await registry.close();

      registry = await open({ driver, thread }, url);
      const rows = await registry.read();
      assert.equal(
        rows.map(({ position, message, identity, time, repeat }) => ({ position, message, identity, time, repeat })),
        [1, 2, 3].map((id) => ({ position: id, message: `a#fedcba98-${id}`, identity: 'a', time: -6 + id, repeat: id === 2 })),
      );
      assert.equal(rows.map(({ body }) => body), [Buffer.from([0, 255, 128]), Buffer.alloc(0), Buffer.alloc(16_375, 7)]);
      assert.ok(Buffer.isBuffer(rows[0]!.body));
      assert.equal((await registry.takeover('a', 0xfedcba98))!.receipts.inLast, 3);
      assert.equal((await registry.takeover('a', 1))!.receipts.inLast, 0);
      await registry.close();
    });
  }
}

test('done rows are gone for good, and their positions never come again', async () => {
  const url = await newPlace();
  let registry = await open({}, url);
  let device = await session(registry, 'a');
  await device.commit(1, 'one', 'two', 'three');
  await registry.done([1, 3, 3, 99]);
  await registry.done([]);
  assert.equal(await inboxTexts(registry), ['a:two']);
  await registry.done([2]);
  assert.equal((await registry.info()).inbox, { rows: 0, bytes: 0 });
  await registry.close();
  registry = await open({}, url);
  device = await session(registry, 'a');
  await device.commit(4, 'four');
  assert.is((await registry.read())[0]!.position, 4);
  await registry.close();
});

test('what comes again is durable, and in the inbox once, even where it was done', async () => {
  const registry = await open();
  const device = await session(registry, 'a');
  await device.commit(1, 'one', 'two');
  await registry.done([1]);
  assert.equal(await device.commit(1, 'one', 'two', 'three'), ['durable', 'durable', 'durable']);
  assert.equal(await device.commit(2, 'two'), ['durable']);
  assert.equal(await inboxTexts(registry), ['a:two', 'a:three']);
  await registry.close();
});

test('a hole is not jumped: neither behind the record nor within a batch', async () => {
  const registry = await open();
  const device = await session(registry, 'a');
  assert.equal(await device.commit(2, 'two'), ['gap']);
  assert.equal(await registry.commit([...device.messages(1, 'one'), ...device.messages(3, 'three')]), ['durable', 'gap']);
  assert.equal(await registry.commit([...device.messages(3, 'three'), ...device.messages(2, 'two'), ...device.messages(2, 'two')]), ['gap', 'durable', 'durable']);
  assert.equal(await inboxTexts(registry), ['a:one', 'a:two']);
  await registry.close();
});

test('SKIP moves the record and enters nothing, past a full inbox too', async () => {
  const registry = await open({ limits: { inboxRows: 1 } });
  const device = await session(registry, 'a');
  assert.equal(await device.commit(1, 'one', undefined, undefined), ['durable', 'durable', 'durable']);
  assert.equal(await device.commit(4, undefined, 'five', undefined), ['durable', 'full', 'gap']);
  assert.equal(await inboxTexts(registry), ['a:one']);
  assert.is((await registry.takeover('a', 1))!.receipts.inLast, 4);
  await registry.close();
});

test('SKIP gets past an inbox that holds more than its bounds, which are smaller since', async () => {
  const url = await newPlace();
  let registry = await open({}, url);
  await (await session(registry, 'a')).commit(1, 'one', 'two');
  await registry.close();
  registry = await open({ limits: { inboxRowsPerDevice: 1 } }, url);
  assert.equal(await (await session(registry, 'a')).commit(3, undefined, 'four'), ['durable', 'full']);
  await registry.close();
});

test('bounds: rows and bytes, of one device and of all; room comes back with done and counts after a restart', async () => {
  const limits = { inboxRows: 5, inboxBytes: 20, inboxRowsPerDevice: 3, inboxBytesPerDevice: 12 };
  const url = await newPlace();
  let registry = await open({ limits }, url);
  let a = await session(registry, 'a');
  const b = await session(registry, 'b');
  assert.equal(await a.commit(1, '1', '2', '3', '4'), ['durable', 'durable', 'durable', 'full']);
  assert.equal(await b.commit(1, '123456789012', 'x'), ['durable', 'full']);
  await registry.done([1, 2, 3]);
  assert.equal(await a.commit(4, '123456789', '1'), ['full', 'gap'], 'bytes of all: 12 + 9');
  assert.equal(await a.commit(4, '12345678', '1'), ['durable', 'full']);
  await registry.close();
  registry = await open({ limits }, url);
  a = await session(registry, 'a');
  assert.equal(await a.commit(5, '1'), ['full']);
  const rows = await registry.read();
  await registry.done(rows.map(({ position }) => position));
  assert.equal(await a.commit(5, '1'), ['durable']);
  assert.equal((await registry.info()).inbox, { rows: 1, bytes: 1 });
  await registry.close();
});

test('a retry of what filled the inbox is durable, not full', async () => {
  const registry = await open({ limits: { inboxRows: 2 } });
  const device = await session(registry, 'a');
  await device.commit(1, 'one', 'two');
  assert.equal(await device.commit(1, 'one', 'two', 'three'), ['durable', 'durable', 'full']);
  await registry.close();
});

test('the lease fences: a superseded session commits nothing, in the same batch as its successor too', async () => {
  const registry = await open();
  const old = await session(registry, 'a');
  await old.commit(1, 'one');
  const now = await session(registry, 'a');
  assert.is(now.receipts.inLast, 1);
  assert.ok(now.lease.epoch > old.lease.epoch);
  assert.equal(await registry.commit([...old.messages(2, 'old'), ...now.messages(2, 'two'), ...old.messages(3, 'old')]), ['superseded', 'durable', 'superseded']);
  assert.equal(await old.commit(1, 'one'), ['superseded'], 'even what it has committed: its session is to end');
  assert.equal(await inboxTexts(registry), ['a:one', 'a:two']);
  await registry.close();
});

test('calls in flight take effect in their order: commit, takeover, commit', async () => {
  const registry = await open({ thread: true });
  const old = await session(registry, 'a');
  const [before, takeover, after] = await Promise.all([old.commit(1, 'one', 'two'), registry.takeover('a', 1), old.commit(3, 'three')]);
  assert.equal(before, ['durable', 'durable']);
  assert.is(takeover!.receipts.inLast, 2);
  assert.equal(after, ['superseded']);
  assert.equal((await registry.info()).transactions < 7, true, 'they shared transactions');
  await registry.close();
});

test('a new outbox begins at 1; the record of the old one stays until then', async () => {
  const registry = await open();
  const first = await session(registry, 'a', 5);
  await first.commit(1, 'one', 'two');
  const second = await session(registry, 'a', 6);
  assert.is(second.receipts.inLast, 0);
  assert.equal(await second.commit(2, 'no'), ['gap']);
  const third = await session(registry, 'a', 5);
  assert.is(third.receipts.inLast, 2, 'nothing had come under the other number');
  const fourth = await session(registry, 'a', 6);
  assert.equal(await fourth.commit(1, 'six one'), ['durable']);
  const fifth = await session(registry, 'a', 5);
  assert.is(fifth.receipts.inLast, 0, 'its record is gone');
  // The rows of it are not: what comes again under the same outbox and number is the same message.
  assert.equal(await fifth.commit(1, 'one', 'two', 'three'), ['durable', 'durable', 'durable']);
  assert.equal(await inboxTexts(registry), ['a:one', 'a:two', 'a:six one', 'a:three']);
  assert.equal((await registry.info()).inbox, { rows: 4, bytes: 18 });
  await registry.close();
});

test('equal leases are one lease', async () => {
  const registry = await open();
  const device = await session(registry, 'a');
  const copy = new Session(registry, { lease: { ...device.lease }, receipts: device.receipts });
  assert.equal(await registry.commit([...device.messages(1, '1'), ...copy.messages(2, '2'), ...device.messages(3, '3')]), ['durable', 'durable', 'durable']);
  await registry.close();
});

test('a thousand messages of a hundred devices, in one call and in a thousand', async () => {
  const registry = await open({ thread: true });
  const devices = await Promise.all(Array.from({ length: 100 }, (_, i) => session(registry, `d${i}`)));
  const all: Received[] = [];
  for (let id = 1; id <= 5; id++) for (const device of devices) all.push(...device.messages(id, `m${id}`));
  assert.ok((await registry.commit(all)).every((verdict) => verdict === 'durable'));
  const before = (await registry.info()).transactions;
  const calls: Promise<unknown>[] = [];
  for (let id = 6; id <= 10; id++) for (const device of devices) calls.push(device.commit(id, `m${id}`));
  assert.ok((await Promise.all(calls)).flat().every((verdict) => verdict === 'durable'));
  assert.ok((await registry.info()).transactions - before <= 3, 'called in one turn, they are one transaction');
  const rows = await registry.read({ limit: 10_000 });
  assert.is(rows.length, 1_000);
  assert.is(new Set(rows.map(({ message }) => message)).size, 1_000);
  const last = new Map<string, number>();
  for (const { identity, message } of rows) {
    const id = Number(message.slice(message.lastIndexOf('-') + 1));
    assert.is(id, (last.get(identity) ?? 0) + 1);
    last.set(identity, id);
  }
  await registry.close();
});

test('what is no message is refused before anything is written', async () => {
  const registry = await open();
  const device = await session(registry, 'a');
  const [good] = device.messages(1, 'one');
  for (const bad of [{ id: 0 }, { id: 1.5 }, { id: NaN }, { id: 2 ** 32 }, { time: Infinity }, { body: 'text' }, { lease: undefined }]) {
    let error: unknown;
    await registry.commit([good!, { ...good!, ...bad } as never]).catch((thrown: unknown) => (error = thrown));
    assert.ok(error instanceof TypeError || error instanceof RangeError, JSON.stringify(bad));
  }
  assert.equal(await inboxTexts(registry), []);
  assert.equal(await registry.commit([]), []);
  await rejects(registry.read({ limit: 20_000 }), 'BAD_OPTION', 'limit');
  await registry.close();
});

test('a commit that failed left nothing; the same again succeeds, and the counts are right', async () => {
  const url = await newPlace();
  const registry = await open({ shared: true, busyTimeout: 0 }, url);
  const device = await session(registry, 'a');
  await device.commit(1, 'one');
  const other = await outside(url);
  for (const statement of engine.name === 'sqlite' ? ['begin immediate'] : ['begin', 'lock table inbox in access exclusive mode']) await other.all(statement);
  await rejects(device.commit(2, 'two', 'three'), 'DATABASE_LOCKED');
  assert.is((await other.all('select * from inbox')).length, 1);
  await other.all('rollback');
  // A fault in the middle of a transaction: the table takes no third row.
  await failInserts(other, 'third', 'inbox', 'new.id = 3', 'no third');
  await rejects(device.commit(2, 'two', 'three'), 'DATABASE_FAILED', 'no third');
  assert.is(Number((await other.all('select in_last from devices'))[0]!['in_last']), 1);
  await other.all(`drop trigger third${engine.name === 'sqlite' ? '' : ' on inbox'}`);
  await other.close();
  assert.equal(await device.commit(2, 'two', 'three'), ['durable', 'durable']);
  assert.equal((await registry.info()).inbox, { rows: 3, bytes: 11 });
  await registry.close();
});

test('the fault of one operation does not cost the others their transaction', async () => {
  const url = await newPlace();
  const registry = await open({ shared: true }, url);
  const [a, b] = [await session(registry, 'a'), await session(registry, 'b')];
  const other = await outside(url);
  await failInserts(other, 'no_b', 'queue', "new.identity = 'b'", 'not b');
  await other.close();
  const [committed, refused, queued] = await Promise.allSettled([a.commit(1, 'one'), registry.enqueue('b', 'x'), registry.enqueue('a', 'y')]);
  assert.equal(committed, { status: 'fulfilled', value: ['durable'] });
  assert.is(refused.status, 'rejected');
  assert.is(queued.status, 'fulfilled');
  assert.equal(await b.commit(1, 'b one'), ['durable']);
  assert.equal((await registry.info()).queue, { messages: 1, bytes: 1 });
  await registry.close();
});

test.run();
