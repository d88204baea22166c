/** Properties: whatever is called in whatever order, the registry says and holds what a naive model does. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { abi } from 'tidelock/core';
import type { Lease, Registry } from 'tidelock/registry';
import { Model, type Bounds } from './model.js';
import { engine, open, TestClock } from './support.js';

/** A place of its own for each run takes a server tens of milliseconds, mostly flushes. */
const runs = (count: number): number => (engine.name === 'sqlite' ? count : Math.ceil(count / 4));

const IDENTITIES = ['a', 'b', 'realm/c'];
const BOUNDS: Bounds = {
  inboxRows: 12, inboxBytes: 60, inboxRowsPerDevice: 7, inboxBytesPerDevice: 40,
  queueMessages: 12, queueBytes: 60, queueMessagesPerDevice: 7, queueBytesPerDevice: 40,
};

/** Small numbers, so that steps meet: `who` picks a device, `back` an older lease, `n` and `m` numbers. */
interface Step {
  what: 'takeover' | 'commit' | 'done' | 'enqueue' | 'take' | 'delivered' | 'refused' | 'untaken' | 'renew' | 'cancel' | 'expire' | 'switch';
  who: number;
  back: number;
  n: number;
  m: number;
  text: string;
}

const steps = fc.array(
  fc.record<Step>({
    what: fc.constantFrom('takeover', 'commit', 'commit', 'commit', 'done', 'done', 'enqueue', 'enqueue', 'enqueue', 'take', 'take', 'delivered', 'delivered', 'refused', 'untaken', 'renew', 'cancel', 'expire', 'switch'),
    who: fc.nat({ max: IDENTITIES.length - 1 }),
    back: fc.constantFrom(0, 0, 0, 0, 1),
    n: fc.nat({ max: 6 }),
    m: fc.nat({ max: 6 }),
    text: fc.string({ maxLength: 9, unit: 'grapheme-ascii' }),
  }),
  { minLength: 10, maxLength: 60 },
);

/** One run: both get the same calls. */
class Pair {
  readonly model = new Model(BOUNDS);
  readonly ends: string[] = [];
  readonly names: string[] = [];
  readonly leases = new Map<string, Lease[]>(IDENTITIES.map((identity) => [identity, []]));
  positions: number[] = [];

  constructor(readonly registry: Registry, readonly clock: TestClock) {
    registry.on('ended', ({ message, end }) => this.ends.push(`${message} ${end}`));
  }

  async run(list: readonly Step[]): Promise<void> {
    for (const identity of IDENTITIES) {
      await this.registry.add(identity);
      this.model.add(identity);
      await this.step({ what: 'takeover', who: IDENTITIES.indexOf(identity), back: 0, n: 1, m: 0, text: '' });
    }
    for (const step of list) {
      await this.step(step);
      await this.compare();
    }
  }

  /** Every end is told once; those of one call may come in another order. */
  async compare(): Promise<void> {
    const { model, registry } = this;
    assert.equal([...this.ends].sort(), [...model.ends].sort());
    const rows = await registry.read({ limit: 100 });
    assert.equal(
      rows.map(({ message, identity, body }) => [message, identity, body.toString()]),
      model.inbox.map(({ identity, outbox, id, text }) => [`${identity}#${outbox.toString(16).padStart(8, '0')}-${id}`, identity, text]),
    );
    this.positions = rows.map(({ position }) => position);
    const waiting = await registry.waiting();
    for (const identity of IDENTITIES) {
      const own = waiting.filter((row) => row.identity === identity).map(({ message, sent }) => `${message}${sent ? ' sent' : ''}`);
      assert.equal(own, model.waiting(identity));
    }
    const bytes = (list: { text: string }[]): number => list.reduce((sum, { text }) => sum + text.length, 0);
    const { inbox, queue } = await registry.info();
    assert.equal([inbox, queue.messages], [{ rows: model.inbox.length, bytes: bytes(model.inbox) }, waiting.length]);
  }

