/** Lines that no backend should say, and a conversation that must outlive them. */
import { PassThrough, Writable, type Readable } from 'node:stream';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import pino from 'pino';
import type { Gateway } from 'tidelock/gateway';
import type { Registry } from 'tidelock/registry';
import { Conversation, type BackendCounters } from '../../dist/host/cli/backend/conversation.js';
import { Seat } from '../../dist/host/cli/backend/seat.js';
import { systemClock, type Clock } from '../../dist/host/clock.js';
import { closeAll, KEY, listen, until } from '../gateway/support.js';
import { open } from '../registry/support.js';

export interface Ground {
  gateway: Gateway;
  registry: Registry;
  counters: BackendCounters;
  log: string[];
  converse(input: Readable, output: Writable, clock?: Clock): Conversation;
}

/** A conversation's surroundings: a real gateway with a registry in memory, which knows `pump-7`. */
export async function ground(run: (ground: Ground) => Promise<void>): Promise<void> {
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

/** A sink that keeps what it gets, as lines. */
export class Sink extends Writable {
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
  .map(([type, fields]) => Buffer.from(JSON.stringify({ type, ref: 1, device: 'pump-7', ...fields })));
const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
const deep = fc.integer({ min: 1, max: 20_000 }).map((depth) => Buffer.from('['.repeat(depth)));
/** A line that was good, with some of its bytes changed. */
const spoiled = fc.tuple(near, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 })).map(([line, changes]) => {
  for (const [at, byte] of changes) line[at % line.length] = byte;
  return line;
});
const lines = fc.array(
  fc.oneof({ weight: 4, arbitrary: near }, { weight: 3, arbitrary: spoiled }, { weight: 3, arbitrary: noise }, { weight: 1, arbitrary: deep }),
  { minLength: 20, maxLength: 20 },
);

/**
 * About `count` lines. Each is answered or taken, none ends the conversation: after every twenty a good line works. Every fault is
 * told with a line that was sent. Returns how many faults there were.
 */
export async function makeNoise(count: number, seed: number): Promise<number> {
  let faults = 0;
  await ground(async ({ converse, registry, counters, log }) => {
    const input = new PassThrough(), output = new Sink();
    const conversation = converse(input, output);
    input.write('{"type":"ready","version":1}\n');
    let number = 1;
    for (let batch = 0; number < count; batch++) {
      output.text = '';
      const first = number + 1;
      for (const line of fc.sample(lines, { numRuns: 1, seed: seed + batch })[0]!) {
        number += 1;
        input.write(Buffer.concat([line.map((byte) => (byte === 10 ? 32 : byte)), Buffer.from('\n')]));
      }
      number += 1;
      input.write(`{"type":"outcome","ref":${number},"message":"pump-7#00000000-${number}"}\n`);
      const mark = `"ref":${number},"state":"unknown"`;
      await until(`an answer to the good line (seed ${seed + batch})`, () => output.text.includes(mark));
      for (const { type, line } of output.lines) if (type === 'error') assert.ok(line! >= first && line! < number, `seed ${seed + batch}: line ${line}`);
    }
    faults = counters.faults;
    assert.equal(log.filter((line) => line.includes('what a backend asked for failed')), [], 'no fault of ours among them');
    assert.ok((await registry.info()).queue.messages <= 1_000);
    input.end();
    await conversation.ended;
    assert.is(counters.undone, 0);
  });
  return faults;
}
