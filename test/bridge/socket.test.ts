/** The connection to a broker without TLS: answers are taken out, all else is read as from any stream, and reading waits where many answers are to come. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import mqttPacket, { type Packet } from 'mqtt-packet';
import * as assert from 'uvu/assert';
import { openSocket } from '../../dist/host/bridge/socket.js';
import { systemClock } from '../../dist/host/clock.js';
import { seeded } from '../e2e/support.js';
import { test, TestClock } from '../gateway/support.js';
import { eventually } from './support.js';

const bytesOf = (packet: Packet): Buffer => mqttPacket.generate(packet, { protocolVersion: 5 });
const puback = (messageId: number): Buffer => bytesOf({ cmd: 'puback', messageId, reasonCode: 0 });
const publish = (size: number): Buffer => bytesOf({ cmd: 'publish', topic: 't', payload: Buffer.alloc(size, size), qos: 0, dup: false, retain: false });

interface Pair {
  broker: Socket;
  socket: Socket;
  answers: number[];
  close(): Promise<void>;
}

async function pair({ missing = (): number => 0, clock = systemClock, host = '127.0.0.1' } = {}): Promise<Pair> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const answers: number[] = [], accepted = once(server, 'connection') as Promise<[Socket]>;
  const socket = openSocket({ host, port: (server.address() as AddressInfo).port, reasons: true, clock, answered: (id) => answers.push(id), missing });
  socket.on('error', () => undefined);
  const [broker] = await accepted;
  broker.setNoDelay(true).on('error', () => undefined);
  return {
    broker, socket, answers,
    close: async () => {
      socket.destroy();
      broker.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

test('however the bytes are cut, every answer is taken, and the reader gets the rest in order', async () => {
  const random = seeded(11), { broker, socket, answers, close } = await pair({ missing: () => (random() < 0.5 ? Infinity : 0), host: 'localhost' });
  const got: Buffer[] = [], rest: Buffer[] = [], sent: number[] = [];
  socket.on('data', (chunk: Buffer) => got.push(chunk));
  for (let i = 1; i <= 3_000; i++) {
    const packet = random() < 0.8 ? puback(i) : publish(Math.floor(random() * 3_000));
    if (packet[0] === 0x40) sent.push(i);
    else rest.push(packet);
    const at = Math.floor(random() * packet.length);
    broker.write(packet.subarray(0, at));
    if (i % 50 === 0) await pause(1);
    broker.write(packet.subarray(at));
  }
  const all = Buffer.concat(rest);
  await eventually('all came', () => answers.length === sent.length && got.reduce((sum, { length }) => sum + length, 0) === all.length, 20_000);
  assert.equal(answers, sent);
  assert.ok(Buffer.concat(got).equals(all));
  await close();
});

test('where many answers are missing it is read again after a while, by the gateway\'s clock; else at once', async () => {
  let missing = true;
  const clock = new TestClock(), { broker, socket, answers, close } = await pair({ missing: () => (missing ? 64 : 0), clock });
  socket.on('data', () => undefined);
  broker.write(puback(1));
  await eventually('the first', () => answers.length === 1);
  broker.write(puback(2));
  await pause(50);
  assert.equal(answers, [1]);
  await clock.advance(2);
  await pause(20);
  assert.equal(answers, [1]);
  missing = false;
  await clock.advance(1);
  await eventually('the second', () => answers.length === 2);
  broker.write(puback(3));
  await eventually('the third', () => answers.length === 3);
  missing = true;
  broker.write(publish(5));
  broker.write(puback(4));
  await eventually('what is no answer holds nothing up', () => answers.length === 4);
  socket.destroy();
  await clock.advance(10); // of what has gone nothing is read
  await close();
});

test('where most of what is missing comes in that while, it is read at once: nothing would go on before its end', async () => {
  let most = 64;
  const clock = new TestClock(), { broker, socket, answers, close } = await pair({ missing: () => most, clock });
  socket.on('data', () => undefined);
  broker.write(Buffer.concat(Array.from({ length: 32 }, (_, i) => puback(i + 1))));
  await eventually('half of them', () => answers.length === 32);
  await clock.advance(3);
  for (let id = 33; id <= 36; id++) {
    broker.write(puback(id));
    await eventually(`answer ${id}`, () => answers.length === id);
  }
  most = 1_000;
  broker.write(puback(37));
  await eventually('one where more are missing', () => answers.length === 37);
  broker.write(puback(38));
  await pause(50);
  assert.is(answers.length, 37);
  await clock.advance(3);
  await eventually('the last', () => answers.length === 38);
  await close();
});

test('a reader that stands still holds the broker back, and gets everything in the end', async () => {
  const { broker, socket, close } = await pair({ missing: () => Infinity }), packet = publish(60_000), count = 1_000;
  for (let i = 0; i < count; i++) broker.write(packet);
  await pause(200);
  assert.ok(socket.readableLength < 1 << 20, `${socket.readableLength} bytes wait in the stream`);
  assert.ok(broker.writableLength > 10 << 20, `${broker.writableLength} bytes wait at the broker`);
  let bytes = 0;
  socket.on('data', ({ length }: Buffer) => (bytes += length));
  await eventually('all came', () => bytes === count * packet.length, 20_000);
  await close();
});

test('the end of the broker is told while reading waits', async () => {
  const { broker, socket, answers, close } = await pair({ missing: () => Infinity });
  socket.on('data', () => undefined);
  broker.end(puback(1));
  await once(socket, 'close');
  assert.equal(answers, [1]);
  await close();
});

test.run();
