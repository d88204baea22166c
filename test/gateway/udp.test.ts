/** A gateway's UDP port: strangers get nothing for nothing, a session follows its device, and messages of any length arrive. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:dgram';
import * as assert from 'uvu/assert';
import type { Device } from 'tidelock/device';
import type { Gateway, GatewayOptions } from 'tidelock/gateway';
import { bound, UdpRelay } from '../transport/udp-relay.js';
import { advanceUntil, closeAll, KEY, listen, makeDevice, portOf, test, TestClock, turns, until } from './support.js';

const UDP = 'tidelock+udp://127.0.0.1:0';
const FREELY = { helloRate: 1e6, helloBurst: 1e6, helloRateTotal: 1e6, helloBurstTotal: 1e6 };

/** Messages have a taker at once: without one devices hear busy. */
async function listenUdp(options: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const gateway = await listen({ listen: UDP, ...options });
  gateway.on('message', () => undefined);
  return gateway;
}

/** HELLO as docs/protocol.md section 6 has it: version, link, suites, nonce, outbox, largest, key id, identity, zeros to 48 bytes. */
function hello(identity = 'pump-7', padded = 48): Buffer {
  const id = Buffer.from(identity);
  const h = Buffer.concat([Buffer.from([1, 1, 1]), randomBytes(16), Buffer.from([0, 0, 0, 1, 0x3f, 0xff, 0, id.length]), id]);
  return Buffer.concat([Buffer.from([0x81]), h, Buffer.alloc(Math.max(0, padded - h.length))]);
}

interface World {
  gateway: Gateway;
  relay: UdpRelay;
  device: Device;
  taken: string[];
}

/** A gateway and a device with a relay between them, the device online. */
async function world(options: Partial<GatewayOptions> = {}): Promise<World> {
  const gateway = await listenUdp(options);
  const relay = await UdpRelay.to(gateway.address);
  const device = makeDevice(relay.url, options.clock === undefined ? {} : { clock: options.clock });
  const taken: string[] = [];
  gateway.on('message', (message) => void taken.push(message.text()));
  device.on('message', () => undefined);
  await device.online();
  await until('online', () => gateway.device('pump-7') !== undefined);
  return { gateway, relay, device, taken };
}

async function closeWorld({ device, gateway, relay }: World): Promise<void> {
  await closeAll(device, gateway);
  relay.close();
}

/** What a stranger's socket hears. */
function heardBy(socket: Socket): Buffer[] {
  const heard: Buffer[] = [];
  socket.on('message', (bytes) => void heard.push(bytes));
  return heard;
}

test('messages both ways, of any length, once and in order; CLOSE reaches the device', async () => {
  const each = await world();
  const { gateway, device, taken } = each;
  assert.equal(gateway.device('pump-7')!.link, 'udp');
  const bodies = [1, 1_150, 1_200, 5_000, 16_000].map((bytes, i) => `${i}`.repeat(bytes));
  const heard: string[] = [];
  device.on('message', (message) => void heard.push(message.text()));
  await Promise.all(bodies.map((body) => device.send(body).acknowledged));
  await Promise.all(bodies.map((body) => gateway.send('pump-7', body).acknowledged));
  assert.equal(taken, bodies);
  assert.equal(heard, bodies);
  const states: string[] = [];
  device.on('state', ({ name, reason }) => void states.push(`${name} ${reason}`));
  await gateway.close();
  await until('the device hears it', () => states.length > 0);
  assert.match(states[0]!, /going away/);
  await closeWorld(each);
});

test('10,000 HELLOs make no session, each is answered by no more bytes than it had, and a device gets in afterwards', async () => {
  const gateway = await listenUdp({ limits: FREELY });
  const stranger = await bound(), heard = heardBy(stranger), port = portOf(gateway.address);
  let sent = 0, bytes = 0;
  for (let i = 0; i < 10_000; i++) {
    const frame = hello(i % 2 === 0 ? 'pump-7' : `nobody-${i}`);
    bytes += frame.length;
    stranger.send(frame, port, '127.0.0.1', () => void sent++);
    if (i % 50 === 49) await until('it is sent', () => sent > i);
    if (i % 50 === 49) await turns(2);
  }
  await until('sent', () => sent === 10_000);
  await turns(20);
  const { connections, open, halfOpen, sessions } = gateway.counters();
  assert.equal({ connections, open, halfOpen, sessions }, { connections: 0, open: 0, halfOpen: 0, sessions: 0 });
  assert.ok(heard.length > 9_000, `${heard.length} answers`);
  assert.ok(heard.every((each) => each.length <= 49 && each[0] === 0x82));
  const { bytesIn, bytesOut } = gateway.counters();
  assert.ok(bytesOut <= bytesIn && bytesIn <= bytes, `${bytesOut} out, ${bytesIn} in`);
  const device = makeDevice(gateway);
  await device.send('21.5').acknowledged;
  assert.is(gateway.counters().open, 1);
  stranger.close();
  await closeAll(device, gateway);
});

