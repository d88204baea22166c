/** One message after the other, and none twice. */
import * as assert from 'uvu/assert';
import { ACK_BUSY, ACK_OK, ACK_REFUSED } from '../../dist/assembly/abi.js';
import { Handling, NOBODY } from '../../dist/host/delivery/handling.js';
import { test, turns } from '../gateway/support.js';

interface Item {
  number: number;
  length: number;
}

function make(handle: (item: Item) => unknown): { handling: Handling<Item>; log: string[]; gauge: { messages: number; bytes: number } } {
  const log: string[] = [], gauge = { messages: 0, bytes: 0 };
  const handling = new Handling<Item>({
    handle: (item) => {
      log.push(`handle ${item.number}`);
      return handle(item);
    },
    settled: (item, status) => void log.push(`${status === ACK_OK ? 'ok' : status === ACK_BUSY ? 'busy' : status === ACK_REFUSED ? 'refused' : status} ${item.number}`),
  }, gauge);
  return { handling, log, gauge };
}

const item = (number: number): Item => ({ number, length: 10 });

test('plain handlers settle at once, in order', () => {
  const { handling, log, gauge } = make(() => undefined);
  for (const number of [1, 2, 3]) assert.ok(handling.push(item(number)));
  assert.equal(log, ['handle 1', 'ok 1', 'handle 2', 'ok 2', 'handle 3', 'ok 3']);
  assert.equal(gauge, { messages: 0, bytes: 0 });
});

test('one that is being handled, waits or was handled is not taken again', async () => {
  const resolves: (() => void)[] = [];
  const { handling, log, gauge } = make(() => new Promise<void>((resolve) => resolves.push(resolve)));
  assert.ok(handling.push(item(1)));
  assert.ok(handling.push(item(2)));
  assert.not.ok(handling.push(item(1)));
  assert.not.ok(handling.push(item(2)));
  assert.equal(gauge, { messages: 2, bytes: 2 * (10 + 512) });
  resolves[0]!();
  await turns(1);
  assert.not.ok(handling.push(item(1)));
  resolves[1]!();
  await turns(1);
  assert.equal(log, ['handle 1', 'ok 1', 'handle 2', 'ok 2']);
  assert.equal(gauge, { messages: 0, bytes: 0 });
});

test('after a refusal nothing is taken until the core knows; then the same number comes again', async () => {
  for (const fail of [() => { throw new Error(); }, () => Promise.reject(new Error())]) {
    let bad = true;
    const { handling, log, gauge } = make(({ number }) => (number === 2 && bad ? fail() : undefined));
    for (const number of [1, 2, 3]) handling.push(item(number));
    await turns(1);
    assert.equal(log, ['handle 1', 'ok 1', 'handle 2', 'refused 2']);
    assert.not.ok(handling.push(item(3)));
    handling.unblock();
    bad = false;
    for (const number of [2, 3]) assert.ok(handling.push(item(number)));
    assert.equal(log.slice(4), ['handle 2', 'ok 2', 'handle 3', 'ok 3']);
    assert.equal(gauge, { messages: 0, bytes: 0 });
  }
});

test('nobody is busy', async () => {
  for (const nobody of [() => NOBODY, () => Promise.resolve(NOBODY)]) {
    const { handling, log } = make(nobody);
    handling.push(item(1));
    await turns(1);
    assert.equal(log, ['handle 1', 'busy 1']);
  }
});

test('a restart of the numbers forgets everything, and the verdict of before is nobody\'s', async () => {
  const resolves: (() => void)[] = [];
  const { handling, log, gauge } = make(() => new Promise<void>((resolve) => resolves.push(resolve)));
  handling.push(item(5));
  handling.push(item(6));
  handling.restart();
  assert.equal(gauge, { messages: 0, bytes: 0 });
  handling.push(item(1));
  resolves[0]!();
  await turns(1);
  assert.equal(log, ['handle 5', 'handle 1']);
  resolves[1]!();
  await turns(1);
  assert.equal(log, ['handle 5', 'handle 1', 'ok 1']);
});

test('a handler that restarts or drops from inside', () => {
  const made: ReturnType<typeof make> = make(() => made.handling.restart());
  made.handling.push(item(1));
  assert.equal(made.log, ['handle 1']);
  assert.equal(made.gauge, { messages: 0, bytes: 0 });
});

test.run();
