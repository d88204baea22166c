/**
 * A crowd of strangers in a process of its own, so that the gateway's memory is the gateway's. It is told by messages
 * what to do: {kind, count, port}; it answers {done} when every connection was opened and had its bytes written.
 * Strangers come from 127.1.0.0/16.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export interface Order {
  kind: 'silent' | 'hello' | 'random' | 'mutated' | 'leave';
  count: number;
  port: number;
}

/** Connections opened at a time. */
const AT_ONCE = 200;
const held = new Set<Socket>();

function bytesFor(kind: Order['kind'], n: number): Buffer | undefined {
  switch (kind) {
    case 'hello': return hello(`stranger-${n}`);
    case 'random': return randomBytes(randomInt(1, 400));
    case 'mutated': {
      const bytes = hello(`stranger-${n}`);
      const copies = randomInt(1, 4);
      for (let i = 0; i < copies; i++) bytes[randomInt(bytes.length)]! ^= 1 << randomInt(8);
      return Buffer.concat([bytes, randomBytes(randomInt(0, 60))]);
    }
    default: return undefined;
  }
}

/** HELLO: version, link, suites, nonce, outbox, largest, key id, identity. */
export function hello(identity: string): Buffer {
  const id = Buffer.from(identity);
  const body = Buffer.concat([Buffer.from([1, 0, 1]), randomBytes(16), Buffer.from([0, 0, 0, 1, 0x3f, 0xff, 0, id.length]), id]);
  return Buffer.concat([Buffer.from([0x81, body.length]), body]);
}

function one({ kind, port }: Order, n: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: `127.1.${n % 200}.${1 + (n % 250)}` });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      held.delete(socket);
      resolve();
    });
    socket.on('connect', () => {
      const bytes = bytesFor(kind, n);
      if (bytes !== undefined) socket.write(bytes);
      if (kind === 'silent' || kind === 'hello') {
        held.add(socket);
        resolve();
      } else {
        // A mutation may leave it waiting for more: then it is the stranger who leaves.
        setImmediate(() => socket.end());
      }
    });
    socket.resume();
  });
}

async function obey(order: Order): Promise<void> {
  if (order.kind === 'leave') {
    for (const socket of held) socket.destroy();
    return;
  }
  let next = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < order.count) await one(order, next++);
  }));
}

if (process.send !== undefined && process.argv.includes('--crowd')) {
  process.on('message', (order: Order) => {
    void obey(order).then(() => process.send!({ done: order.kind }));
  });
  process.on('disconnect', () => process.exit());
}
