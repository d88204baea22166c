/** Answers for devices of other makes: honest, as short as the question, and not for everyone at any rate. */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import * as assert from 'uvu/assert';
import type { Estimate } from '../../dist/host/time/client.js';
import { decodePacket, encodePacket, type NtpPacket } from '../../dist/host/time/packet.js';
import { ask } from '../../dist/host/time/query.js';
import { SntpResponder } from '../../dist/host/time/responder.js';
import { fromNtp } from '../../dist/host/time/timestamp.js';
import { test, TestClock, turns, until } from '../gateway/support.js';
import { ip, letters } from './support.js';

const clock = new TestClock();
const REQUEST = { ...decodePacket(Buffer.alloc(48))!, version: 4, mode: 3, poll: 6, transmit: { seconds: 0xdead_beef, fraction: 0x0102_0304 } };

function known(error: number, change: Partial<Estimate['source']['sample']> = {}, address = '192.0.2.1'): Estimate {
  const sample = { base: 0, delay: 10, bound: 7, at: clock.now(), leap: 0, stratum: 2, rootDelay: 0.02, rootDispersion: 0.003, ...change };
  return { error, bound: 7, servers: 1, source: { server: 'a:123', address, problem: undefined, denied: false, sample } };
}

interface World {
  responder: SntpResponder;
  socket: Socket;
  got: Buffer[];
  say: { estimate: Estimate | undefined; admit: boolean };
  ask(bytes: Uint8Array): Promise<NtpPacket>;
}

async function withResponder(run: (world: World) => Promise<void>): Promise<void> {
  const say: World['say'] = { estimate: known(0), admit: true };
  const responder = await SntpResponder.listen({
    listen: { host: '127.0.0.1', port: 0 }, clock, estimate: () => say.estimate, admit: () => say.admit, failed: (error) => { throw error; },
  });
  const socket = createSocket('udp4');
  socket.connect(Number(responder.address.split(':')[1]), '127.0.0.1');
  await once(socket, 'connect');
  const got: Buffer[] = [];
  socket.on('message', (bytes) => void got.push(bytes));
  const one = async (bytes: Uint8Array): Promise<NtpPacket> => {
    const before = got.length;
    socket.send(bytes);
    await until('an answer', () => got.length > before);
    assert.is(got.at(-1)!.length, 48);
    return decodePacket(got.at(-1)!)!;
  };
  try {
    await run({ responder, socket, got, say, ask: one });
  } finally {
    socket.close();
    await responder.close();
  }
}

test('a synchronised answer: one hop further, whom it follows, how far it may be off', () =>
  withResponder(async ({ say, ask }) => {
    say.estimate = known(-40);
    const answer = await ask(encodePacket(REQUEST));
    assert.equal([answer.leap, answer.version, answer.mode, answer.stratum, answer.poll, answer.reference], [0, 4, 4, 3, 6, ip('192.0.2.1')]);
    assert.equal(answer.origin, REQUEST.transmit);
    assert.ok(Math.abs(answer.rootDelay - 0.03) < 0.001, `${answer.rootDelay}`);
    assert.ok(answer.rootDispersion >= 0.047 && answer.rootDispersion < 0.048, `${answer.rootDispersion}`);
    const received = fromNtp(answer.receive, clock.unix()), sent = fromNtp(answer.transmit, clock.unix());
    assert.ok(received >= clock.unix() && sent >= received && sent < clock.unix() + 1);
    assert.ok(fromNtp(answer.updated, clock.unix()) <= received);
  }));

test('a leap second that is announced is passed on; an IPv6 server is named by its hash', () =>
  withResponder(async ({ say, ask }) => {
    say.estimate = known(0, { leap: 1 }, '2001:db8::1');
    const answer = await ask(encodePacket(REQUEST));
    assert.is(answer.leap, 1);
    assert.is(answer.reference, 0x39ab_9b37); // where the MD5 of its 16 bytes begins
  }));

const UNSYNCHRONISED: [string, () => Estimate | undefined][] = [
  ['no server has answered', () => undefined],
  ['the clock is off by more than a second', () => known(994)],
  ['behind by more', () => known(-5_000)],
  ['the server followed is the last in its chain', () => known(0, { stratum: 15 })],
];
for (const [name, estimate] of UNSYNCHRONISED) {
  test(`not synchronised: ${name}`, () =>
    withResponder(async ({ say, ask: one, responder }) => {
      say.estimate = estimate();
      const answer = await one(encodePacket(REQUEST));
      assert.equal([answer.leap, answer.stratum, answer.reference, answer.updated.seconds], [3, 0, letters('INIT'), 0]);
      const [host, port] = responder.address.split(':');
      const own = await ask({ host: host!, port: Number(port) }, clock);
      assert.is(own.kind, 'kiss', 'our own client does not follow it');
    }));
}

test('only requests of 48 bytes in client mode of a known version are answered: never an answer, never random bytes', () =>
  withResponder(async ({ responder, socket, got, ask }) => {
    const bad: Uint8Array[] = [Buffer.alloc(0), Buffer.alloc(47, 0x23), Buffer.concat([encodePacket(REQUEST), Buffer.alloc(20)]), Buffer.alloc(1_200, 0x23)];
    for (const mode of [0, 1, 2, 4, 5, 6, 7]) bad.push(encodePacket({ ...REQUEST, mode }));
    for (const version of [0, 5, 6, 7]) bad.push(encodePacket({ ...REQUEST, version }));
    for (let i = 0; i < 200; i++) {
      const bytes = randomBytes(Math.floor(Math.random() * 100));
      if (bytes.length !== 48 || (bytes[0]! & 7) !== 3) bad.push(bytes);
    }
    for (const [index, bytes] of bad.entries()) {
      socket.send(bytes);
      if (index % 20 === 19) await turns(5);
    }
    await until('all seen', () => responder.dropped === bad.length);
    assert.is(got.length, 0);
    for (const version of [1, 2, 3, 4]) assert.is((await ask(encodePacket({ ...REQUEST, version }))).version, version);
    assert.is(responder.answered, 4);
  }));

test('who asks too often gets nothing', () =>
  withResponder(async ({ responder, socket, got, say }) => {
    say.admit = false;
    socket.send(encodePacket(REQUEST));
    await until('dropped', () => responder.dropped === 1);
    await turns(5);
    assert.is(got.length, 0);
  }));

test('a taken port is named', () =>
  withResponder(async ({ responder }) => {
    const [host, port] = responder.address.split(':');
    const options = { listen: { host: host!, port: Number(port) }, clock, estimate: () => undefined, admit: () => true, failed: () => undefined };
    const error = await SntpResponder.listen(options).then(() => undefined, (reason: unknown) => reason as { code: string; message: string });
    assert.is(error?.code, 'SNTP_LISTEN_FAILED');
    assert.match(error!.message, /EADDRINUSE/);
  }));

test.run();
