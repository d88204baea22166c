// The gateway's side over real sockets, the clock in the test's hands.

import { strict as assert } from 'node:assert';
import { connect } from 'node:tls';
import { codeOf, closeAll, listen, pair, portOf, test, TestClock, turns, until } from '../../gateway/support.js';
import { certificate, identity } from '../../support/tls.js';
import { towardsGateway } from './conversations.js';
import { ACCOUNTS, fromClient, fromServer, ID, stamp } from './frames.js';
import { converse, listenIotsocket, Peer } from './support.js';

for (const conversation of towardsGateway) {
  test(conversation.name, async () => {
    const clock = new TestClock();
    const gateway = await listenIotsocket(clock);
    try {
      await converse(gateway, clock, conversation);
    } finally {
      await closeAll(gateway);
    }
  });
}

/** A gateway, and a device that has logged in. */
async function loggedIn(options: Parameters<typeof listenIotsocket>[1] = {}, id = ID) {
  const clock = new TestClock();
  const gateway = await listenIotsocket(clock, options);
  const peer = await Peer.open(gateway.address);
  peer.say(fromClient({ time: stamp(clock.unix()), device: id }, 'login message'));
  await until('the login', () => gateway.device(id) !== undefined);
  return { clock, gateway, peer };
}

const times = (text: string): number[] => Array.from(text.matchAll(/TIME:(\d+\.\d{4})\r\n/g), ([, time]) => Number(time));

test('a push has the layout of the Python server, to the byte', async () => {
  const { clock, gateway, peer } = await loggedIn({}, '0000000042');
  assert.equal(gateway.post('0000000042', '  hello device\r\n'), true);
  await until('the push', () => peer.received.endsWith('|#|'));
  assert.equal(peer.received, fromServer({ time: stamp(clock.unix()), device: '42' }, 'hello device'));
  peer.socket.destroy();
  await closeAll(gateway);
});

test('pushes leave at least 100 ms apart, at most 99 without a pause, each with another stamp, in order', async () => {
  const { clock, gateway, peer } = await loggedIn({ legacy: { iotsocket: { devices: ACCOUNTS, queue: 250 } } });
  for (let i = 0; i < 240; i++) assert.equal(gateway.post(ID, `push number ${i}`), true);
  await until('the first', () => peer.received.endsWith('|#|'));
  assert.equal(times(peer.received).length, 1);
  for (let i = 0; i < 40; i++) await clock.advance(1_000);
  await until('all', () => times(peer.received).length === 240);
  const stamps = times(peer.received);
  const bodies = peer.received.split('|#|').slice(0, -1).map((frame) => frame.slice(frame.lastIndexOf('\r\n') + 2));
  assert.deepEqual(bodies, Array.from({ length: 240 }, (_, i) => `push number ${i}`));
  let run = 1;
  for (let i = 1; i < stamps.length; i++) {
    const gap = stamps[i]! - stamps[i - 1]!;
    assert.ok(gap >= 0.0999, `${gap} s between two pushes`);
    // The Python client refuses the 101st message where no gap of more than 3 s came before.
    run = gap > 3 ? 1 : run + 1;
    assert.ok(run <= 99, `${run} pushes without a pause`);
  }
  peer.socket.destroy();
  await closeAll(gateway);
});

test('a body that no frame carries is refused at `post`, whatever waits', async () => {
  const { gateway, peer } = await loggedIn();
  const bad = ['ab', '      ab      ', 'hello|#|world', 'hello|#', 'x'.repeat(60_000), Buffer.from('68656c6c6ffffe21', 'hex'), ''];
  for (let round = 0; round < 2; round++) {
    for (const body of bad) assert.throws(() => gateway.post(ID, body), { code: 'IOTSOCKET_BODY' });
    assert.equal(gateway.post(ID, 'hello||#device'), true);
  }
  await until('one push', () => peer.received.endsWith('|#|'));
  assert.equal(times(peer.received).length, 1);
  assert.ok(peer.received.endsWith('hello||#device|#|'));
  peer.socket.destroy();
  await closeAll(gateway);
});

test('what waits for one device is bounded, and `drain` tells when there is room', async () => {
  const { clock, gateway, peer } = await loggedIn({ legacy: { iotsocket: { devices: ACCOUNTS, queue: 3 } } });
  const drained: string[] = [];
  gateway.on('drain', (device) => drained.push(device));
  assert.deepEqual([1, 2, 3, 4, 5].map((i) => gateway.post(ID, `number ${i}`)), [true, true, true, true, false]);
  await clock.advance(2_000);
  await until('drain', () => drained.length === 1);
  assert.deepEqual(drained, [ID]);
  assert.equal(times(peer.received).length, 4);
  peer.socket.destroy();
  await closeAll(gateway);
});

