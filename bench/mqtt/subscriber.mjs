/** mosquitto_sub, and the reader of its lines, who looks for every message. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { serve } from '../lib/child.mjs';
import { Arrivals, micros } from './bodies.mjs';

let sub;
let arrivals = new Arrivals(1, 1);
/** Number of the first message of each client, and what followed: `tl-id` must go up with the body's number. */
let ids = new Map();
let rest = '';
const READY = 'bench/ready';
process.on('exit', () => sub?.kill('SIGKILL'));

/** @param {string} line  topic|properties|payload */
function read(line, now) {
  const [topic = '', properties = '', body = ''] = line.split('|', 3);
  const client = topic.split('/', 3)[2] ?? '';
  const number = arrivals.came(client, body, now), at = properties.indexOf('tl-id:');
  if (at >= 0) checkId(client, properties.slice(at + 6, at + 14), Number.parseInt(properties.slice(at + 15), 10) - number);
}

function checkId(client, outbox, offset) {
  const known = ids.get(client);
  if (known === undefined) ids.set(client, { outbox, offset });
  else if (known.outbox !== outbox || known.offset !== offset) arrivals.fail(`a tl-id of ${client}, outbox ${outbox}, is not its place`);
}

serve({
  async start({ port }) {
    const at = ['-p', String(port), '-V', '5', '-q', '1'];
    sub = spawn('mosquitto_sub', [...at, '-F', '%t|%P|%p', '-t', 'tl/-/+/up', '-t', 'plain/-/+/up', '-t', READY], { stdio: ['ignore', 'pipe', 'inherit'] });
    sub.stdout.setEncoding('latin1');
    let ready = false;
    sub.stdout.on('data', (text) => {
      const now = micros(), lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith(READY)) ready = true;
        else read(line, now);
      }
    });
    // It does not say when its subscription stands; what is published for it does.
    for (let tries = 0; !ready && tries < 100; tries++) {
      await once(spawn('mosquitto_pub', [...at, '-t', READY, '-n'], { stdio: 'ignore' }), 'exit');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    if (!ready) throw new Error('mosquitto_sub never got anything');
    return { pid: sub.pid, reader: process.pid };
  },
  arm({ clients, each }) {
    globalThis.gc?.();
    ids = new Map();
    arrivals = new Arrivals(clients, each);
  },
  result: () => arrivals.result,
  progress: () => `${arrivals.left} messages missing at the subscriber`,
});
