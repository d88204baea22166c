/** PUBACKs taken ahead of the library: none is missed however the bytes are cut, and all else comes to the library as it was. */
import { PassThrough, Writable } from 'node:stream';
import fc from 'fast-check';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Answers, takeAnswers } from '../../dist/host/bridge/answers.js';

interface Got {
  answers: [number, number][];
  other: Buffer;
}

function take(chunks: readonly Buffer[], reasons: boolean): Got {
  const got: Got = { answers: [], other: Buffer.alloc(0) };
  const parts: Buffer[] = [];
  const answers = new Answers(reasons, { answered: (id, reason) => void got.answers.push([id, reason]), other: (bytes) => void parts.push(Buffer.from(bytes)) });
  for (const chunk of chunks) answers.take(chunk);
  got.other = Buffer.concat(parts);
  return got;
}

/** Cut at these places, given in thousandths. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => Math.floor((place * bytes.length) / 1_000)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

const id = fc.integer({ min: 1, max: 65_535 });
const packet = fc.oneof(
  { weight: 6, arbitrary: fc.record({ cmd: fc.constant('puback' as const), messageId: id, reasonCode: fc.constantFrom(0, 0x10, 0x87, 0x97), words: fc.constantFrom(0, 0, 0, 3, 118, 119, 120, 400) }) },
  { weight: 2, arbitrary: fc.record({ cmd: fc.constant('publish' as const), messageId: id, size: fc.constantFrom(0, 1, 100, 118, 130, 17_000) }) },
  { weight: 1, arbitrary: fc.record({ cmd: fc.constantFrom('suback' as const, 'pingresp' as const, 'puback' as const), messageId: id }) },
);

for (const protocolVersion of [5, 4] as const) {
  test(`version ${protocolVersion}: every PUBACK, and nothing else, however it is cut`, () => {
    fc.assert(fc.property(fc.array(packet, { maxLength: 20 }), fc.array(fc.nat(1_000), { maxLength: 30 }), (list, places) => {
      const all: Buffer[] = [], other: Buffer[] = [], answers: [number, number][] = [];
      for (const each of list) {
        const { messageId } = each;
        let made: Packet;
        if (each.cmd === 'publish') made = { cmd: 'publish', topic: 't', payload: Buffer.alloc('size' in each ? each.size : 0, 0x40), qos: 1, messageId, dup: false, retain: false };
        else if (each.cmd === 'suback') made = { cmd: 'suback', messageId, granted: [1] };
        else if (each.cmd === 'pingresp') made = { cmd: 'pingresp' };
        else if (protocolVersion === 4 || !('words' in each)) made = { cmd: 'puback', messageId };
        else made = { cmd: 'puback', messageId, reasonCode: each.reasonCode, ...(each.words > 0 ? { properties: { reasonString: 'r'.repeat(each.words) } } : {}) };
        const bytes = mqttPacket.generate(made, { protocolVersion });
        all.push(bytes);
        if (each.cmd === 'puback' && bytes[1]! < 0x80) answers.push([messageId, made.cmd === 'puback' && made.reasonCode !== undefined ? made.reasonCode : 0]);
        else other.push(bytes);
      }
      const got = take(cut(Buffer.concat(all), places), protocolVersion === 5);
      assert.equal(got.answers, answers);
      assert.ok(got.other.equals(Buffer.concat(other)), 'the library gets the rest, byte for byte');
    }), { numRuns: 500 });
  });
}

test('byte by byte', () => {
  const bytes = Buffer.concat([mqttPacket.generate({ cmd: 'puback', messageId: 513, reasonCode: 0x10 }, { protocolVersion: 5 }), Buffer.of(0xd0, 0), Buffer.of(0x40, 2, 1, 2)]);
  const got = take([...bytes].map((byte) => Buffer.of(byte)), true);
  assert.equal(got.answers, [[513, 0x10], [258, 0]]);
  assert.equal([...got.other], [0xd0, 0]);
});

test('what is malformed is the library\'s, with all that follows', () => {
  for (const [start, reasons] of [[[0x30, 0xff, 0xff, 0xff, 0xff, 1], true], [[0x41, 2, 0, 1], true], [[0x40, 1, 0], true], [[0x40, 0], true], [[0x40, 3, 0, 1, 0], false]] as const) {
    const got = take([Buffer.of(...start), Buffer.of(0xd0, 0)], reasons);
    assert.equal([got.answers, [...got.other]], [[], [...start, 0xd0, 0]]);
  }
  const endless = take([Buffer.of(0x30, 0xff, 0xff, 0xff, 0xff), Buffer.of(0x40, 2, 0, 1)], true);
  assert.equal(endless.answers, [], 'there is no next packet behind one without an end');
});

test('it holds no more than one PUBACK back, whatever comes', () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 30 }), (chunks) => {
    let given = 0, came = 0;
    const answers = new Answers(true, { answered: () => undefined, other: (bytes) => void (given += bytes.length) });
    let taken = 0;
    const counting = new Answers(true, { answered: () => void (taken += 1), other: () => undefined });
    for (const chunk of chunks) {
      answers.take(Buffer.from(chunk));
      counting.take(Buffer.from(chunk));
      came += chunk.length;
      assert.ok(came - given <= 129 * (taken + 1), `${came} came, ${given} given, ${taken} answers`);
    }
  }));
});

test('a reader that is slow stops the stream, PUBACKs and all, and it goes on', async () => {
  const stream = new PassThrough(), answers: number[] = [];
  const goOn: (() => void)[] = [];
  const seen: number[] = [];
  stream.pipe(new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _encoding, done) {
      seen.push(...chunk);
      goOn.push(done);
    },
  }));
  takeAnswers(stream, true, (number) => void answers.push(number));
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  for (let i = 1; i <= 3; i++) {
    stream.write(Buffer.of(0xd0, 0));
    stream.write(Buffer.of(0x40, 2, 0, i));
    await turn();
  }
  assert.ok(answers.length < 3);
  for (let i = 0; i < 10; i++) {
    goOn.shift()?.();
    await turn();
  }
  assert.equal(answers, [1, 2, 3]);
  assert.equal(seen, [0xd0, 0, 0xd0, 0, 0xd0, 0]);
});

test.run();
