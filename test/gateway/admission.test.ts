/** Strangers: how many may wait, for how long, and how often they may ask. */
import type { Socket } from 'node:net';
import * as assert from 'uvu/assert';
import type { Refusal } from 'tidelock/gateway';
import { closeAll, listen, makeDevice, rawSocket, test, TestClock, turns, until } from './support.js';

const CROWD = '127.1.0.1';

async function silent(url: string, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let i = 0; i < count; i++) sockets.push(await rawSocket(url, { localAddress: CROWD }));
  return sockets;
}

function destroyAll(sockets: Socket[]): void {
  for (const socket of sockets) socket.destroy();
}

test('of the half-open connections the oldest gives way, and a device still gets in', async () => {
  const gateway = await listen({ limits: { halfOpen: 10 } });
  const refusals: Refusal[] = [];
  gateway.on('refused', (refusal) => refusals.push(refusal));
  const crowd = await silent(gateway.address, 25);
  await until('the crowd', () => gateway.counters().connections === 25);
  assert.is(gateway.counters().halfOpen, 10);
  assert.is(gateway.counters().open, 10);
  assert.is(gateway.counters().gaveWay, 15);
  const closed = crowd.map((socket) => socket.destroyed || socket.readableEnded);
  await turns(5);
  const device = makeDevice(gateway);
  await device.online();
  await until('online', () => gateway.device('pump-7') !== undefined);
  assert.is(refusals.filter(({ reason }) => reason === 'gave way').length, 16);
  assert.ok(closed.length === 25);
  // A session that stands does not give way.
  const more = await silent(gateway.address, 20);
  await until('the second crowd', () => gateway.counters().connections === 46);
  assert.ok(gateway.device('pump-7') !== undefined);
  assert.is(gateway.counters().open, 11);
  destroyAll([...crowd, ...more]);
  await closeAll(device, gateway);
});

test('a connection that does not prove itself in 10 s is closed', async () => {
  const clock = new TestClock();
  const gateway = await listen({ clock });
  const [socket] = await silent(gateway.address, 1);
  let closed = false;
  socket!.on('close', () => (closed = true)).resume();
  await until('accepted', () => gateway.counters().open === 1);
  await clock.advance(9_500);
  assert.is(gateway.counters().open, 1);
  await clock.advance(1_000);
  assert.is(gateway.counters().open, 0);
  await until('closed', () => closed);
  await closeAll(gateway);
});

test('connections of all kinds are bounded: half-open ones give way, else the new one is closed', async () => {
  const keys = Object.fromEntries(['a', 'b', 'c'].map((id, i) => [id, Buffer.alloc(32, i + 1)]));
  const gateway = await listen({ devices: keys, limits: { connections: 3 } });
  const devices = ['a', 'b'].map((id) => makeDevice(gateway, { id, key: keys[id]! }));
  await Promise.all(devices.map((device) => device.online()));
  const crowd = await silent(gateway.address, 1);
  await until('full', () => gateway.counters().open === 3);
  const third = makeDevice(gateway, { id: 'c', key: keys['c']! });
  await third.online();
  assert.is(gateway.counters().open, 3); // the silent one gave way
  const late = await rawSocket(gateway.address);
  let closed = false;
  late.on('close', () => (closed = true)).resume();
  await until('closed', () => closed);
  assert.is(gateway.counters().online, 3);
  destroyAll(crowd);
  await closeAll(...devices, third, gateway);
});

test('too many HELLOs from one network are turned away; another network is not', async () => {
  const clock = new TestClock();
  const gateway = await listen({ clock, limits: { helloRate: 1, helloBurst: 3 } });
  const refusals: Refusal[] = [];
  gateway.on('refused', (refusal) => refusals.push(refusal));
  const hello = async (): Promise<Buffer> => {
    const socket = await rawSocket(gateway.address, { localAddress: CROWD });
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.on('close', () => resolve(Buffer.concat(chunks)));
      socket.write(helloFrame('pump-7'));
      socket.on('data', () => socket.destroy());
    });
  };
  const answers: number[] = [];
  for (let i = 0; i < 5; i++) answers.push((await hello()).length);
  assert.equal(answers.map((length) => length > 0), [true, true, true, false, false]);
  assert.is(gateway.counters().overRate, 2);
  assert.equal(refusals.filter(({ reason }) => reason === 'too many HELLOs').length, 2);
  const device = makeDevice(gateway); // from 127.0.0
  await device.online();
  await clock.advance(1_000);
  assert.ok((await hello()).length > 0, 'one more a second later');
  await closeAll(device, gateway);
});

test('bytes that are no handshake end the connection, with a reason and a counter', async () => {
  const gateway = await listen();
  const refusals: Refusal[] = [];
  gateway.on('refused', (refusal) => refusals.push(refusal));
  for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x02\x00', '\x88\x05hello']) {
    const socket = await rawSocket(gateway.address);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.resume().write(Buffer.from(bytes, 'latin1'));
    await closed;
  }
  assert.is(refusals.length, 3);
  for (const { reason, device } of refusals) {
    assert.ok(reason.length > 0);
    assert.is(device, undefined);
  }
  assert.is(gateway.counters().open, 0);
  await closeAll(gateway);
});

test('log lines that strangers cause are limited, and what was held back is told', async () => {
  const clock = new TestClock();
  const lines: { text: string; fields: Record<string, unknown> }[] = [];
  const log = (fields: object, text: string): void => void lines.push({ fields: fields as Record<string, unknown>, text });
  const gateway = await listen({ clock, logger: { debug: log, info: log, warn: log, error: log } });
  for (let i = 0; i < 30; i++) {
    const socket = await rawSocket(gateway.address);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.resume().write('GET / HTTP/1.1\r\n\r\n');
    await closed;
  }
  assert.is(lines.filter(({ text }) => text === 'refused').length, 10);
  await clock.advance(11_000);
  const told = lines.find(({ text }) => text === 'refused: more of the same');
  assert.is(told?.fields['more'], 20);
  await closeAll(gateway);
});

/** HELLO: version, link, suites, nonce, outbox, largest, key id, identity (protocol.md, "Handshake"). */
function helloFrame(identity: string): Buffer {
  const id = Buffer.from(identity);
  const body = Buffer.concat([Buffer.from([1, 0, 1]), Buffer.alloc(16, 9), Buffer.from([0, 0, 0, 1, 0x3f, 0xff, 0, id.length]), id]);
  return Buffer.concat([Buffer.from([0x81, body.length]), body]);
}

test.run();
