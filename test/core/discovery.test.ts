/** DISCOVER and OFFER: the core writes and reads them as the reference does, whatever comes. */
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DiscoveryCore, type DiscoveryFrame } from '../../dist/host/core/discovery.js';
import { hex, unhex } from '../reference/bytes.js';
import { readDiscovery, writeDiscover, writeOffer } from '../reference/discovery.js';

interface Vector {
  name: string;
  frame: string;
  read: { type: string; token: string; links?: { link: number; port: number }[]; name?: string } | null;
}

const { discovery: vectors } = JSON.parse(readFileSync(new URL('../vectors/tidelock-1.json', import.meta.url), 'utf8')) as { discovery: Vector[] };
const plain = (frame: DiscoveryFrame | undefined) => (frame === undefined ? null : { ...frame, token: hex(frame.token) });
const byReference = (bytes: Uint8Array) => {
  const read = readDiscovery(bytes);
  return read === undefined ? null : { ...read, token: hex(read.token) };
};

for (const build of ['core-gateway', 'core-gateway-nosimd'] as const) {
  const core = new DiscoveryCore(build);

  for (const { name, frame, read } of vectors) {
    test(`${build}: ${name} is ${read === null ? 'refused' : 'read'}`, () => {
      assert.equal(plain(core.read(unhex(frame))), read);
      if (read === null) return;
      const written = read.type === 'discover' ? core.discover(unhex(read.token)) : core.offer(unhex(read.token), read.links!, read.name!);
      assert.is(hex(written), frame);
    });
  }

  test(`${build}: any bytes are what the reference says`, () => {
    const good = [writeDiscover(new Uint8Array(8)), ...vectors.filter(({ read }) => read !== null).map(({ frame }) => unhex(frame))];
    const spoiled = fc.tuple(fc.constantFrom(...good), fc.array(fc.tuple(fc.nat(127), fc.nat(255)), { maxLength: 3 }), fc.integer({ min: -3, max: 3 })).map(([bytes, changes, longer]) => {
      const out = new Uint8Array(Math.max(0, bytes.length + longer));
      out.set(bytes.subarray(0, out.length));
      for (const [at, to] of changes) if (at < out.length) out[at] = to;
      return out;
    });
    let read = 0;
    fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 140 }), spoiled), (bytes) => {
      const expected = byReference(bytes);
      if (expected !== null) read += 1;
      assert.equal(plain(core.read(bytes)), expected);
    }), { numRuns: 20_000 });
    assert.ok(read > 500, `${read} were read`);
  });

  test(`${build}: what is offered is read as it was, and is shorter than the question`, () => {
    const name = fc.stringMatching(/^[a-z0-9.é_-]{2,20}(\/[a-z0-9]{1,20})?$/);
    const links = fc.array(fc.record({ link: fc.nat(3), port: fc.integer({ min: 1, max: 65_535 }) }, { noNullPrototype: true }), { minLength: 1, maxLength: 8 });
    fc.assert(fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), links, name, (token, ways, text) => {
      const offer = core.offer(token, ways, text);
      assert.is(hex(offer), hex(writeOffer({ token, links: ways, name: text })));
      assert.ok(offer.length < core.discover(token).length);
      assert.equal(plain(core.read(offer)), { type: 'offer', token: hex(token), links: ways, name: text });
    }));
  });

  test(`${build}: nothing is offered that could not be read`, () => {
    const token = new Uint8Array(8);
    const one = [{ link: 0, port: 8_433 }];
    for (const [links, name] of [[[], 'g'], [one, ''], [one, 'a\u0007'], [one, 'x'.repeat(65)], [[{ link: 4, port: 1 }], 'g'], [[{ link: 0, port: 0 }], 'g'], [Array(9).fill(one[0]), 'g']] as const) {
      assert.throws(() => core.offer(token, links as { link: number; port: number }[], name), (error: Error) => error instanceof RangeError);
    }
  });
}

test.run();