test('a push for nobody is dropped and counted, and stops nothing', async () => {
  const { gateway, peer } = await loggedIn();
  assert.equal(gateway.post('5555555555', 'for nobody'), false);
  assert.equal(gateway.counters().dropped, 1);
  assert.equal(gateway.post(ID, 'for somebody'), true);
  await until('the push', () => peer.received.endsWith('for somebody|#|'));
  peer.socket.destroy();
  await closeAll(gateway);
});

test('`send` is refused: the protocol cannot acknowledge', async () => {
  const { gateway, peer } = await loggedIn();
  assert.equal(await codeOf(gateway.send(ID, 'hello device').acknowledged), 'NO_ACKNOWLEDGEMENT');
  assert.equal(await codeOf(gateway.send('1234567891', 'not connected').acknowledged), 'NO_ACKNOWLEDGEMENT');
  peer.socket.destroy();
  await closeAll(gateway);
});

test('a stamp that was used is refused on the next connection too, and a stranger cannot make the gateway forget it', async () => {
  const { clock, gateway, peer } = await loggedIn();
  const replayed = fromClient({ time: stamp(clock.unix()) }, 'login message');
  peer.socket.destroy();
  await until('it is gone', () => gateway.device(ID) === undefined);
  const refusals: string[] = [];
  gateway.on('refused', ({ reason }) => refusals.push(reason));
  const attempt = async (frame: string): Promise<void> => {
    const next = await Peer.open(gateway.address);
    next.say(frame);
    await until('the end', () => next.closed);
  };
  await attempt(fromClient({ time: stamp(clock.unix(), 0.5), key: 'stranger' }, 'login message'));
  await attempt(replayed);
  await attempt(replayed);
  assert.deepEqual(refusals, ['bad key', 'replay', 'replay']);
  const good = await Peer.open(gateway.address);
  good.say(fromClient({ time: stamp(clock.unix(), 0.6) }, 'again here'));
  await until('the device is back', () => gateway.device(ID) !== undefined);
  good.socket.destroy();
  await closeAll(gateway);
});

test('an unknown device, a wrong key and a failed lookup look the same from outside', async () => {
  const clock = new TestClock();
  const lookup = (identity: string): string | undefined => {
    if (identity === '3333333333') throw new Error('the database is away');
    return identity === ID ? 'goodkey123' : undefined;
  };
  const gateway = await listenIotsocket(clock, { legacy: { iotsocket: { lookup } } });
  const errors: string[] = [];
  gateway.on('error', (error) => errors.push((error as { code?: string }).code ?? error.message));
  for (const device of ['2222222222', '3333333333', ID]) {
    const peer = await Peer.open(gateway.address);
    peer.say(fromClient({ time: stamp(clock.unix()), device, key: 'wrong' }, 'hello'));
    await until('the end', () => peer.closed);
    assert.equal(peer.received, '');
  }
  assert.deepEqual(errors, ['LOOKUP_FAILED']);
  const peer = await Peer.open(gateway.address);
  peer.say(fromClient({ time: stamp(clock.unix()) }, 'hello') + fromClient({ time: stamp(clock.unix(), 0.1) }, 'and more'));
  await until('both messages', () => gateway.counters().received === 2);
  peer.socket.destroy();
  await closeAll(gateway);
});

test('a lookup that takes 2 s does not make the frame old', async () => {
  const clock = new TestClock();
  let answer: (key: string) => void = () => undefined;
  const gateway = await listenIotsocket(clock, {
    limits: { lookupTimeout: 5_000 }, legacy: { iotsocket: { lookup: () => new Promise<string>((resolve) => (answer = resolve)) } },
  });
  const peer = await Peer.open(gateway.address);
  peer.say(fromClient({ time: stamp(clock.unix(), -2) }, 'hello'));
  await until('the lookup', () => gateway.counters().lookups === 1);
  await clock.advance(2_000);
  answer('goodkey123');
  await until('the message', () => gateway.counters().received === 1);
  peer.socket.destroy();
  await closeAll(gateway);
});

test('without the option an ASCII connection is closed, and Tidelock is not disturbed by it', async () => {
  const gateway = await listen();
  const peer = await Peer.open(gateway.address);
  peer.say(fromClient({ time: stamp(Date.now()) }, 'hello'));
  await until('the end', () => peer.closed);
  assert.equal(gateway.counters().received, 0);
  await closeAll(gateway);
});

