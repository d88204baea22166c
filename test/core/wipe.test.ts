/** No key stream of the batch kernels outlives its batch: block 0 forges that frame, the rest reads it. */
import { randomBytes } from 'node:crypto';
import { chacha20 } from '@noble/ciphers/chacha.js';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { gatewayBuilds, PrimitivesCore, type Job } from './primitives/core.js';

/** Every 16 bytes of the key stream of a frame with `bytes` bytes of body. */
function streamOf(key: Uint8Array, iv: Uint8Array, { header }: Job, bytes: number): Uint8Array[] {
  const nonce = Uint8Array.from(iv);
  for (let i = 0; i < 8; i++) nonce[4 + i]! ^= header[i]!;
  const stream = chacha20(key, nonce, new Uint8Array(64 + bytes));
  return Array.from({ length: stream.length >> 4 }, (_, i) => stream.subarray(16 * i, 16 * i + 16)).filter((_, i) => i < 2 || i > 3);
}

for (const build of gatewayBuilds) {
  for (const [what, lengths] of [['one frame', [64]], ['many frames', [0, 1, 64, 100, 300, 64, 64]], ['a frame longer than its share', [5_000, 16_383]]] as const) {
    test(`${build}: ${what}: the key stream is gone after sealing, opening and refusing`, () => {
      const core = new PrimitivesCore(build);
      const key = randomBytes(32), iv = randomBytes(12);
      const jobs: Job[] = lengths.map((bytes) => ({ header: randomBytes(15), body: randomBytes(bytes) }));
      const gone = (when: string): void => {
        jobs.forEach((job, i) => {
          for (const part of streamOf(key, iv, job, lengths[i]!)) assert.not.ok(core.holds(part), `${when}: frame ${i}`);
        });
      };
      const sealed = core.sealBatch(key, iv, jobs);
      gone('sealed');
      const opened = core.openBatch(key, iv, jobs.map(({ header }, i) => ({ header, body: sealed[i]!.data, tag: sealed[i]!.tag })));
      assert.ok(opened.every(({ held }, i) => held && Buffer.from(jobs[i]!.body).equals(opened[i]!.data)));
      gone('opened');
      core.openBatch(key, iv, jobs.map(({ header }, i) => ({ header, body: sealed[i]!.data, tag: randomBytes(16) })));
      gone('refused');
    });
  }
}

test.run();