  async step({ what, who, back, n, m, text }: Step): Promise<void> {
    const { model, registry, clock } = this;
    const identity = IDENTITIES[who]!;
    const leases = this.leases.get(identity)!;
    const lease = leases.at(-1 - Math.min(back, leases.length - 1))!;
    const now = clock.now;
    switch (what) {
      case 'takeover': {
        const outbox = 1 + (n & 1);
        const [real, wanted] = [await registry.takeover(identity, outbox), model.takeover(identity, outbox)];
        assert.equal(real?.lease, wanted?.lease);
        if (real === undefined || wanted === undefined) return;
        const { inLast, outLow, outSent, outNext } = real.receipts;
        assert.equal({ inLast, outLow, outSent, outNext }, { inLast: wanted.inLast, outLow: wanted.low, outSent: wanted.sent, outNext: wanted.next });
        leases.push(real.lease);
        return;
      }
      case 'commit': {
        // From just below the record to just above it.
        const { record } = model.devices.get(identity)!;
        const first = Math.max(1, (record.outbox === lease.outbox ? record.last : 0) + 2 - (m % 4));
        const messages = Array.from({ length: 1 + n }, (_, i) => ({ id: first + i, text: i === 4 ? undefined : text.slice(i) }));
        const real = await registry.commit(messages.map((message) => ({
          lease, id: message.id, time: now, repeat: false, body: message.text === undefined ? undefined : Buffer.from(message.text),
        })));
        assert.equal(real, model.commit(lease, messages));
        return;
      }
      case 'done':
        if (this.positions.length === 0) return;
        await registry.done([this.positions[n % this.positions.length]!]);
        model.done(n % this.positions.length);
        this.positions = [];
        return;
      case 'enqueue': {
        const options = { lifetime: 1 + n * 100, doubt: m % 2 === 0 ? 'report' : 'repeat' } as const;
        const queued = await registry.enqueue(identity, text, options).catch((error: { code: string }) => error.code);
        const name = typeof queued === 'string' ? '' : queued.message;
        const refused = model.enqueue(identity, name, text, now + options.lifetime, options.doubt === 'repeat');
        if (typeof queued === 'string') {
          assert.is(queued, refused);
        } else {
          assert.is(refused, undefined);
          assert.is(queued.next, model.next(model.devices.get(identity)!));
          this.names.push(name);
        }
        return;
      }
      case 'take': {
        const first = Math.max(1, model.devices.get(identity)!.low + n - 2);
        const real = await registry.take(lease, first, 1 + m);
        assert.equal(
          real?.map(({ id, body, repeat }) => [id, body === undefined ? undefined : Buffer.from(body).toString(), repeat]),
          model.take(lease, first, 1 + m, now),
        );
        return;
      }
      case 'delivered':
      case 'refused': {
        // A core tells only of numbers that were sent.
        const device = model.devices.get(identity)!;
        const id = Math.min(device.low + n - 1, device.sent);
        if (id < 1) return;
        if (what === 'delivered') assert.is(await registry.delivered(lease, id), model.delivered(lease, id));
        else assert.is(await registry.refused(lease, id, abi.ACK_REFUSED), model.refused(lease, id));
        return;
      }
      case 'untaken': {
        const id = Math.max(1, model.devices.get(identity)!.low + n - 2);
        await registry.untaken(lease, id);
        model.untaken(lease, id);
        return;
      }
      case 'renew': {
        const doubt = Math.min(model.devices.get(identity)!.low + n, model.devices.get(identity)!.sent);
        await registry.renew(lease, doubt);
        model.renew(lease, doubt);
        return;
      }
      case 'cancel': {
        const name = this.names.at(-1 - n);
        if (name !== undefined) assert.is(await registry.cancel(name), model.cancel(name));
        return;
      }
      case 'expire':
        clock.now += n * 60;
        assert.is(await registry.expire(), model.expire(clock.now));
        return;
      case 'switch': {
        const disabled = n % 2 === 0;
        assert.is(await (disabled ? registry.disable(identity) : registry.enable(identity)), model.disable(identity, disabled));
        return;
      }
    }
  }
}

for (const [name, options] of [
  ['the same ones at each run', { numRuns: runs(100), seed: 20_240_601 }],
  ['others at each run', { numRuns: runs(30) }],
] as const) {
  test(`any sequence of calls does what the model does: ${name}`, async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const clock = new TestClock();
        const registry = await open({ unix: clock.unix, limits: BOUNDS });
        try {
          await new Pair(registry, clock).run(list);
        } finally {
          await registry.close();
        }
      }),
      options,
    );
  });
}

test('calls in flight together, in whatever groups, do what they do one after the other', async () => {
  const batches = fc.array(fc.record({ who: fc.nat({ max: 2 }), count: fc.integer({ min: 1, max: 4 }), done: fc.boolean(), queue: fc.boolean() }), { maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(batches, async (list) => {
      const results: unknown[][] = [];
      for (const together of [false, true]) {
        // The bounds of all are left out: who of two gets the last place in one transaction is nobody's right.
        const { inboxRowsPerDevice, inboxBytesPerDevice, queueMessagesPerDevice, queueBytesPerDevice } = BOUNDS;
        const limits = { inboxRowsPerDevice, inboxBytesPerDevice, queueMessagesPerDevice, queueBytesPerDevice };
        const registry = await open({ limits, thread: together });
        const leases: Lease[] = [];
        for (const identity of IDENTITIES) {
          await registry.add(identity);
          leases.push((await registry.takeover(identity, 1))!.lease);
        }
        const next = [1, 1, 1];
        const calls: Promise<unknown>[] = [];
        const call = async (made: Promise<unknown>): Promise<void> => {
          calls.push(made.catch((error: { code: string }) => error.code));
          if (!together) await calls.at(-1);
        };
        for (const { who, count, done, queue } of list) {
          await call(registry.commit(Array.from({ length: count }, () => ({ lease: leases[who]!, id: next[who]!++, time: 0, repeat: false, body: Buffer.from('body') }))));
          if (queue) await call(registry.enqueue(IDENTITIES[who]!, 'text').then(({ next }) => next));
          if (done) await call(registry.read({ limit: 3 }).then((rows) => rows.map(({ message }) => message)));
          if (done) await call(registry.done([1 + who * 2]));
        }
        results.push(await Promise.all(calls), [(await registry.read({ limit: 100 })).map(({ message }) => message)]);
        await registry.close();
      }
      assert.equal(results[2], results[0]);
      assert.equal(results[3], results[1]);
    }),
    { numRuns: runs(15) },
  );
});

test.run();
