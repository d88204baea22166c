/** A conversation with a backend beside a real gateway and registry: noise, floods, and one that never reads. */
import { PassThrough, Readable, Writable } from 'node:stream';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import pino from 'pino';
import type { Gateway } from 'tidelock/gateway';
import type { Registry } from 'tidelock/registry';
import { Conversation, type BackendCounters } from '../../dist/host/cli/backend/conversation.js';
import { Seat } from '../../dist/host/cli/backend/seat.js';
import { systemClock, type Clock } from '../../dist/host/clock.js';
import { closeAll, KEY, listen, test, TestClock, turns, until } from '../gateway/support.js';
import { open } from '../registry/support.js';

interface Ground {
  gateway: Gateway;
  registry: Registry;
  counters: BackendCounters;
  log: string[];
  converse(input: Readable, output: Writable, clock?: Clock): Conversation;
}

async function ground(run: (ground: Ground) => Promise<void>): Promise<void> {
  const registry = await open();
  await registry.add('pump-7', { key: KEY });
  const gateway = await listen({ registry });
  const counters = { messages: 0, done: 0, pushes: 0, faults: 0, dropped: 0, undone: 0 };
  const log: string[] = [];
  const logger = pino({}, { write: (line: string) => void log.push(line) });
  const converse = (input: Readable, output: Writable, clock: Clock = systemClock): Conversation =>
    new Conversation(input, output, { gateway, registry, counters, log: logger, clock, seat: new Seat(), window: 8, version: '0.1.0', name: 'test' });
  try {
    await run({ gateway, registry, counters, log, converse });
  } finally {
    await closeAll(gateway, registry);
  }
}

/** A sink that keeps what it gets as lines. */
class Sink extends Writable {
  text = '';

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }

  get lines(): { type: string; line?: number; state?: string }[] {
    return this.text.split('\n').filter(Boolean).map((line) => JSON.parse(line) as { type: string });
  }
}

const words = fc.constantFrom('type', 'ref', 'device', 'text', 'base64', 'id', 'lifetime', 'doubt', 'message', 'version', 'window', 'messages', '__proto__');
const values = fc.oneof(
  fc.constantFrom<unknown>('done', 'send', 'post', 'outcome', 'ready', 'pump-7', 'pump-7#0-1', 'nobody', 1, 0, -1, 1e308, null, true, [], {}, '', 'QUJD', '\ud800', '#', 'a#b-c'),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.jsonValue({ maxDepth: 2 }),
);
const near = fc.tuple(fc.constantFrom('done', 'send', 'post', 'outcome'), fc.dictionary(words, values, { maxKeys: 6 }))
  .map(([type, fields]) => JSON.stringify({ type, ref: 1, device: 'pump-7', ...fields }));
const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1').replaceAll('\n', ' '));
const deep = fc.integer({ min: 1, max: 20_000 }).map((depth) => '['.repeat(depth));
const line = fc.oneof({ weight: 6, arbitrary: near }, { weight: 3, arbitrary: noise }, { weight: 1, arbitrary: deep });

test('2,000 lines of noise: each is answered or taken, none ends the conversation, and a good line after it works', () =>
  ground(async ({ converse, registry, counters }) => {
    const input = new PassThrough(), output = new Sink();
    const conversation = converse(input, output);
    input.write('{"type":"ready","version":1}\n');
    let number = 1;
    for (const lines of fc.sample(fc.array(line, { minLength: 20, maxLength: 20 }), 100)) {
      for (const text of lines) {
        number += 1;
        const bytes = Buffer.from(text, number % 2 === 0 ? 'utf8' : 'latin1').map((byte) => (byte === 10 ? 32 : byte));
        input.write(Buffer.concat([bytes, Buffer.from('\n')]));
      }
      number += 1;
      input.write(`{"type":"outcome","ref":${number},"message":"pump-7#00000000-${number}"}\n`);
      const mark = `"ref":${number},"state":"unknown"`;
      await until('the good line is answered', () => output.text.includes(mark));
    }
    const errors = output.lines.filter(({ type }) => type === 'error');
    assert.ok(errors.every(({ line: at }) => at! > 1 && at! <= number));
    assert.is(counters.faults, errors.length, 'no fault of ours among them');
    assert.ok(errors.length > 500, 'there was noise');
    assert.ok((await registry.info()).queue.messages <= 1_000);
    input.end();
    await conversation.ended;
    assert.is(counters.undone, 0);
  }));

