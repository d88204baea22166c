/** A conversation with a backend beside a real gateway and registry: noise, floods, and one that never reads. */
import { PassThrough, Readable, Writable } from 'node:stream';
import * as assert from 'uvu/assert';
import pino from 'pino';
import { Conversation } from '../../dist/host/cli/backend/conversation.js';
import { Seat } from '../../dist/host/cli/backend/seat.js';
import { systemClock } from '../../dist/host/clock.js';
import { test, TestClock, turns } from '../gateway/support.js';
import { ground, makeNoise, Sink } from './backend-noise.js';

const SEED = Number(process.env['TIDELOCK_SEED'] ?? Date.now() % 100_000);

test(`2,000 lines of noise: each is answered or taken, none ends the conversation, and a good line after them works (seed ${SEED})`, async () => {
  assert.ok((await makeNoise(2_000, SEED)) > 500, 'there was noise');
});

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