test('no datagram of a stranger gets an answer longer than itself: short, unpadded, of other types, cut, random', async () => {
  const gateway = await listenUdp({ limits: FREELY });
  const stranger = await bound(), heard = heardBy(stranger), port = portOf(gateway.address);
  const inputs = [
    Buffer.alloc(0), Buffer.from([0x81]), hello('pump-7', 0), hello().subarray(0, 48), Buffer.concat([hello(), Buffer.from([1])]), hello('a/b/c'),
    Buffer.from([0x82]), Buffer.from([0x83]), Buffer.concat([Buffer.from([0x83]), randomBytes(140)]), Buffer.concat([Buffer.from([0x88]), randomBytes(60)]),
    ...Array.from({ length: 500 }, (_, i) => randomBytes(1 + (i % 300))),
  ];
  for (const input of inputs) await new Promise((resolve) => stranger.send(input, port, '127.0.0.1', resolve));
  stranger.send(hello(), port, '127.0.0.1');
  await until('the answer to the good one', () => heard.length > 0);
  await turns(10);
  assert.is(heard.length, 1);
  assert.is(heard[0]!.length, 49);
  stranger.close();
  await closeAll(gateway);
});

test('HELLOs over the rate get no answer', async () => {
  const clock = new TestClock();
  const gateway = await listenUdp({ limits: { helloRate: 1, helloBurst: 5 }, clock });
  const stranger = await bound(), heard = heardBy(stranger), port = portOf(gateway.address);
  for (let i = 0; i < 50; i++) await new Promise((resolve) => stranger.send(hello(), port, '127.0.0.1', resolve));
  await until('all have come', () => gateway.counters().bytesIn === 50 * 49);
  await until('the answers', () => heard.length === 5);
  assert.is(gateway.counters().overRate, 45);
  stranger.close();
  await closeAll(gateway);
});

test('a PROOF that comes again opens no second session, and what answers it goes to the address of the first', async () => {
  const each = await world();
  const { gateway, relay, device } = each;
  const proof = relay.toGateway.find((datagram) => datagram[0] === 0x83)!;
  const stranger = await bound(), heard = heardBy(stranger);
  for (let i = 0; i < 5; i++) await new Promise((resolve) => stranger.send(proof, portOf(gateway.address), '127.0.0.1', resolve));
  relay.inject(proof);
  await device.send('still here').acknowledged;
  await turns(10);
  assert.is(gateway.counters().sessions, 1);
  assert.is(gateway.counters().open, 1);
  assert.equal(heard, []);
  stranger.close();
  await closeWorld(each);
});

test('NAT: the device has another port; its session moves there, and nothing is lost or taken twice', async () => {
  const each = await world();
  const { gateway, relay, device, taken } = each;
  await device.send('before').acknowledged;
  const { session } = gateway.device('pump-7')!;
  for (let i = 0; i < 5; i++) {
    await relay.rebind();
    const sending = device.send(`moved ${i}`);
    await until('it moves', () => gateway.device('pump-7')!.address === `127.0.0.1:${relay.outsidePort}`);
    await sending.acknowledged;
    await gateway.send('pump-7', `down ${i}`).acknowledged;
  }
  assert.equal(taken, ['before', ...[0, 1, 2, 3, 4].map((i) => `moved ${i}`)]);
  assert.is(gateway.device('pump-7')!.session, session, 'the same session');
  await closeWorld(each);
});

