/** Serial lines: in memory, with everything that noise does; then gateway and device over pseudo-terminals. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { Device, type DeviceState } from 'tidelock/device';
import { Gateway } from 'tidelock/gateway';
import * as assert from 'uvu/assert';
import { test as uvuTest } from 'uvu';
import { parseAddress, formatAddress } from '../../dist/host/transport/address.js';
import { openSerial, SerialLine } from '../../dist/host/transport/serial.js';
import { KEY, test, TestClock, turns, until } from '../gateway/support.js';
import { found, skipMissing } from '../support/skip.js';

const totals = () => ({ bytesIn: 0, bytesOut: 0, writes: 0 });

/** Two Duplexes, of which each reads what the other was written; `spoil` changes what passes. */
function cable(spoil: (chunk: Buffer) => Buffer = (chunk) => chunk): [Duplex, Duplex] {
  const ends: Duplex[] = [];
  for (const side of [0, 1]) {
    ends.push(new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        const other = ends[1 - side]!, out = spoil(Buffer.from(chunk));
        if (!other.destroyed && out.length > 0) other.push(out);
        done();
      },
    }));
  }
  return ends as [Duplex, Duplex];
}

test('any frames pass, in their order, one write for all of a flush', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 1, maxLength: 1_200 }), { minLength: 1, maxLength: 10 }), async (frames) => {
    const [a, b] = cable(), sum = totals(), got: Buffer[] = [];
    const line = new SerialLine(a, sum, () => undefined, () => undefined, () => undefined);
    new SerialLine(b, totals(), (frame) => void got.push(frame), () => undefined, () => undefined);
    line.send(frames.map((frame) => Buffer.from(frame)));
    await turns(3);
    assert.equal(got.map((frame) => frame.toString('hex')), frames.map((frame) => Buffer.from(frame).toString('hex')));
    assert.is(sum.writes, 1);
  }), { numRuns: 50 });
});

test('bytes lost, changed and put in: what comes out is bounded, and once the noise ends every frame is right', async () => {
  await fc.assert(fc.asyncProperty(fc.infiniteStream(fc.nat(99)), async (dice) => {
    let noisy = true;
    const roll = (): number => dice.next().value as number;
    const [a, b] = cable((chunk) => (noisy ? Buffer.from([...chunk].flatMap((byte) => (roll() === 0 ? [] : roll() === 0 ? [byte, roll()] : roll() === 0 ? [byte ^ (1 << (roll() & 7))] : [byte]))) : chunk));
    const got: string[] = [];
    const line = new SerialLine(a, totals(), () => undefined, () => undefined, () => undefined);
    new SerialLine(b, totals(), (frame) => {
      assert.ok(frame.length <= 16_409);
      got.push(frame.toString('hex'));
    }, () => undefined, () => undefined);
    const frame = (i: number): Buffer => Buffer.alloc(40, i);
    for (let i = 1; i <= 20; i++) line.send([frame(i)]);
    await turns(3);
    noisy = false;
    got.length = 0;
    for (let i = 100; i < 110; i++) line.send([frame(i)]);
    await turns(3);
    assert.equal(got.slice(-10), Array.from({ length: 10 }, (_, i) => frame(100 + i).toString('hex')));
    assert.ok(got.length <= 11, 'what noise left on the line may have been one frame more');
  }), { numRuns: 60 });
});

test('a line that nobody reads takes a bounded number of bytes, then frames are dropped and counted', () => {
  const stuck = new Duplex({ read: () => undefined, write: () => undefined });
  const line = new SerialLine(stuck, totals(), () => undefined, () => undefined, () => undefined);
  for (let i = 0; i < 1_000; i++) line.send([Buffer.alloc(1_000, 1)]);
  assert.ok(stuck.writableLength < 70_000, `${stuck.writableLength}`);
  assert.ok(line.dropped > 900 && !line.hasRoom);
  line.destroy();
});

test('the end of the Duplex is told once, whichever way it comes', async () => {
  for (const way of [(duplex: Duplex) => duplex.destroy(), (duplex: Duplex) => duplex.destroy(new Error('unplugged')), (duplex: Duplex) => void duplex.push(null)]) {
    const [a] = cable(), ends: (Error | undefined)[] = [];
    const line = new SerialLine(a, totals(), () => undefined, () => undefined, (error) => void ends.push(error));
    way(a);
    await turns(3);
    assert.is(ends.length, 1);
    line.send([Buffer.of(1)]);
    assert.is(line.dropped, 1);
  }
});

