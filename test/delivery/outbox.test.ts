/** The outbox against a naive model: random calls, every message ends once, in the right way, and ids stay in order. */
import * as assert from 'uvu/assert';
import { ACK_REFUSED, DATA, SKIP } from '../../dist/assembly/abi.js';
import { Outbox, type OutboxMessage } from '../../dist/host/delivery/outbox.js';
import { Outcome } from '../../dist/host/delivery/outcome.js';
import { test } from '../gateway/support.js';

const OPTIONS = { lifetime: 1_000, doubt: 'report', signal: undefined } as const;

function make(bounds: object = {}): { outbox: Outbox; ends: Map<OutboxMessage, string>; totals: { bytes: number; delivered: number; failed: number; most: number } } {
  const totals = { delivered: 0, failed: 0, bytes: 0, most: Infinity };
  const outbox = new Outbox('test', { bytes: 1e9, messages: 1e9, full: 'refuse', ...bounds }, totals);
  const ends = new Map<OutboxMessage, string>();
  outbox.ended = (message, error) => {
    assert.not.ok(ends.has(message), 'a message ends once');
    ends.set(message, error?.code ?? 'delivered');
  };
  return { outbox, ends, totals };
}

/** xorshift32, so that a failure can be seen again. */
function generator(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}

test('number 1 is a SKIP, and nothing goes before it is acknowledged', () => {
  const { outbox } = make();
  assert.is(outbox.ready, 2);
  outbox.add(Buffer.from('a'), 0, OPTIONS);
  assert.is(outbox.ready, 2);
  assert.equal(outbox.take(1, 1, 0).map(({ id, type }) => [id, type]), [[1, SKIP]]);
  outbox.framed(1, 1);
  outbox.acknowledged(1);
  assert.is(outbox.ready, 3);
  assert.equal(outbox.take(2, 1, 0).map(({ id, type }) => [id, type]), [[2, DATA]]);
});

test('random calls against a model', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = generator(seed);
    const { outbox, ends, totals } = make({ messages: 20 });
    const added: OutboxMessage[] = [];
    const expected = new Map<OutboxMessage, string>();
    let now = 0;
    let live: (OutboxMessage | undefined)[] = [undefined]; // by id - low; undefined: SKIP
    let low = 1, sent = 0;
    let untaken = new Set<OutboxMessage>();
    for (let step = 0; step < 200; step++) {
      switch (random(9)) {
        case 0: case 1: case 2: {
          const waiting = live.filter((message) => message !== undefined).length;
          const message = outbox.add(Buffer.alloc(random(5)), now, { lifetime: 1 + random(50), doubt: random(2) ? 'report' : 'repeat', signal: undefined });
          added.push(message);
          if (waiting >= 20) expected.set(message, 'QUEUE_FULL');
          else live.push(message);
          break;
        }
        case 3: case 4: { // the core sends some
          const ready = low === 1 ? 2 : low + live.length;
          if (sent + 1 >= ready) break;
          const first = Math.max(low, sent + 1), count = 1 + random(ready - first);
          const out = outbox.take(first, count, now);
          assert.equal(out.map(({ id }) => id), Array.from({ length: count }, (_, i) => first + i));
          out.forEach(({ id, type, body }) => {
            const message = live[id - low];
            assert.is(type, message === undefined ? SKIP : DATA);
            if (message !== undefined) assert.is(body, message.body);
          });
          sent = first + count - 1;
          outbox.framed(first, sent);
          for (let id = first; id <= sent; id++) untaken.delete(live[id - low]!);
          break;
        }
        case 5: { // acknowledged up to some id
          if (sent < low) break;
          const id = low + random(sent - low + 1);
          for (const message of live.splice(0, id - low + 1)) if (message !== undefined) expected.set(message, 'delivered');
          low = id + 1;
          outbox.acknowledged(id);
          break;
        }
        case 6: { // a final refusal
          if (sent < low) break;
          const id = low + random(sent - low + 1);
          for (const message of live.splice(0, id - low)) if (message !== undefined) expected.set(message, 'delivered');
          low = id;
          if (live[0] !== undefined) expected.set(live[0], 'REFUSED');
          live[0] = undefined;
          outbox.refused(id, ACK_REFUSED);
          break;
        }
        case 7: { // time passes
          now += random(30);
          live = live.map((message, i) => {
            if (message === undefined || message.deadline > now) return message;
            expected.set(message, low + i <= sent && !untaken.has(message) ? 'IN_DOUBT' : 'EXPIRED');
            return undefined;
          });
          outbox.expire(now);
          break;
        }
        case 8: { // the peer has lost its record, or is busy
          if (random(2)) {
            if (sent < low) break;
            const id = low + random(sent - low + 1);
            for (let i = id; i <= sent; i++) if (live[i - low] !== undefined) untaken.add(live[i - low]!);
            outbox.untaken(id);
            break;
          }
          const number = outbox.number;
          const stay: OutboxMessage[] = [];
          live.forEach((message, i) => {
            if (message === undefined) return;
            if (low + i <= sent && message.doubt === 'report') expected.set(message, 'IN_DOUBT');
            else stay.push(message);
          });
          outbox.renew(sent);
          assert.is.not(outbox.number, number);
          live = [undefined, ...stay];
          untaken = new Set();
          low = 1;
          sent = 0;
          break;
        }
      }
      assert.is(outbox.low, low);
      const waiting = live.filter((message) => message !== undefined);
      assert.is(outbox.size, waiting.length);
      assert.is(outbox.bytes, waiting.reduce((sum, message) => sum + message.body.length, 0));
      assert.is(totals.bytes, outbox.bytes);
    }
    outbox.close((message) => { expected.set(message, 'CLOSED'); return Object.assign(new Error(), { code: 'CLOSED' }) as never; });
    assert.is(ends.size, added.length, `seed ${seed}`);
    for (const message of added) assert.is(ends.get(message), expected.get(message), `seed ${seed}`);
  }
});

test('the next deadline is never too late', () => {
  const { outbox } = make();
  for (const lifetime of [500, 100, 900]) outbox.add(Buffer.alloc(1), 0, { ...OPTIONS, lifetime });
  for (const at of [100, 500, 900]) {
    assert.ok(outbox.nextDeadline <= at);
    outbox.expire(at);
  }
  assert.is(outbox.size, 0);
  assert.is(outbox.nextDeadline, Infinity);
});

test('the bound over many outboxes', () => {
  const totals = { delivered: 0, failed: 0, bytes: 0, most: 10 };
  const a = new Outbox('a', { bytes: 100, messages: 100, full: 'refuse' }, totals), b = new Outbox('b', { bytes: 100, messages: 100, full: 'refuse' }, totals);
  a.add(Buffer.alloc(6), 0, OPTIONS);
  assert.is(b.add(Buffer.alloc(5), 0, OPTIONS).outcome.open, false);
  assert.is(b.add(Buffer.alloc(4), 0, OPTIONS).outcome.open, true);
});

test('an outcome: the first end counts, whenever it is asked for', async () => {
  const early = new Outcome<number>();
  const promise = early.promise;
  assert.ok(early.resolve(1));
  assert.not.ok(early.reject(new Error()));
  assert.is(await promise, 1);
  const late = new Outcome<number>();
  late.reject(new Error('no'));
  assert.not.ok(late.resolve(2));
  assert.is(await late.promise.catch((error: Error) => error.message), 'no');
});

test.run();
