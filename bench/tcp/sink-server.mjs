/** Counts bytes and does nothing else: how fast the load generator can be. */

import { performance } from 'node:perf_hooks';
import { serve } from '../lib/child.mjs';
import { listenTcp } from '../lib/listen.mjs';

let left = 0;
let start;
let loop;
let finish;
let total = 0;
let result;

serve({
  async start() {
    return listenTcp((socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        if (start === undefined) {
          start = process.hrtime.bigint();
          loop = performance.eventLoopUtilization();
        }
        left -= chunk.length;
        if (left === 0) finish({ rate: (total / Number(process.hrtime.bigint() - start)) * 1e9, cpu: 0, busy: performance.eventLoopUtilization(loop).utilization });
      });
    });
  },
  /** `bytes` a message: the rate is told in messages. */
  arm({ count, bytes }) {
    left = count * bytes;
    total = count;
    start = undefined;
    result = new Promise((resolve) => (finish = resolve));
  },
  result: () => result,
  progress: () => `${left} bytes missing`,
});
