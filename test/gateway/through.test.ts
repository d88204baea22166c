/** What goes through to a broker: verdicts that come close together are one ACK, and none waits longer than 5 ms for others. */
import * as assert from 'uvu/assert';
import { openRegistry } from 'tidelock/registry';
import type { Bridge, ThroughMessage } from '../../dist/host/gateway/bridge-types.js';
import { closeAll, KEY, listen, makeDevice, test, TestClock, turns, until } from './support.js';

/** A broker of the test's own: it answers when it is told to. */
class Passes implements Bridge {
  readonly mode = 'through';
  readonly app = false;
  readonly passed: ThroughMessage[] = [];

  async attach() {
    return {
      pass: (message: ThroughMessage) => {
        if (message.message.skipped) queueMicrotask(() => message.settle('ok')); // the first of an outbox
        else this.passed.push(message);
        return true;
      },
      close: async () => undefined,
    };
  }
}

async function place() {
  const clock = new TestClock(), bridge = new Passes();
  const registry = await openRegistry('sqlite::memory:', { unix: () => clock.unix(), thread: false });
  await registry.add('pump-7', { key: KEY });
  const gateway = await listen({ registry, clock, bridge }), device = makeDevice(gateway, { clock });
  await device.online();
  const ends: string[] = [];
  const send = (text: string): void => void device.send(text).acknowledged.then(() => ends.push(text), (error: { code: string }) => ends.push(`${text} ${error.code}`));
  const close = async (): Promise<void> => {
    await closeAll(device, gateway);
    await registry.close();
  };
  return { clock, gateway, passed: bridge.passed, ends, send, close };
}

test('an ok waits for others that are under way, 5 ms at most; the last goes at once', async () => {
  const { clock, gateway, passed, ends, send, close } = await place();
  for (const text of ['a', 'b', 'c', 'd']) send(text);
  await until('they are under way', () => passed.length === 4);
  passed[0]!.settle('ok');
  await turns(50);
  passed[1]!.settle('ok');
  await turns(50);
  assert.equal(ends, []);
  const { writes } = gateway.counters();
  await clock.advance(5);
  await until('two are acknowledged', () => ends.length === 2);
  assert.is(gateway.counters().writes, writes + 1, 'one write for both');
  passed[2]!.settle('ok');
  await turns(50);
  assert.is(ends.length, 2);
  passed[3]!.settle('ok');
  await until('without the clock', () => ends.length === 4);
  assert.is(gateway.counters().writes, writes + 2);
  assert.equal(ends, ['a', 'b', 'c', 'd']);
  await close();
});

test('what is not ok goes at once, with the ok of those before it', async () => {
  const { passed, ends, send, close } = await place();
  for (const text of ['a', 'b', 'c']) send(text);
  await until('they are under way', () => passed.length === 3);
  passed[0]!.settle('ok');
  passed[1]!.settle('refused');
  assert.is(passed[2]!.wanted, false, 'it comes again');
  await until('both', () => ends.length === 2);
  assert.equal(ends, ['a', 'b REFUSED']);
  await until('behind the refused one', () => passed.length === 4);
  for (const message of passed.slice(2)) message.settle('ok');
  await until('all', () => ends.length === 3);
  await close();
});

test('a gateway that ends waits for those that are under way, and tells what is known', async () => {
  const { clock, passed, ends, send, close, gateway } = await place();
  for (const text of ['a', 'b']) send(text);
  await until('they are under way', () => passed.length === 2);
  passed[0]!.settle('ok');
  const closing = gateway.close({ drain: 60_000 });
  await turns(20);
  passed[1]!.settle('ok');
  await until('both are known', () => ends.length === 2);
  await clock.advance(3_000);
  await closing;
  await close();
});

test.run();
