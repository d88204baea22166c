/**
 * The strangers of slow-flood.test.ts, all from 127.1.0.0/16. They say `flooded` when they have done what they were started for:
 * `silent N` and `hello N` open connections and keep those that the gateway leaves them; `strings N` goes through N
 * connections with hostile bytes, a bounded number at a time. They end when stdin does.
 */
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { helloFrame, hostileBytes, randomFrom } from './flood-bytes.js';
import { seeded } from './support.js';

const [kind = '', count = '', port = '', seed = ''] = process.argv.slice(2);
const AT_ONCE = 64;
const random = seeded(Number(seed));

function open(index: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const localAddress = `127.1.${index % 250}.${1 + (Math.floor(index / 250) % 250)}`;
    const socket = connect({ host: '127.0.0.1', port: Number(port), localAddress });
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined)); // a reset is the gateway's right
    socket.on('error', () => undefined);
    socket.resume();
  });
}

async function one(index: number): Promise<void> {
  const socket = await open(index);
  if (socket === undefined) return;
  if (kind === 'hello') socket.write(helloFrame('pump-7', randomFrom(random, 16)));
  if (kind !== 'strings') return;
  socket.end(hostileBytes(random, index));
  if (!socket.destroyed) await once(socket, 'close').catch(() => undefined);
}

let next = 0;
await Promise.all(Array.from({ length: AT_ONCE }, async () => {
  while (next < Number(count)) await one(next++);
}));
process.stdout.write('flooded\n');
process.stdin.resume().once('end', () => process.exit(0));
