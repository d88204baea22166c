/** The sides of the core's benchmarks: each makes its input, then gives a function that measures one round in ns an operation. */

import { createCipheriv, createDecipheriv, createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { timed } from '../lib/compare.mjs';
import { hmacInput } from '../lib/hmac-input.mjs';
import { openSession } from '../lib/session.mjs';

/** Ours, one frame a call. A stream takes each counter once: every round gets frames of its own, made outside the time. */
export function oneFrame(suite, count) {
  return chunkOfFrames(suite, count, 1);
}

/** Ours, `perChunk` frames a call; the figure is for one frame. */
export async function chunkOfFrames(suite, count, perChunk) {
  const session = await openSession(suite);
  return () => {
    const chunks = session.frames(count, perChunk);
    const figure = timed(count, () => {
      for (let i = 0; i < chunks.length; i++) session.receive(chunks[i]);
    });
    session.check(count);
    return figure;
  };
}

/** createHmac under a KeyObject, the faster of its two forms (a Buffer costs it 0.4 µs more). */
export function nodeHmac(count) {
  const { key, messages, tags } = hmacInput(count);
  const secret = createSecretKey(key);
  return verify(messages, tags, (message, tag) => timingSafeEqual(createHmac('sha256', secret).update(message).digest(), tag));
}

/** noble's hmac in one call. */
export function nobleHmac(count) {
  const { key, messages, tags } = hmacInput(count);
  return verify(messages, tags, (message, tag) => timingSafeEqual(hmac(sha256, key, message), tag));
}

/** noble's hmac from a state that already holds the key: the form for who verifies much under one key. */
export function nobleClone(count) {
  const { key, messages, tags } = hmacInput(count);
  const keyed = hmac.create(sha256, key);
  return verify(messages, tags, (message, tag) => timingSafeEqual(keyed.clone().update(message).digest(), tag));
}

function verify(messages, tags, holds) {
  return () => {
    let good = 0;
    const figure = timed(messages.length, () => {
      for (let i = 0; i < messages.length; i++) if (holds(messages[i], tags[i])) good++;
    });
    if (good !== messages.length) throw new Error(`${good} of ${messages.length} tags held`);
    return figure;
  };
}

/** Opens ChaCha20-Poly1305 with node:crypto: 15 bytes of associated data, 64 of body, a nonce of its own each. */
export function nodeChaCha(count) {
  const key = createSecretKey(randomBytes(32));
  const options = { authTagLength: 16 };
  const AAD = { plaintextLength: 64 };
  const sealed = Array.from({ length: count }, () => {
    const nonce = randomBytes(12);
    const data = randomBytes(15);
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, options);
    cipher.setAAD(data, AAD);
    const body = Buffer.concat([cipher.update(randomBytes(64)), cipher.final()]);
    return { nonce, data, body, tag: cipher.getAuthTag() };
  });
  return () => {
    let bytes = 0;
    const figure = timed(count, () => {
      for (let i = 0; i < count; i++) {
        const { nonce, data, body, tag } = sealed[i];
        const decipher = createDecipheriv('chacha20-poly1305', key, nonce, options);
        decipher.setAAD(data, AAD);
        decipher.setAuthTag(tag);
        bytes += decipher.update(body).length;
        decipher.final(); // throws where the tag does not hold
      }
    });
    if (bytes !== 64 * count) throw new Error(`${bytes} of ${64 * count} bytes were opened`);
    return figure;
  };
}
