// The published vectors of every primitive, on the test twin of every build; then short differential runs
// (slow-primitives.test.ts has the long ones).
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { tracing } from './engine/trace.js';
import { PrimitivesCore, gatewayBuilds, md5Builds, modernBuilds } from './primitives/core.js';
import { target } from './engine/instances.js';
import { differentialTests } from './primitives/differential.js';

type Vector = Record<string, string | number> & { source: string };
const vectors = JSON.parse(
  readFileSync(new URL('../vectors/primitives.json', import.meta.url), 'utf8'),
) as Record<'sha256' | 'md5' | 'hmacSha256' | 'hmacMd5' | 'hkdfSha256' | 'chacha20' | 'poly1305' | 'aead', Vector[]>;

const bytes = (vector: Vector, name: string) => Buffer.from(String(vector[name]), 'hex');
const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');

for (const build of modernBuilds) {
  const core = new PrimitivesCore(build);
  test(`${build}: SHA-256 (FIPS 180-4)`, () => {
    for (const v of vectors.sha256) {
      // A million times one byte goes in as a thousand times a thousand: a call each would be a long trace.
      const repeat = Number(v.repeat ?? 1), piece = repeat === 1 ? 1 : 1_000;
      assert.is(hex(core.sha256(Buffer.concat(Array<Buffer>(piece).fill(bytes(v, 'message'))), [], repeat / piece)), v.digest, v.source);
    }
  });
  test(`${build}: HMAC-SHA-256 (RFC 4231)`, () => {
    for (const v of vectors.hmacSha256) {
      const tag = hex(core.hmac(bytes(v, 'key'), bytes(v, 'message')));
      assert.is(tag.slice(0, String(v.tag).length), v.tag, v.source);
    }
  });
  test(`${build}: HKDF (RFC 5869)`, () => {
    for (const v of vectors.hkdfSha256) {
      const length = bytes(v, 'output').length;
      assert.is(hex(core.hkdf(bytes(v, 'key'), bytes(v, 'salt'), bytes(v, 'info'), length)), v.output, v.source);
      assert.is(hex(core.expand(bytes(v, 'prk'), bytes(v, 'info'), length)), v.output, `${v.source}, from the PRK`);
    }
  });
  test(`${build}: ChaCha20 (RFC 8439, 2.3, 2.4, 2.6, A.1, A.2, A.4)`, () => {
    for (const v of vectors.chacha20) {
      const out = core.chacha20(bytes(v, 'key'), bytes(v, 'nonce'), Number(v.counter), bytes(v, 'plaintext'));
      assert.is(hex(out), v.ciphertext, v.source);
    }
  });
  test(`${build}: Poly1305 (RFC 8439, 2.5, A.3)`, () => {
    for (const v of vectors.poly1305) {
      assert.is(hex(core.poly1305(bytes(v, 'key'), bytes(v, 'message'))), v.tag, v.source);
    }
  });
  test(`${build}: ChaCha20-Poly1305 (RFC 8439, 2.8, A.5)`, () => {
    for (const v of vectors.aead) {
      const inputs = [bytes(v, 'key'), bytes(v, 'nonce'), bytes(v, 'aad')] as const;
      const sealed = core.seal(...inputs, bytes(v, 'plaintext'));
      assert.is(hex(sealed.data), v.ciphertext, v.source);
      assert.is(hex(sealed.tag), v.tag, v.source);
      const opened = core.open(...inputs, sealed);
      assert.ok(opened.held, v.source);
      assert.is(hex(opened.data), v.plaintext, v.source);
    }
  });
  test(`${build}: every flipped bit of a sealed message is refused, and nothing is decrypted`, () => {
    const v = vectors.aead[0]!;
    const whole = Buffer.concat([bytes(v, 'nonce'), bytes(v, 'aad'), bytes(v, 'ciphertext'), bytes(v, 'tag')]);
    const open = (from: Buffer) => {
      const sealed = { data: from.subarray(24, -16), tag: from.subarray(-16) };
      return core.open(bytes(v, 'key'), from.subarray(0, 12), from.subarray(12, 24), sealed);
    };
    assert.ok(open(whole).held);
    for (let bit = 0; bit < 8 * whole.length; bit++) {
      const spoiled = Buffer.from(whole);
      spoiled[bit >>> 3]! ^= 1 << (bit & 7);
      const { held, data } = open(spoiled);
      assert.not.ok(held, `bit ${bit}`);
      assert.is(hex(data), spoiled.subarray(24, -16).toString('hex'), `bit ${bit}`);
    }
  });
  test(`${build}: equal and wipe`, () => {
    const a = Buffer.from(Array.from({ length: 33 }, (_, i) => i + 1));
    for (let length = 1; length <= a.length; length++) {
      const part = a.subarray(0, length);
      assert.ok(core.equal(part, part));
      for (let i = 0; i < length; i++) {
        const other = Buffer.from(part);
        other[i]! ^= 0x80;
        assert.not.ok(core.equal(part, other), `byte ${i} of ${length}`);
      }
      const wiped = Buffer.concat([Buffer.alloc(length), a.subarray(length)]);
      assert.is(hex(core.wipe(a, length)), wiped.toString('hex'));
    }
  });
}

for (const build of md5Builds) {
  const core = new PrimitivesCore(build);
  test(`${build}: MD5 (RFC 1321)`, () => {
    for (const v of vectors.md5) assert.is(hex(core.md5(bytes(v, 'message'))), v.digest, v.source);
  });
  test(`${build}: HMAC-MD5 (RFC 2202)`, () => {
    for (const v of vectors.hmacMd5) assert.is(hex(core.hmacMd5(bytes(v, 'key'), bytes(v, 'message'))), v.tag, v.source);
  });
}

for (const build of gatewayBuilds) {
  const core = new PrimitivesCore(build);
  test(`${build}: a batch refuses the spoiled frames alone`, () => {
    const key = Buffer.alloc(32, 7);
    const iv = Buffer.alloc(12, 9);
    const jobs = Array.from({ length: 7 }, (_, i) => ({ header: Buffer.alloc(15, i), body: Buffer.alloc(30 * i, i) }));
    const sealed = core.sealBatch(key, iv, jobs);
    for (let spoiled = 0; spoiled < 7; spoiled++) {
      for (const part of ['tag', 'data', 'header'] as const) {
        const frames = jobs.map(({ header }, i) => {
          const frame = { header: Buffer.from(header), body: Buffer.from(sealed[i]!.data), tag: Buffer.from(sealed[i]!.tag) };
          const target = part === 'tag' ? frame.tag : part === 'data' ? frame.body : frame.header;
          if (i === spoiled && target.length) target[target.length - 1]! ^= 1;
          return frame;
        });
        core.openBatch(key, iv, frames).forEach(({ held, data }, i) => {
          const refused = i === spoiled && !(part === 'data' && frames[i]!.body.length === 0);
          assert.is(held, !refused, `frame ${i}, spoiled ${part} of ${spoiled}`);
          assert.is(hex(data), hex(refused ? frames[i]!.body : jobs[i]!.body));
        });
      }
    }
  });
}

if (!tracing) differentialTests(test, target ? 20 : 2_000);
test.run();
