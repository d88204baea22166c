// The reference: that it makes what stands in the repository, and that its primitives are those of another library too.

import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withAppendix } from '../reference/appendix.js';
import { concat, hex, unhex } from '../reference/bytes.js';
import { open } from '../reference/frame.js';
import { leb128, nearest, nearestBySearch } from '../reference/numbers.js';
import { vectorsText } from '../reference/vectors.js';
import { handshakes } from '../reference/vectors-handshake.js';
import { ReplayWindow } from '../reference/window.js';
import { bodyOf, vectors } from './engine/vector-file.js';

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

test('the vectors file is what the reference makes', () => {
  assert.is(read('test/vectors/tidelock-1.json') === vectorsText(), true, 'run test/reference/make-vectors.ts');
});

test("the protocol text's appendix is what the reference makes", () => {
  const text = read('docs/protocol.md');
  assert.is(text === withAppendix(text), true, 'run test/reference/make-vectors.ts');
});

test('node:crypto derives the same keys and proofs', () => {
  for (const v of vectors.handshakes) {
    const transcript = createHash('sha256').update(unhex(v.H)).update(unhex(v.C)).digest();
    assert.is(hex(transcript), v.transcript, v.name);
    const prk = createHmac('sha256', unhex(v.deviceKey)).update('tidelock/1 prk').update(transcript).digest();
    assert.is(hex(prk), v.prk, v.name);
    // RFC 5869, section 2.3, spelled out.
    const expand = (label: string, bytes: number) => {
      const first = createHmac('sha256', prk).update(`tidelock/1 ${label}`).update(Uint8Array.of(1)).digest();
      const second = createHmac('sha256', prk).update(first).update(`tidelock/1 ${label}`).update(Uint8Array.of(2)).digest();
      return hex(concat(first, second).slice(0, bytes));
    };
    assert.is(expand('gateway', 16), v.gatewayProof, v.name);
    assert.is(expand('device', 16), v.deviceProof, v.name);
    assert.is(expand('d2g', 44), v.toGateway.key + v.toGateway.iv, v.name);
    assert.is(expand('g2d', 44), v.toDevice.key + v.toDevice.iv, v.name);
  }
});

test('node:crypto makes the same tags and bodies', () => {
  const byName = new Map(vectors.handshakes.map((v) => [v.name, v]));
  let compared = 0;
  for (const vector of vectors.frames) {
    if (vector.frame === undefined) continue;
    const { suite, link, ...v } = byName.get(vector.session)!;
    const keys = vector.direction === 'to gateway' ? v.toGateway : v.toDevice;
    const aad = unhex(vector.aad);
    const body = bodyOf(vector);
    let tail: Uint8Array;
    if (suite === 'sealed') {
      const cipher = createCipheriv('chacha20-poly1305', unhex(keys.key), unhex(vector.nonce!), { authTagLength: 16 });
      cipher.setAAD(aad, { plaintextLength: body.length });
      tail = concat(cipher.update(body), cipher.final(), cipher.getAuthTag());
    } else {
      const tag = createHmac('sha256', unhex(keys.key)).update(aad).update(body).digest();
      tail = concat(body, tag.subarray(0, suite === 'signed' ? 16 : 8));
    }
    const header = link === 'stream' ? 4 + leb128(body.length).length : 10;
    assert.is(vector.frame.slice(2 * header), hex(tail), `${vector.session}, ${vector.name}`);
    compared++;
  }
  assert.ok(compared > 400, `${compared} frames compared`);
});

test('sizes: 142 bytes of handshake, 13, 21, 18 and 26 bytes around a body', () => {
  const bytes = (...texts: string[]) => texts.reduce((sum, text) => sum + text.length / 2, 0);
  const stream = vectors.handshakes.find((v) => v.name === 'stream sealed')!;
  const { hello, challenge, proof, ready } = stream.frames;
  assert.is(new TextEncoder().encode(stream.hello.identity).length, 10);
  assert.is(bytes(hello, challenge, proof, ready), 142);
  for (const v of vectors.handshakes) {
    const frame = vectors.frames.find((each) => each.session === v.name && each.name === '64 bytes, the frame of the measurements')!;
    const around = bytes(frame.frame!) - 64;
    assert.is(around, (v.link === 'stream' ? 5 : 10) + (v.suite === 'signed-8' ? 8 : 16), v.name);
  }
  const challengeBytes = (v: (typeof vectors.handshakes)[0]) => bytes(v.frames.challenge);
  for (const v of vectors.handshakes.filter(({ link }) => link === 'datagram')) {
    assert.ok(bytes(v.frames.hello) >= challengeBytes(v), 'a gateway never answers with more than it got');
  }
});

test('the reference opens what it seals', () => {
  for (const vector of vectors.frames) {
    if (vector.frame === undefined) continue;
    const handshake = handshakes.find(({ name }) => name === vector.session)!;
    const direction = vector.direction === 'to gateway' ? handshake.toGateway : handshake.toDevice;
    const receiver = {
      ...direction, next: BigInt(vector.counter), window: new ReplayWindow(), own: vector.time, life: 2 ** 31, largest: 16_383,
    };
    const opened = open(receiver, unhex(vector.frame))!;
    assert.is(hex(opened.body), vector.body);
    assert.is(opened.time, vector.time);
    assert.is(String(opened.counter), vector.counter);
  }
});

test('the two ways to extend a truncated number agree', () => {
  for (let own = -600n; own < 900n; own += 7n) {
    for (let field = 0n; field < 256n; field++) assert.is(nearest(own, field, 8), nearestBySearch(own, field, 8));
  }
});

test.run();
