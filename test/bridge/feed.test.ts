/** Reading a table ahead into the lanes, with reads and marks that fail. The owner of the clock is the test. */
import * as assert from 'uvu/assert';
import type { Registry } from 'tidelock/registry';
import { Feed, type FeedRow } from '../../dist/host/bridge/feed.js';
import type { Item } from '../../dist/host/bridge/lane.js';
import type { Lanes } from '../../dist/host/bridge/lanes.js';
import { test, TestClock, turns } from '../gateway/support.js';

/** A table of some rows. `reads` and `marks` say of each call in turn whether it fails. */
function table(rows: FeedRow[], { reads = [], marks = [] }: { reads?: boolean[]; marks?: boolean[] }) {
  const clock = new TestClock(), pushed: FeedRow[] = [], failures: unknown[] = [];
  let asked = 0, marked = 0;
  const feed = new Feed<FeedRow>({ database: { available: true } } as Registry, { of: () => ({ push: (item: unknown) => pushed.push(item as FeedRow) }) } as unknown as Lanes, {
    read: (after, limit) => (reads[asked++] === true ? Promise.reject(new Error('read')) : Promise.resolve(rows.filter(({ position }) => position > after).slice(0, limit))),
    done: (positions) => {
      if (marks[marked++] === true) return Promise.reject(new Error('mark'));
      for (const position of positions) rows.splice(rows.findIndex((row) => row.position === position), 1);
      return Promise.resolve();
    },
    item: (row) => row as unknown as Item, takes: () => true, failed: (error) => failures.push(error), clock,
  });
  return { feed, clock, pushed, failures };
}

const settle = (): Promise<void> => turns(4);

test('a read that failed is no empty table: it is not drained before another has told what is there', async () => {
  const rows = [{ position: 1, identity: 'a', bytes: 1 }], { feed, clock, pushed, failures } = table(rows, { reads: [true] });
  let drained = false;
  void feed.drained().then(() => (drained = true));
  await settle();
  assert.equal([drained, pushed.length, failures.length], [false, 0, 1]);
  await clock.advance(1_000);
  await settle();
  assert.equal([drained, pushed], [false, rows]);
  feed.settled(rows[0]!);
  await settle();
  assert.equal([drained, rows.length, feed.held], [true, 0, 0]);
  await feed.close();
});

test('a mark that failed: the row goes again after a pause, and not before', async () => {
  const row = { position: 3, identity: 'a', bytes: 1 }, rows = [row], { feed, clock, pushed, failures } = table(rows, { marks: [true] });
  feed.wake();
  await settle();
  feed.settled(row);
  await settle();
  feed.wake();
  await settle();
  assert.equal([pushed.length, failures.length], [1, 1]);
  await clock.advance(1_000);
  await settle();
  assert.is(pushed.length, 2);
  feed.settled(row);
  await settle();
  assert.is(rows.length, 0);
  await feed.close();
});

test.run();
