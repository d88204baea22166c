/**
 * What a peer gets to authenticate a signed frame: the 79 bytes that its tag covers (counter, time, type, length, body)
 * in one piece, and the right tag. The core has to gather them from the frame itself; the peer is spared that.
 */

import { createHmac, randomBytes } from 'node:crypto';

const COVERED = 79;
const TAG = 32;

export function hmacInput(count) {
  const key = randomBytes(32);
  const bytes = randomBytes(COVERED * count);
  const tags = Buffer.alloc(TAG * count);
  const messages = Array.from({ length: count }, (_, i) => bytes.subarray(i * COVERED, (i + 1) * COVERED));
  messages.forEach((message, i) => createHmac('sha256', key).update(message).digest().copy(tags, i * TAG));
  return { key, messages, tags: Array.from({ length: count }, (_, i) => tags.subarray(i * TAG, (i + 1) * TAG)) };
}