test('what a stranger captured moves no session: old frames are nothing, a new one sent on costs one PING', async () => {
  const each = await world();
  const { gateway, relay, device, taken } = each;
  await device.send('one').acknowledged;
  const stranger = await bound(), heard = heardBy(stranger), port = portOf(gateway.address);
  const home = gateway.device('pump-7')!.address;
  const old = relay.toGateway.filter((datagram) => datagram[0]! > 0x83);
  assert.ok(old.length > 0);
  for (const datagram of old) await new Promise((resolve) => stranger.send(datagram, port, '127.0.0.1', resolve));
  // The stranger takes the newest frame off the wire and sends it on from where he is.
  let stolen: Buffer | undefined;
  relay.up = (datagram) => {
    if (stolen !== undefined || (datagram[0]! & 0x1f) !== 8) return [datagram];
    stolen = datagram;
    return [];
  };
  const sending = device.send('two');
  await until('it is stolen', () => stolen !== undefined);
  stranger.send(stolen!, port, '127.0.0.1');
  await until('it is authentic, and taken', () => taken.length === 2);
  await sending.acknowledged;
  await until('one PING', () => heard.length > 0);
  assert.is(heard.length, 1);
  assert.is(heard[0]![0], 0x8a);
  assert.ok(heard[0]!.length <= 34);
  assert.is(gateway.device('pump-7')!.address, home);
  // To send the PING on to the device is no help: the device's socket takes its gateway's datagrams alone.
  for (let i = 0; i < 5; i++) await device.send(`and ${i}`).acknowledged;
  assert.is(gateway.device('pump-7')!.address, home);
  assert.is(heard.length, 1, 'what is for the device does not go to the stranger');
  stranger.close();
  await closeWorld(each);
});

test('keys that are looked up elsewhere: many HELLOs at once each get their own answer', async () => {
  const waiting: (() => void)[] = [];
  const gateway = await listenUdp({
    limits: FREELY,
    lookup: async () => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return KEY;
    },
  });
  const devices = [1, 2, 3, 4, 5, 6].map((n) => makeDevice(gateway, { id: `pump-${n}` }));
  const sent = devices.map((device) => device.send(device.id).acknowledged);
  let over = false;
  void Promise.all(sent).then(() => (over = true));
  await until('all are acknowledged', () => {
    // The last first, so that no answer goes to the next one's address by luck.
    waiting.pop()?.();
    return over;
  });
  assert.is(gateway.counters().online, 6);
  await closeAll(...devices, gateway);
});

test('a path of 1,300 bytes is found, then one of 1,200: messages arrive whatever it carries', async () => {
  const clock = new TestClock();
  let most = 1_300;
  const each = await world({ clock });
  const { gateway, relay, device, taken } = each;
  relay.up = relay.down = (datagram) => (datagram.length <= most ? [datagram] : []);
  const longest = (datagrams: Buffer[]) => datagrams.reduce((sum, { length }) => Math.max(sum, length <= most ? length : 0), 0);
  // Probes of both sides: three of each size, a second apart.
  for (let s = 0; s < 40; s++) {
    await clock.advance(1_000);
    await turns(5);
  }
  relay.toGateway = [];
  relay.toDevice = [];
  const body = 'x'.repeat(10_000);
  await device.send(body).acknowledged;
  await gateway.send('pump-7', body).acknowledged;
  for (const datagrams of [relay.toGateway, relay.toDevice]) {
    assert.ok(longest(datagrams) > 1_250 && longest(datagrams) <= 1_300, `${longest(datagrams)}`);
  }
  most = 1_200;
  const sending = device.send(body), down = gateway.send('pump-7', body);
  let over = 0;
  void sending.acknowledged.then(() => over++);
  void down.acknowledged.then(() => over++);
  await advanceUntil(clock, 'both arrive', () => over === 2);
  assert.equal(taken, [body, body]);
  await closeWorld(each);
});

test('a port that is taken, and one that is closed and opened again', async () => {
  const gateway = await listenUdp();
  assert.match(gateway.address, /^tidelock\+udp:\/\/127\.0\.0\.1:\d+$/);
  try {
    await listenUdp({ listen: gateway.address });
    assert.unreachable();
  } catch (error) {
    assert.is((error as { code: string }).code, 'PORT_IN_USE');
  }
  await gateway.close();
  await closeAll(await listenUdp({ listen: gateway.address }));
});

test('TCP and UDP on one port: one identity, the later session takes over', async () => {
  const gateway = await listen({ listen: 'tidelock://127.0.0.1:0' });
  const port = portOf(gateway.address);
  await gateway.close();
  const both = await listen({ listen: [`tidelock://127.0.0.1:${port}`, `tidelock+udp://127.0.0.1:${port}`] });
  const tcp = makeDevice(`tidelock://127.0.0.1:${port}`);
  await tcp.online();
  await until('over TCP', () => both.device('pump-7')?.link === 'tcp');
  const udp = makeDevice(`tidelock+udp://127.0.0.1:${port}`);
  await udp.online();
  await until('over UDP', () => both.device('pump-7')?.link === 'udp');
  assert.is(both.counters().takeovers, 1);
  await closeAll(tcp, udp, both);
});

test.run();
