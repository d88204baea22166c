// Every primitive of every build against @noble and node:crypto on random inputs, lengths 0 to 1,000.
import * as node from 'node:crypto';
import { chacha20, chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { poly1305 } from '@noble/ciphers/_poly1305.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { md5 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Job, PrimitivesCore, gatewayBuilds, md5Builds, modernBuilds } from './core.js';
import { RandomInputs } from './random.js';

type Check = (core: PrimitivesCore, random: RandomInputs) => void;

/** Adds to `test` one test a primitive and build, of `rounds` inputs each. */
export function differentialTests(test: Test, rounds: number): void {
  const add = (builds: string[], name: string, check: Check, share = 1) => {
    for (const build of builds) {
      test(`${build}: ${name}, ${Math.ceil(rounds / share)} random inputs`, () => {
        const core = new PrimitivesCore(build);
        const random = new RandomInputs();
        for (let i = 0; i < rounds; i += share) {
          try {
            check(core, random);
          } catch (error) {
            throw new Error(`input ${i / share} of seed ${random.seed}`, { cause: error });
          }
        }
      });
    }
  };
  add(modernBuilds, 'SHA-256', checkSha256);
  add(modernBuilds, 'HMAC-SHA-256', checkHmac);
  add(modernBuilds, 'HKDF', checkHkdf);
  add(modernBuilds, 'ChaCha20', checkChacha20);
  add(modernBuilds, 'Poly1305', checkPoly1305);
  add(modernBuilds, 'ChaCha20-Poly1305', checkAead);
  add(md5Builds, 'MD5', checkMd5);
  add(md5Builds, 'HMAC-MD5', checkHmacMd5);
  // A batch has about ten frames, each an input.
  add(gatewayBuilds, 'batches of HMAC-SHA-256', checkMacBatch, 10);
  add(gatewayBuilds, 'batches of ChaCha20-Poly1305', checkAeadBatch, 10);
}

/** `actual` is what each of `expected` says. */
function same(actual: Uint8Array, ...expected: Uint8Array[]): void {
  for (const [i, other] of expected.entries()) {
    if (Buffer.compare(actual, other) !== 0) {
      assert.is(Buffer.from(actual).toString('hex'), Buffer.from(other).toString('hex'), `peer ${i}`);
    }
  }
}

function checkSha256(core: PrimitivesCore, random: RandomInputs): void {
  const message = random.bytes(random.length());
  same(core.sha256(message, random.cuts(message.length)), sha256(message), node.createHash('sha256').update(message).digest());
}

function checkHmac(core: PrimitivesCore, random: RandomInputs): void {
  const key = random.bytes(random.below(4) ? 32 : random.below(200));
  const message = random.bytes(random.length());
  same(
    core.hmac(key, message, random.cuts(message.length)),
    hmac(sha256, key, message),
    node.createHmac('sha256', key).update(message).digest(),
  );
}

function checkHkdf(core: PrimitivesCore, random: RandomInputs): void {
  const key = random.bytes(random.length());
  const salt = random.bytes(random.below(100));
  const info = random.bytes(random.below(100));
  const bytes = 1 + random.below(300);
  same(
    core.hkdf(key, salt, info, bytes),
    hkdf(sha256, key, salt, info, bytes),
    new Uint8Array(node.hkdfSync('sha256', key, salt, info, bytes)),
  );
}

function checkChacha20(core: PrimitivesCore, random: RandomInputs): void {
  const key = random.bytes(32);
  const nonce = random.bytes(12);
  const counter = random.below(3) ? random.below(5) : random.below(2 ** 31);
  const data = random.bytes(random.length());
  const start = Buffer.alloc(16);
  start.writeUInt32LE(counter);
  nonce.copy(start, 4);
  same(
    core.chacha20(key, nonce, counter, data),
    chacha20(key, nonce, data, undefined, counter),
    node.createCipheriv('chacha20', key, start).update(data),
  );
}

function checkPoly1305(core: PrimitivesCore, random: RandomInputs): void {
  // Words of all ones and all zeros reach the carries that random ones never do.
  const rough = (length: number) => {
    const bytes = Buffer.from(random.bytes(length));
    for (let i = 0; i + 4 <= length; i += 4) if (random.below(3) === 0) bytes.fill(random.below(2) ? 0xff : 0, i, i + 4);
    return bytes;
  };
  const key = rough(32);
  const message = rough(random.length());
  same(core.poly1305(key, message), poly1305(message, key));
}

function nodeSeal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Buffer {
  const cipher = node.createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
  cipher.setAAD(aad, { plaintextLength: plaintext.length });
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

function checkAead(core: PrimitivesCore, random: RandomInputs): void {
  const key = random.bytes(32);
  const nonce = random.bytes(12);
  const aad = random.bytes(random.below(2) ? 15 : random.below(70));
  const plaintext = random.bytes(random.length());
  const sealed = core.seal(key, nonce, aad, plaintext);
  const expected = nodeSeal(key, nonce, aad, plaintext);
  same(Buffer.concat([sealed.data, sealed.tag]), chacha20poly1305(key, nonce, aad).encrypt(plaintext), expected);
  const opened = core.open(key, nonce, aad, sealed);
  assert.ok(opened.held);
  same(opened.data, plaintext);
  const spoiled = Buffer.from(expected);
  spoiled[random.below(spoiled.length)]! ^= 1 << random.below(8);
  const data = spoiled.subarray(0, -16);
  const refused = core.open(key, nonce, aad, { data, tag: spoiled.subarray(-16) });
  assert.not.ok(refused.held);
  same(refused.data, data);
}

function checkMd5(core: PrimitivesCore, random: RandomInputs): void {
  const message = random.bytes(random.length());
  same(core.md5(message, random.cuts(message.length)), md5(message), node.createHash('md5').update(message).digest());
}

function checkHmacMd5(core: PrimitivesCore, random: RandomInputs): void {
  const key = random.bytes(random.below(200));
  const message = random.bytes(random.length());
  same(
    core.hmacMd5(key, message, random.cuts(message.length)),
    hmac(md5, key, message),
    node.createHmac('md5', key).update(message).digest(),
  );
}

/** 1 to 20 frames, now and then 64 short ones: all of one length, or of many. */
function randomJobs(random: RandomInputs): Job[] {
  const many = random.below(20) === 0;
  const length = many ? random.below(100) : random.length();
  const alike = random.below(2) === 0;
  return Array.from({ length: many ? 64 : 1 + random.below(20) }, () => ({
    header: random.bytes(15),
    body: random.bytes(alike || many ? length : random.length()),
  }));
}

function checkMacBatch(core: PrimitivesCore, random: RandomInputs): void {
  const key = random.bytes(32);
  const jobs = randomJobs(random);
  const tags = core.macBatch(key, jobs);
  jobs.forEach(({ header, body }, i) => {
    const message = Buffer.concat([header, body]);
    same(tags[i]!, node.createHmac('sha256', key).update(message).digest(), core.hmac(key, message));
  });
}

function checkAeadBatch(core: PrimitivesCore, random: RandomInputs): void {
  const key = random.bytes(32);
  const iv = random.bytes(12);
  const jobs = randomJobs(random);
  const sealed = core.sealBatch(key, iv, jobs);
  jobs.forEach(({ header, body }, i) => {
    const nonce = Buffer.from(iv);
    for (let k = 0; k < 8; k++) nonce[4 + k]! ^= header[k]!;
    const scalar = core.seal(key, nonce, header, body);
    const expected = Buffer.concat([scalar.data, scalar.tag]);
    same(Buffer.concat([sealed[i]!.data, sealed[i]!.tag]), nodeSeal(key, nonce, header, body), expected);
  });
  const spoiled = random.below(2 * jobs.length); // in half of the batches none
  const frames = jobs.map(({ header }, i) => {
    const frame = { header, body: Buffer.from(sealed[i]!.data), tag: Buffer.from(sealed[i]!.tag) };
    if (i === spoiled) {
      const bit = random.below(8 * (frame.body.length + 16));
      const target = bit < 128 ? frame.tag : frame.body;
      target[(bit < 128 ? bit : bit - 128) >>> 3]! ^= 1 << (bit & 7);
    }
    return frame;
  });
  core.openBatch(key, iv, frames).forEach(({ held, data }, i) => {
    assert.is(held, i !== spoiled);
    same(data, i === spoiled ? frames[i]!.body : jobs[i]!.body);
  });
}
