/** Commands to devices: queued with a number of their own, sent in order, their end told and remembered. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { abi } from 'tidelock/core';
import type { Ended, Queued, Registry } from 'tidelock/registry';
import { driversHere, newPlace, open, outside, rejects, session, TestClock } from './support.js';

function listen(registry: Registry): string[] {
  const ends: string[] = [];
  registry.on('ended', ({ message, end }: Ended) => ends.push(`${message.replace(/^.*-/, '')} ${end}`));
  return ends;
}

for (const driver of driversHere()) {
  test(`queued for a sleeping device, sent in order, delivered; each end is known after a restart (${driver})`, async () => {
    const url = await newPlace();
    const clock = new TestClock();
    let registry = await open({ driver, unix: clock.unix }, url);
    await registry.add('a');
    const queued: Queued[] = [];
    for (const text of ['one', 'two', 'three']) queued.push(await registry.enqueue('a', text));
    assert.equal(queued.map(({ next }) => next), [2, 2, 2], 'number 1 goes alone');
    await registry.close();

    registry = await open({ driver, unix: clock.unix }, url);
    const ends = listen(registry);
    let device = await session(registry, 'a');
    const { outOutbox } = device.receipts;
    assert.equal(device.receipts, { inLast: 0, outOutbox, outLow: 1, outSent: 0, outNext: 2 });
    assert.equal(queued.map(({ message }) => message), [2, 3, 4].map((id) => `a#${outOutbox.toString(16).padStart(8, '0')}-${id}`));
    assert.equal(await device.take(1, 64), [[1, undefined]]);
    assert.is(await registry.delivered(device.lease, 1), 5);
    clock.now += 500;
    const out = await registry.take(device.lease, 2, 2);
    assert.equal(out!.map(({ id, message, made, repeat }) => ({ id, message, made, repeat })),
      [2, 3].map((id) => ({ id, message: queued[id - 2]!.message, made: clock.now - 500, repeat: false })));
    assert.is(await registry.delivered(device.lease, 2), 5);
    await registry.close();

    registry = await open({ driver, unix: clock.unix }, url);
    assert.equal(await registry.outcome(queued[0]!.message), { message: queued[0]!.message, identity: 'a', end: 'delivered', at: clock.now });
    const waits = { identity: 'a', made: clock.now - 500, deadline: clock.now + 59_500 };
    assert.equal(await registry.outcome(queued[1]!.message), { ...waits, message: queued[1]!.message, bytes: 3, sent: true });
    assert.equal(await registry.outcome(queued[2]!.message), { ...waits, message: queued[2]!.message, bytes: 5, sent: false });
    device = await session(registry, 'a');
    assert.equal(device.receipts, { inLast: 0, outOutbox, outLow: 3, outSent: 3, outNext: 5 });
    assert.equal(await device.take(3, 2), [[3, 'two'], [4, 'three']]);
    assert.is(await registry.delivered(device.lease, 4), 5);
    assert.is(await registry.delivered(device.lease, 3), 5, 'an older ACK changes nothing');
    assert.equal(ends, ['2 delivered']);
    assert.equal(await registry.waiting(), []);
    assert.equal((await registry.info()).queue, { messages: 0, bytes: 0 });
    await registry.close();
  });
}

test('nothing but a SKIP goes under number 1, and nothing before its ACK: also after each renewal', async () => {
  const registry = await open();
  let device = await session(registry, 'a');
  assert.is(device.receipts.outNext, 1, 'an empty queue has nothing to say');
  assert.is((await registry.enqueue('a', 'one')).next, 2);
  assert.equal(await device.take(1, 64), [[1, undefined]]);
  assert.equal(await device.take(2, 63), []);
  assert.is((await registry.enqueue('a', 'two')).next, 2);
  device = await session(registry, 'a');
  assert.equal([device.receipts.outLow, device.receipts.outSent, device.receipts.outNext], [1, 1, 2]);
  assert.equal(await device.take(1, 64), [[1, undefined]]);
  assert.is(await registry.delivered(device.lease, 1), 4);
  assert.equal(await device.take(2, 63), [[2, 'one'], [3, 'two']]);
  await registry.renew(device.lease, 1);
  device = await session(registry, 'a');
  assert.equal([device.receipts.outLow, device.receipts.outSent, device.receipts.outNext], [1, 0, 2]);
  await registry.close();
});

test('refused, too long, no target: that one alone, with what is before it delivered; SKIP takes its place', async () => {
  const registry = await open();
  const ends = listen(registry);
  const device = await session(registry, 'a');
  for (const text of ['2', '3', '4', '5', '6']) await registry.enqueue('a', text);
  await device.prime();
  await device.take(2, 5);
  assert.is(await registry.refused(device.lease, 3, abi.ACK_REFUSED), 7);
  assert.equal(await device.take(3, 3), [[3, undefined], [4, '4'], [5, '5']]);
  assert.is(await registry.refused(device.lease, 4, abi.ACK_TOO_LONG), 7);
  assert.is(await registry.refused(device.lease, 4, abi.ACK_TOO_LONG), 7);
  assert.is(await registry.refused(device.lease, 5, abi.ACK_NO_TARGET), 7);
  assert.is(await registry.delivered(device.lease, 6), 7);
  assert.equal(ends, ['2 delivered', '3 refused', '4 too long', '5 no target', '6 delivered']);
  await registry.close();
});

test('sent is committed before the bodies are given; a busy device takes it back', async () => {
  const clock = new TestClock();
  const registry = await open({ unix: clock.unix });
  const ends = listen(registry);
  const device = await session(registry, 'a');
  for (const text of ['2', '3', '4']) await registry.enqueue('a', text, { lifetime: 1_000 });
  await device.prime();
  await device.take(2, 3);
  assert.equal((await registry.waiting()).map(({ sent }) => sent), [true, true, true]);
  assert.is((await registry.takeover('a', 1))!.receipts.outSent, 4);
  await registry.untaken(device.lease, 3);
  assert.equal((await registry.waiting()).map(({ sent }) => sent), [true, true, true], 'not by a session of before');
  const now = await session(registry, 'a');
  await registry.untaken(now.lease, 1);
  assert.equal((await registry.waiting()).map(({ sent }) => sent), [true, true, true], 'number 1 is acknowledged');
  await registry.untaken(now.lease, 3);
  assert.equal((await registry.waiting()).map(({ sent }) => sent), [true, false, false]);
  await registry.untaken(now.lease, 4);
  assert.is((await registry.takeover('a', 1))!.receipts.outSent, 2);
  clock.now += 1_000;
  assert.is(await registry.expire(), undefined);
  assert.equal(ends, ['3 expired', '4 expired', '2 in doubt']);
  await registry.close();
});

test('an ACK of what a busy device was thought not to have taken counts', async () => {
  const registry = await open();
  const ends = listen(registry);
  const device = await session(registry, 'a');
  for (const text of ['2', '3']) await registry.enqueue('a', text);
  await device.prime();
  await device.take(2, 2);
  await registry.untaken(device.lease, 2);
  assert.is(await registry.delivered(device.lease, 2), 4);
  const { outLow, outSent, outNext } = (await registry.takeover('a', 1))!.receipts;
  assert.equal([outLow, outSent, outNext], [3, 2, 4], 'the highest sent is never below the lowest that waits, less one');
  assert.equal(ends, ['2 delivered']);
  await registry.close();
});

test('a lifetime that is over: expired where it was never sent, in doubt where it was; never sent afterwards', async () => {
  const clock = new TestClock();
  const registry = await open({ unix: clock.unix });
  const ends = listen(registry);
  let device = await session(registry, 'a');
  await registry.enqueue('a', '2', { lifetime: 100 });
  await registry.enqueue('a', '3', { lifetime: 300.5 });
  await registry.enqueue('a', '4', { lifetime: 200 });
  await registry.enqueue('a', '5');
  await device.prime();
  await device.take(2, 1);
  clock.now += 99;
  assert.is(await registry.expire(), clock.now + 1);
  clock.now += 1;
  assert.is(await registry.expire(), clock.now + 100);
  assert.equal(ends, ['2 in doubt']);
  clock.now += 100;
  device = await session(registry, 'a');
  assert.equal(await device.take(2, 64), [[2, undefined], [3, '3'], [4, undefined], [5, '5']], 'take itself sends nothing overdue');
  assert.equal(ends, ['2 in doubt', '4 expired']);
  clock.now += 101;
  assert.is(await registry.expire(), clock.now - 301 + 60_000);
  await registry.delivered(device.lease, 5);
  assert.equal(ends, ['2 in doubt', '4 expired', '3 in doubt', '5 delivered']);
  assert.is(await registry.expire(), undefined);
  await registry.close();
});

test('a lost record: what was sent in an earlier session is in doubt or repeated, the rest goes on in order under a new outbox', async () => {
  const registry = await open();
  const ends = listen(registry);
  const device = await session(registry, 'a');
  const names: string[] = [];
  for (const [text, doubt] of [['2', 'report'], ['3', 'repeat'], ['4', 'report'], ['5', 'report'], ['6', 'repeat']] as const) {
    names.push((await registry.enqueue('a', text, { doubt })).message);
  }
  await device.prime();
  await registry.delivered(device.lease, 1);
  await device.take(2, 4);
  await registry.cancel(names[4]!);
  await registry.renew(device.lease, 4);
  assert.equal(ends, ['6 cancelled', '2 in doubt', '4 in doubt']);
  assert.is(await registry.delivered(device.lease, 5), undefined, 'an ACK on its way means the old numbers');
  assert.equal(await device.commit(1, 'up'), ['superseded']);
  await registry.enqueue('a', 'new');
  const now = await session(registry, 'a');
  assert.not.equal(now.receipts.outOutbox, device.receipts.outOutbox);
  assert.equal([now.receipts.outLow, now.receipts.outSent, now.receipts.outNext], [1, 0, 2]);
  await now.prime();
  assert.equal((await registry.waiting()).map(({ message, sent }) => [message.replace(/^.*-/, ''), sent]), [['3', false], ['5', false], ['4', false]]);
  const out = await registry.take(now.lease, 2, 64);
  assert.equal(out!.map(({ id, body, message, repeat }) => [id, Buffer.from(body!).toString(), message === names[id === 2 ? 1 : 3], repeat]),
    [[2, '3', true, true], [3, '5', true, false], [4, 'new', false, false]]);
  await registry.renew(device.lease, 9);
  assert.is((await registry.waiting()).length, 3, 'the old lease renews nothing');
  await registry.renew(now.lease, 2);
  const last = await session(registry, 'a');
  await last.prime();
  assert.equal((await registry.take(last.lease, 2, 64))!.map(({ repeat }) => repeat), [true, false, false], 'a repeat stays one');
  await registry.close();
});

test('cancel: what was never sent; SKIP goes in its place', async () => {
  const registry = await open();
  const ends = listen(registry);
  const device = await session(registry, 'a');
  const { message: first } = await registry.enqueue('a', '2');
  const { message: second } = await registry.enqueue('a', '3');
  await device.prime();
  await device.take(2, 1);
  assert.is(await registry.cancel(first), 'sent');
  assert.is(await registry.cancel(second), 'cancelled');
  assert.is(await registry.cancel(second), 'unknown');
  for (const bad of ['', 'a', 'a#1-2', 'a#00000000-7', `${second}0`]) assert.is(await registry.cancel(bad), 'unknown');
  assert.equal(await device.take(2, 2), [[2, '2'], [3, undefined]]);
  assert.is(((await registry.outcome(second)) as Ended).end, 'cancelled');
  assert.is(await registry.outcome('a#00000000-7'), undefined);
  assert.is(await registry.outcome('nonsense'), undefined);
  assert.equal(ends, ['3 cancelled']);
  await registry.close();
});

test('bounds: number and bytes, of one device and of all, and the lifetime', async () => {
  const registry = await open({
    limits: { queueMessages: 5, queueBytes: 20, queueMessagesPerDevice: 3, queueBytesPerDevice: 12, queueLifetime: 1_000 },
  });
  for (const identity of ['a', 'b', 'c']) await registry.add(identity);
  for (const text of ['1', '2', '3']) await registry.enqueue('a', text);
  await rejects(registry.enqueue('a', '4'), 'QUEUE_FULL', 'a', '3 messages');
  await registry.enqueue('b', '123456789012');
  await rejects(registry.enqueue('b', '1'), 'QUEUE_FULL', 'b', '12 bytes');
  await rejects(registry.enqueue('c', '123456'), 'QUEUE_FULL', '20 bytes of all');
  const { message } = await registry.enqueue('c', '12345');
  await rejects(registry.enqueue('c', ''), 'QUEUE_FULL', '5 messages of all');
  await registry.cancel(message);
  await registry.enqueue('c', '12345');
  assert.equal((await registry.info()).queue, { messages: 5, bytes: 20 });
  await rejects(registry.enqueue('nobody', ''), 'DEVICE_UNKNOWN', 'nobody');
  await rejects(registry.enqueue('a', Buffer.alloc(16_376)), 'TOO_LONG', '16376', '16375');
  for (const lifetime of [0, -1, NaN, Infinity, 1_001]) await rejects(registry.enqueue('a', '', { lifetime }), 'BAD_OPTION', 'lifetime', '1000');
  await rejects(registry.enqueue('a', '', { doubt: 'maybe' as never }), 'BAD_OPTION', 'doubt');
  await registry.close();
});

test('the waiting are listed in order, in pages, also where the last one seen has ended', async () => {
  const registry = await open();
  for (const identity of ['b', 'a']) await registry.add(identity);
  const names: string[] = [];
  for (const identity of ['b', 'a', 'b', 'a', 'b']) names.push((await registry.enqueue(identity, 'x')).message);
  const list = async (options: object): Promise<number[]> => (await registry.waiting(options)).map(({ message }) => names.indexOf(message));
  assert.equal(await list({}), [0, 1, 2, 3, 4]);
  assert.equal(await list({ limit: 2 }), [0, 1]);
  assert.equal(await list({ after: names[1], limit: 2 }), [2, 3]);
  assert.equal(await list({ identity: 'b' }), [0, 2, 4]);
  await registry.cancel(names[2]!);
  assert.equal(await list({ identity: 'b', after: names[2] }), [4]);
  assert.equal(await list({ after: 'a#00000000-1' }), []);
  assert.equal(await list({ after: 'nonsense' }), []);
  await registry.close();
});

test('ends are forgotten by age and by number', async () => {
  const clock = new TestClock();
  const registry = await open({ unix: clock.unix, limits: { keepEnds: 1_000, keepEndsCount: 10, queueMessagesPerDevice: 100_000 } });
  await registry.add('a');
  const names: string[] = [];
  const known = async (): Promise<number> => (await Promise.all(names.map((name) => registry.outcome(name)))).filter((found) => found !== undefined).length;
  for (let i = 0; i < 300; i++) {
    names.push((await registry.enqueue('a', '')).message);
    await registry.cancel(names.at(-1)!);
  }
  assert.ok((await known()) <= 10 + 256, 'bounded without expire too');
  await registry.expire();
  assert.is(await known(), 10);
  assert.ok(await registry.outcome(names.at(-1)!), 'the newest stay');
  clock.now += 1_000;
  await registry.expire();
  assert.is(await known(), 10);
  clock.now += 1;
  await registry.expire();
  assert.is(await known(), 0);
  await registry.close();
});

test('numbers run out in no session: takeover begins a new outbox long before', async () => {
  const url = await newPlace();
  const registry = await open({ shared: true }, url);
  const ends = listen(registry);
  let device = await session(registry, 'a');
  await registry.enqueue('a', 'old');
  await device.prime();
  await device.take(2, 1);
  await registry.enqueue('a', 'unsent');
  const { outOutbox } = device.receipts;
  const database = await outside(url);
  await database.all('update devices set out_next = 4294967295');
  await rejects(registry.enqueue('a', 'none left'), 'QUEUE_FULL', 'a');
  await database.all(`update devices set out_next = ${0xf000_0000}`);
  await database.close();
  device = await session(registry, 'a');
  assert.not.equal(device.receipts.outOutbox, outOutbox);
  assert.equal([device.receipts.outLow, device.receipts.outSent, device.receipts.outNext], [1, 0, 2]);
  assert.equal(ends, ['2 in doubt']);
  await device.prime();
  assert.equal(await device.take(2, 9), [[2, 'unsent']]);
  assert.equal(await registry.delivered(device.lease, 2), 3, 'the lease of the takeover holds');
  await registry.close();
});

test('a copy from the past: no number is used again, no receipt counts, what waited is in doubt', async () => {
  const registry = await open();
  const ends = listen(registry);
  const device = await session(registry, 'a', 7);
  await device.commit(1, 'one', 'two');
  await registry.add('b');
  await registry.enqueue('b', 'x');
  for (const [text, doubt] of [['2', 'report'], ['3', 'repeat'], ['4', 'report']] as const) await registry.enqueue('a', text, { doubt });
  await device.prime();
  await device.take(2, 1);
  await registry.restored();
  assert.equal(ends, ['2 in doubt', '4 in doubt', '2 in doubt']);
  assert.is(await registry.delivered(device.lease, 2), undefined);
  const now = await session(registry, 'a', 7);
  assert.not.equal(now.receipts.outOutbox, device.receipts.outOutbox);
  assert.equal([now.receipts.inLast, now.receipts.outLow, now.receipts.outSent, now.receipts.outNext], [0, 1, 0, 2]);
  await now.prime();
  assert.equal((await registry.take(now.lease, 2, 9))!.map(({ id, repeat }) => [id, repeat]), [[2, true]]);
  assert.equal(await now.commit(3, 'three'), ['gap'], 'its device learns that the outbox is unknown');
  await registry.close();
});

test('no more than 64 at a time, and nothing before the lowest', async () => {
  const registry = await open();
  const device = await session(registry, 'a');
  await Promise.all(Array.from({ length: 100 }, (_, i) => registry.enqueue('a', String(i + 2))));
  await device.prime();
  const first = await device.take(1, 1_000);
  assert.equal([first!.length, first![0], first!.at(-1)], [64, [2, '2'], [65, '65']]);
  assert.is((await registry.takeover('a', 1))!.receipts.outSent, 65);
  await registry.close();
});

test.run();