test('addresses: path and speed, on every system; what is wrong is named', () => {
  for (const [text, host, port] of [
    ['serial:/dev/ttyUSB0', '/dev/ttyUSB0', 115_200], ['serial:/dev/ttyUSB0?baud=9600', '/dev/ttyUSB0', 9_600], ['serial:COM3?baud=57600', 'COM3', 57_600],
    ['serial:/dev/serial/by-id/usb-Silicon_Labs-if00', '/dev/serial/by-id/usb-Silicon_Labs-if00', 115_200],
  ] as const) {
    assert.equal(parseAddress(text), { kind: 'serial', host, port });
    assert.equal(parseAddress(formatAddress(parseAddress(text))), { kind: 'serial', host, port });
  }
  for (const [text, problem] of [
    ['serial:', /no path/], ['serial://dev/ttyUSB0', /two slashes/], ['serial:/dev/x?baud=fast', /baud rate/], ['serial:/dev/x?baud=0', /baud rate/],
    ['serial:/dev/x?speed=9600', /something else/], ['serial:/dev/x?baud=1#y', /something else/],
  ] as const) {
    assert.throws(() => parseAddress(text), problem);
  }
});

/** Two pseudo-terminals with the test between them, which may change what passes. */
class Terminals {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-serial-'));
  spoil: (chunk: Buffer) => Buffer = (chunk) => chunk;
  readonly #server: Server;
  readonly #children = new Map<string, ChildProcess>();
  readonly #sockets = new Map<string, Socket>();

  constructor() {
    this.#server = createServer();
  }

  path(end: string): string {
    return path.join(this.folder, end);
  }

  url(end: string): string {
    return `serial:${this.path(end)}?baud=115200`;
  }

  /** A terminal at `end`; what is written there comes out at the other one. */
  async plug(end: 'gateway' | 'device'): Promise<void> {
    const other = end === 'gateway' ? 'device' : 'gateway', at = this.path(`${end}.sock`);
    rmSync(at, { force: true });
    const server = createServer((socket) => {
      this.#sockets.set(end, socket);
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => {
        const out = this.spoil(chunk);
        if (out.length > 0) this.#sockets.get(other)?.write(out);
      });
      server.close();
    });
    await new Promise<void>((resolve) => server.listen(at, resolve));
    const child = spawn('socat', [`PTY,raw,echo=0,link=${this.path(end)}`, `UNIX-CONNECT:${at}`], { stdio: 'ignore' });
    this.#children.set(end, child);
    await until(`terminal ${end}`, () => existsSync(this.path(end)) && this.#sockets.has(end));
  }

  async unplug(end: string): Promise<void> {
    const child = this.#children.get(end)!;
    child.kill('SIGKILL');
    this.#sockets.get(end)?.destroy();
    this.#sockets.delete(end);
    rmSync(this.path(end), { force: true });
    await turns(2);
  }

