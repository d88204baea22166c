/** Anybody can send a datagram that says it comes from port 0, and Node throws where it is to send to that port. */
import { randomBytes } from 'node:crypto';
import { Socket } from 'node:dgram';
import * as assert from 'uvu/assert';
import { systemClock } from '../../dist/host/clock.js';
import { DiscoveryCore } from '../../dist/host/core/index.js';
import { DiscoveryResponder } from '../../dist/host/discovery/responder.js';
import { SntpResponder } from '../../dist/host/time/responder.js';
import { closeAll, listen, test } from '../gateway/support.js';

/** The sockets that `run` binds: without a raw socket, nothing but the event itself can say port 0. */
async function socketsOf<T>(run: () => Promise<T>): Promise<{ made: T; give: (bytes: Buffer, port: number) => void }> {
  const { bind } = Socket.prototype, sockets: Socket[] = [];
  Socket.prototype.bind = function (this: Socket, ...args: unknown[]): Socket {
    sockets.push(this);
    return (bind as (...given: unknown[]) => Socket).apply(this, args);
  };
  try {
    const made = await run();
    const give = (bytes: Buffer, port: number): void => {
      assert.ok(sockets.length > 0);
      for (const socket of sockets) socket.emit('message', bytes, { address: '127.0.0.1', family: 'IPv4', port, size: bytes.length });
    };
    return { made, give };
  } finally {
    Socket.prototype.bind = bind;
  }
}

/** Of 49 bytes, for an identity of 10; any device's. */
const HELLO = Buffer.from('81010107202122232425262728292a2b2c2d2e2f0a0b0c0d0200000a70756d702d30303030370000000000000000000000', 'hex');

test('a gateway on UDP', async () => {
  const { made, give } = await socketsOf(() => listen({ listen: 'tidelock+udp://127.0.0.1:0' }));
  const sent: number[] = [], { send } = Socket.prototype;
  Socket.prototype.send = ((_: Buffer, port: number) => void sent.push(port)) as typeof send;
  try {
    give(HELLO, 0);
    assert.equal(sent, []);
    give(HELLO, 9);
    assert.equal(sent, [9], 'but for its port it is answered');
  } finally {
    Socket.prototype.send = send;
  }
  await closeAll(made);
});

test('whatever goes wrong over a datagram ends nothing: it is counted and told, a few times', async () => {
  const lines: string[] = [];
  const say = (_: object, text?: string): void => void lines.push(text ?? '');
  const logger = { debug: () => undefined, info: () => undefined, warn: say, error: say };
  const { made, give } = await socketsOf(() => listen({ listen: 'tidelock+udp://127.0.0.1:0', logger }));
  const { send } = Socket.prototype;
  let sent = 0;
  Socket.prototype.send = (() => {
    throw new Error('no such luck');
  }) as typeof send;
  try {
    for (let i = 0; i < 50; i++) give(HELLO, 9);
    Socket.prototype.send = (() => void (sent += 1)) as typeof send;
    give(HELLO, 9);
  } finally {
    Socket.prototype.send = send;
  }
  assert.is(sent, 1, 'the next one is answered');
  assert.is(made.counters().refused['datagram failed'], 50);
  assert.is(lines.filter((line) => line === 'datagram failed').length, 10);
  await closeAll(made);
});

test('SNTP', async () => {
  const { made, give } = await socketsOf(() => SntpResponder.listen({
    listen: { host: '127.0.0.1', port: 0 }, clock: systemClock, estimate: () => undefined, admit: () => true, failed: (error) => { throw error; },
  }));
  const request = Buffer.alloc(48);
  request[0] = 0x23;
  give(request, 0);
  assert.is(made.answered, 0);
  give(request, 9);
  assert.is(made.answered, 1);
  await made.close();
});

test('discovery', async () => {
  const { made, give } = await socketsOf(() => DiscoveryResponder.listen({
    name: 'gateway', port: 0, clock: systemClock, links: () => [{ link: 0, port: 8_433 }], admit: () => true, local: () => [], failed: () => undefined,
  }));
  const question = new DiscoveryCore().discover(randomBytes(8));
  give(question, 0);
  assert.is(made.offered, 0);
  give(question, 9);
  assert.ok(made.offered > 0);
  await made.close();
});

test.run();
