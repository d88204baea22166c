/** Counts bytes and does nothing else: how fast the load generator can be. */

import { createServer } from 'node:net';
import { performance } from 'node:perf_hooks';
import { serve } from '../lib/child.mjs';

let left = 0;
let start;
let loop;
let finish;
let total = 0;
let result;

serve({
  async start() {
    const server = createServer({ noDelay: true }, (socket) => {
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
    await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    return server.address().port;
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