  clean(): void {
    for (const child of this.#children.values()) child.kill('SIGKILL');
    for (const socket of this.#sockets.values()) socket.destroy();
    this.#server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

interface World {
  terminals: Terminals;
  gateway: Gateway;
  device: Device;
  clock: TestClock;
  states: DeviceState[];
  texts: string[];
}

async function withTerminals(run: (world: World) => Promise<void>): Promise<void> {
  const terminals = new Terminals();
  try {
    await terminals.plug('gateway');
    await terminals.plug('device');
    const clock = new TestClock();
    const gateway = await Gateway.listen({ devices: { 'pump-7': KEY }, listen: terminals.url('gateway'), clock });
    const texts: string[] = [];
    gateway.on('message', (message) => void texts.push(message.text())).on('error', () => undefined);
    const device = new Device({ url: terminals.url('device'), id: 'pump-7', key: Buffer.from(KEY), clock });
    const states: DeviceState[] = [];
    device.on('state', (state) => void states.push(state)).on('error', () => undefined);
    try {
      await run({ terminals, gateway, device, clock, states, texts });
    } finally {
      await Promise.all([device.close({ drain: 0 }), gateway.close({ drain: 0 })]);
    }
  } finally {
    terminals.clean();
  }
}

/** Moves the time on until something has come, a little at a time, so that no handshake takes too long. */
async function advance(clock: TestClock, what: string, condition: () => boolean): Promise<void> {
  const started = Date.now();
  while (!condition()) {
    if (Date.now() - started > 60_000) throw new Error(`never came: ${what}`);
    await clock.advance(50);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const overTerminals = !found('socat', '-V') ? skipMissing(uvuTest, 'socat') : test;

overTerminals('a session over a line, both ways, with no address of IP', () =>
  withTerminals(async ({ gateway, device, terminals, texts, clock }) => {
    let done = false;
    device.send('21.5 °C').acknowledged.then(() => (done = true), () => undefined);
    await advance(clock, 'acknowledged', () => done);
    assert.equal(texts, ['21.5 °C']);
    const connected = gateway.device('pump-7')!;
    assert.equal([connected.link, connected.address], ['serial', terminals.path('gateway')]);
    const got: string[] = [];
    device.on('message', (message) => void got.push(message.text()));
    let delivered = false;
    gateway.send('pump-7', 'valve open').acknowledged.then(() => (delivered = true), () => undefined);
    await advance(clock, 'delivered', () => delivered);
    assert.equal(got, ['valve open']);
    assert.equal(gateway.addresses, [terminals.url('gateway')]);
  }));

overTerminals('a noisy line: of 60 messages each arrives once and in order', () =>
  withTerminals(async ({ device, terminals, texts, clock }) => {
    let bytes = 0;
    // Each 400th byte is lost, each 700th changed: about every fifth frame.
    terminals.spoil = (chunk) => Buffer.from([...chunk].flatMap((byte) => ((bytes += 1) % 400 === 0 ? [] : [bytes % 700 === 0 ? byte ^ 0x10 : byte])));
    const wanted = Array.from({ length: 60 }, (_, i) => `message ${i}`);
    let acknowledged = 0;
    for (const text of wanted) device.send(text, { lifetime: 3_600_000 }).acknowledged.then(() => (acknowledged += 1), () => undefined);
    await advance(clock, 'all acknowledged', () => acknowledged === wanted.length);
    assert.equal(texts, wanted);
  }));

overTerminals('the gateway\'s port goes away and comes back: it is opened again, and messages go on', () =>
  withTerminals(async ({ device, terminals, texts, clock }) => {
    let acknowledged = 0;
    const send = (text: string): void => void device.send(text, { lifetime: 3_600_000 }).acknowledged.then(() => (acknowledged += 1), () => undefined);
    send('before');
    await advance(clock, 'the first', () => acknowledged === 1);
    await terminals.unplug('gateway');
    send('between');
    for (let i = 0; i < 40; i++) await clock.advance(50);
    assert.is(acknowledged, 1);
    await terminals.plug('gateway');
    await advance(clock, 'the second', () => acknowledged === 2);
    assert.equal(texts, ['before', 'between']);
  }));

overTerminals('a port that was closed can be opened again: nothing keeps it locked', async () => {
  const terminals = new Terminals();
  try {
    await terminals.plug('gateway');
    const address = parseAddress(terminals.url('gateway'));
    for (let i = 0; i < 3; i++) {
      const port = await openSerial(address);
      const busy = await openSerial(address).then((second) => void second.destroy(), (error: unknown) => (error as { code: string }).code);
      assert.is(busy, 'SERIAL_FAILED', 'one program at a time');
      const closed = new Promise((resolve) => port.once('close', resolve));
      port.destroy();
      await closed;
    }
  } finally {
    terminals.clean();
  }
});

overTerminals('a port that is not there: named, at the gateway and at the device', async () => {
  const missing = path.join(os.tmpdir(), 'tidelock-no-such-port');
  const refused = await Gateway.listen({ devices: {}, listen: `serial:${missing}` }).then(() => undefined, (error: unknown) => error as { code: string; message: string });
  assert.is(refused?.code, 'SERIAL_FAILED');
  assert.match(refused!.message, /No such file|not found|cannot open/i);
  const device = new Device({ url: `serial:${missing}`, id: 'pump-7', key: Buffer.from(KEY) });
  const states: DeviceState[] = [];
  device.on('state', (state) => void states.push(state));
  await until('told', () => states.some(({ name }) => name === 'waiting'));
  assert.match(states.find(({ name }) => name === 'waiting')!.reason, /serial port/);
  await device.close();
});

uvuTest.run();
