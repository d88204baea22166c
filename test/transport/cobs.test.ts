/** COBS: published vectors, and what a decoder does with everything else. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CobsDecoder, encodeCobs, encodedBytes } from '../../dist/host/transport/cobs.js';

const span = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** The figure of Cheshire and Baker's paper, and the table of examples in Wikipedia's article on COBS; the delimiter is not shown. */
const VECTORS: [string, number[], number[]][] = [
  ['the paper\'s IP header', [0x45, 0, 0, 0x2c, 0x4c, 0x79, 0, 0, 0x40, 6, 0x4f, 0x37], [2, 0x45, 1, 4, 0x2c, 0x4c, 0x79, 1, 5, 0x40, 6, 0x4f, 0x37]],
  ['one zero', [0], [1, 1]],
  ['two zeros', [0, 0], [1, 1, 1]],
  ['zeros around a byte', [0, 0x11, 0], [1, 2, 0x11, 1]],
  ['a zero inside', [0x11, 0x22, 0, 0x33], [3, 0x11, 0x22, 2, 0x33]],
  ['no zero', [0x11, 0x22, 0x33, 0x44], [5, 0x11, 0x22, 0x33, 0x44]],
  ['zeros at the end', [0x11, 0, 0, 0], [2, 0x11, 1, 1, 1]],
  ['254 bytes', span(1, 254), [0xff, ...span(1, 254)]],
  ['a zero and 254 bytes', span(0, 254), [1, 0xff, ...span(1, 254)]],
  ['255 bytes', span(1, 255), [0xff, ...span(1, 254), 2, 0xff]],
  ['254 bytes and a zero', [...span(2, 255), 0], [0xff, ...span(2, 255), 1, 1]],
  ['253 bytes, a zero, a byte', [...span(3, 255), 0, 1], [0xfe, ...span(3, 255), 2, 1]],
];

function encode(frame: Uint8Array): Buffer {
  const out = Buffer.alloc(encodedBytes(frame.length) + 1);
  return out.subarray(0, encodeCobs(frame, out, 0));
}

function decode(bytes: Uint8Array, decoder = new CobsDecoder(2_000)): Buffer[] {
  const frames: Buffer[] = [];
  decoder.push(bytes, (frame) => void frames.push(frame));
  return frames;
}

for (const [name, plain, encoded] of VECTORS) {
  test(name, () => {
    assert.is(encode(Uint8Array.from(plain)).toString('hex'), Buffer.from([...encoded, 0]).toString('hex'));
    assert.equal(decode(Uint8Array.from([...encoded, 0])), [Buffer.from(plain)]);
  });
}

const frame = fc.oneof(
  fc.uint8Array({ maxLength: 1_200 }),
  fc.array(fc.constantFrom(0, 1, 255), { maxLength: 600 }).map((bytes) => Uint8Array.from(bytes)),
  fc.integer({ min: 250, max: 260 }).map((length) => new Uint8Array(length).fill(7)),
  fc.integer({ min: 505, max: 512 }).map((length) => new Uint8Array(length).fill(7)),
);

test('any frames, in any portions, come back; no zero in them; never larger than was said', () => {
  fc.assert(fc.property(fc.array(frame, { minLength: 1, maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 }), (frames, cuts) => {
    const parts = frames.map(encode);
    for (const [index, part] of parts.entries()) {
      assert.is(part.indexOf(0), part.length - 1);
      assert.ok(part.length - 1 <= encodedBytes(frames[index]!.length));
    }
    const line = Buffer.concat(parts);
    const decoder = new CobsDecoder(1_200);
    const got: Buffer[] = [];
    for (let at = 0, i = 0; at < line.length; i++) {
      const step = cuts[i % cuts.length]!;
      decoder.push(line.subarray(at, at + step), (each) => void got.push(each));
      at += step;
    }
    assert.equal(got.map((each) => each.toString('hex')), frames.map((each) => Buffer.from(each).toString('hex')));
    assert.is(decoder.spoiled, 0);
  }));
});

test('after any garbage the next delimiter begins a good frame', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 3_000 }), frame, (garbage, good) => {
    const decoder = new CobsDecoder(1_200);
    decode(garbage, decoder);
    const got = decode(Buffer.concat([Buffer.of(0), encode(good)]), decoder);
    assert.is(got.at(-1)!.toString('hex'), Buffer.from(good).toString('hex'));
    assert.ok(got.length <= 2, 'the garbage may have been a frame by chance');
  }), { numRuns: 500 });
});

test('a frame that is too long is dropped and not kept, the next one is taken', () => {
  const decoder = new CobsDecoder(100);
  const exact = new Uint8Array(100).fill(1), more = new Uint8Array(101).fill(1);
  assert.is(decode(encode(exact), decoder).length, 1);
  assert.is(decode(encode(more), decoder).length, 0);
  for (let i = 0; i < 1_000; i++) assert.is(decode(Buffer.alloc(65_536, 0x41), decoder).length, 0);
  assert.equal(decode(Buffer.concat([Buffer.of(0), encode(exact)]), decoder).map((each) => each.length), [100]);
  assert.is(decoder.spoiled, 2);
});

test('a block that a delimiter cuts is no frame; nothing between delimiters is none either', () => {
  const decoder = new CobsDecoder(100);
  assert.equal(decode(Uint8Array.of(5, 1, 2, 0), decoder), []);
  assert.is(decoder.spoiled, 1);
  assert.equal(decode(Uint8Array.of(0, 0, 0, 0), decoder), []);
  assert.is(decoder.spoiled, 1);
  assert.equal(decode(Uint8Array.of(1, 0), decoder), [Buffer.alloc(0)]);
});

test('a frame is its own: the next chunk does not change it', () => {
  const decoder = new CobsDecoder(100);
  const chunk = Buffer.from([3, 1, 2, 0]);
  const [first] = decode(chunk, decoder);
  chunk.fill(9);
  decode(Uint8Array.of(3, 7, 7, 0), decoder);
  assert.equal(first, Buffer.of(1, 2));
});

test.run();