test('a flood is read only as fast as it is answered: 1 MiB of results unread, and reading stops until they are read', () =>
  ground(async ({ converse }) => {
    let made = 0;
    const input = new Readable({
      highWaterMark: 16_384,
      read() {
        made += 1;
        this.push(made === 1 ? '{"type":"ready","version":1,"messages":false}\n' : `{"type":"outcome","ref":${made},"message":"pump-7#00000000-1"}\n`.repeat(100));
      },
    });
    const gates: (() => void)[] = [];
    let written = 0;
    const output = new Writable({
      write(chunk: Buffer, _, done) {
        written += chunk.length;
        gates.push(done); // taken, but nobody reads on
      },
    });
    const conversation = converse(input, output);
    let before = -1;
    // It has stopped where the count stands still over many turns of the loop.
    for (let same = 0; same < 200; ) {
      await turns(5);
      same = made === before ? same + 1 : 0;
      before = made;
      assert.ok(made < 1_000, 'it goes on reading');
    }
    assert.ok(output.writableLength > 1 << 20, `${output.writableLength} bytes wait`);
    assert.ok(output.writableLength < (1 << 20) + 65_536, `${output.writableLength} bytes wait`);
    // Somebody reads on: so does the gateway.
    while (made === before) {
      for (const open of gates.splice(0)) open();
      await turns(1);
    }
    assert.ok(written > 0);
    input.destroy();
    output.destroy();
    for (const open of gates.splice(0)) open(); // a write in hand ends with its stream
    await conversation.ended;
  }));

test('sends in hand at once are 64: the rest waits unread', () =>
  ground(async ({ gateway, counters }) => {
    const waiting: (() => void)[] = [];
    const slow = new Proxy(gateway, {
      get(target, name) {
        if (name !== 'send') return Reflect.get(target, name) as unknown;
        return () => {
          const queued = new Promise<string>((resolve) => waiting.push(() => resolve('pump-7#00000001-2')));
          return { device: 'pump-7', queued, acknowledged: new Promise<void>(() => undefined) };
        };
      },
    });
    const input = new PassThrough(), output = new Sink();
    const conversation = new Conversation(input, output, {
      gateway: slow, registry: { outcome: async () => undefined }, counters, log: pino({ level: 'silent' }), clock: systemClock, seat: new Seat(), window: 8, version: '0', name: 'test',
    });
    input.write('{"type":"ready","version":1,"messages":false}\n');
    for (let ref = 0; ref < 500; ref++) input.write(`{"type":"send","ref":${ref},"device":"pump-7","text":"x"}\n`);
    await turns(20);
    assert.is(waiting.length, 64);
    while (counters.pushes < 500) {
      for (const open of waiting.splice(0)) open();
      await turns(1);
    }
    input.end();
    await conversation.ended;
  }));

test('one that does not say ready in 60 s is given up', () =>
  ground(async ({ converse, log }) => {
    const clock = new TestClock();
    const input = new PassThrough(), output = new Sink();
    const conversation = converse(input, output, clock);
    await clock.advance(59_999);
    assert.equal(output.lines.map(({ type }) => type), ['hello']);
    await clock.advance(1);
    await conversation.ended;
    assert.equal(output.lines.map(({ type }) => type), ['hello', 'error']);
    assert.match(log.join(''), /did not say ready in 60 s/);
  }));

test.run();