test('both protocols share a port; a port of its own speaks IoTSocket alone', async () => {
  const iotsocket = { devices: ACCOUNTS, listen: 'iotsocket://127.0.0.1:0' };
  const { gateway, device } = await pair({ legacy: { iotsocket } });
  assert.match(gateway.addresses[1]!, /^iotsocket:\/\/127\.0\.0\.1:\d+$/);
  const wrongPort = await Peer.open(gateway.addresses[0]!);
  wrongPort.say(fromClient({ time: stamp(Date.now()) }, 'hello'));
  await until('the end', () => wrongPort.closed);
  const native = await Peer.open(gateway.addresses[1]!);
  native.say(Buffer.from('8142', 'hex'));
  await until('the end', () => native.closed);
  const peer = await Peer.open(gateway.addresses[1]!);
  peer.say(fromClient({ time: stamp(Date.now()) }, 'hello'));
  await until('the login', () => gateway.device(ID) !== undefined);
  assert.deepEqual(Array.from(gateway.devices(), ({ protocol }) => protocol).sort(), ['iotsocket', 'tidelock']);
  assert.equal(gateway.counters().online, 2);
  peer.socket.destroy();
  await closeAll(device, gateway);
});

test('inside TLS: payloads of 100 and 16,290 bytes, and of more than a record; whoever has no TLS, or says nothing, holds nobody up', async () => {
  const made = certificate(), iotsocket = { devices: ACCOUNTS, listen: 'iotsockets://127.0.0.1:0' };
  const gateway = await listenIotsocket(undefined, { legacy: { iotsocket }, tls: identity(made) });
  const bodies: string[] = [];
  gateway.on('message', (message) => bodies.push(`${message.trust} ${message.body.length}`));
  const silent = await Peer.open(gateway.addresses[1]!);
  const plain = await Peer.open(gateway.addresses[1]!);
  plain.say(fromClient({ time: stamp(Date.now()) }, 'hello plain'));
  await until('the end', () => plain.closed);
  const socket = connect({ host: '127.0.0.1', port: portOf(gateway.addresses[1]!), ca: made.cert });
  socket.on('error', () => undefined);
  for (const [i, bytes] of [100, 16_290, 40_000].entries()) socket.write(fromClient({ time: stamp(Date.now(), i / 10) }, 'w'.repeat(bytes)));
  await until('all three', () => bodies.length === 3);
  assert.deepEqual(bodies, ['tls 100', 'tls 16290', 'tls 40000']);
  assert.equal(silent.closed, false);
  assert.equal(plain.received, '');
  for (const one of [socket, silent.socket]) one.destroy();
  await closeAll(gateway);
});

test('a gateway whose ports all have TLS takes IoTSocket inside it alone, and warns of nothing; with a plain port it warns', async () => {
  const made = certificate(), warnings: string[] = [];
  const silent = (): void => undefined;
  const logger = { debug: silent, info: silent, error: silent, warn: (_: object, text: string) => void warnings.push(text) };
  const gateway = await listenIotsocket(undefined, { listen: 'tidelocks://127.0.0.1:0', tls: identity(made), logger });
  const plain = await Peer.open(gateway.address);
  plain.say(fromClient({ time: stamp(Date.now()) }, 'hello plain'));
  await until('the end', () => plain.closed);
  assert.deepEqual(warnings.filter((text) => text.includes('without TLS')), []);
  await closeAll(gateway, await listenIotsocket(undefined, { logger }));
  assert.equal(warnings.filter((text) => text.includes('without TLS')).length, 1);
});

test('the operator disconnects a device; closing the gateway closes all', async () => {
  const { gateway, peer } = await loggedIn();
  const reasons: string[] = [];
  gateway.on('device', ({ online, reason, protocol }) => reasons.push(`${protocol} ${online} ${reason}`));
  assert.equal(gateway.disconnect(ID), true);
  await until('the end', () => peer.closed);
  const other = await Peer.open(gateway.address);
  await turns(5);
  await closeAll(gateway);
  await until('the end of the other', () => other.closed);
  assert.deepEqual(reasons, ['iotsocket false closed']);
});

test('options are checked, and named', async () => {
  const key = Buffer.alloc(32, 7);
  for (const [legacy, more] of [
    [{ iotsocket: {} }, {}],
    [{ iotsocket: { devices: ACCOUNTS, lookup: () => 'x' } }, {}],
    [{ iotsocket: { devices: ACCOUNTS, rate: 30_001 } }, {}],
    [{ iotsocket: { devices: ACCOUNTS } }, { devices: { [ID]: key } }],
  ] as const) {
    assert.equal(await codeOf(listenIotsocket(undefined, { legacy, ...more })), 'BAD_OPTION');
  }
  assert.equal(await codeOf(listenIotsocket(undefined, { legacy: { iotsocket: { devices: { pump: 'key' } } } })), 'BAD_IDENTITY');
  assert.equal(await codeOf(listenIotsocket(undefined, { legacy: { iotsocket: { devices: { [ID]: 'a:b' } } } })), 'BAD_KEY');
  assert.equal(await codeOf(listenIotsocket(undefined, { legacy: { iotsocket: { devices: ACCOUNTS, listen: 'tidelock://127.0.0.1' } } })), 'BAD_ADDRESS');
  assert.equal(await codeOf(listenIotsocket(undefined, { legacy: { iotsock: {} } as never })), 'UNKNOWN_OPTION');
});

test.run();
