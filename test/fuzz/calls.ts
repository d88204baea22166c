// Sequences of calls in any order and with any arguments that the ABI allows a host, on a device and a gateway that talk
// to each other: nothing may trap, every result must be a status, and all that a machine says must fit its buffers.

import fc from 'fast-check';
import { strict as assert } from 'node:assert';
import { EngineDevice, testEntropy } from '../core/engine/device.js';
import { type Told, abi } from '../core/engine/engine.js';
import { ADDRESS, EngineGateway } from '../core/engine/gateway.js';
import { helloFrame, writeHello } from '../reference/handshake.js';
import { writeDeliver, writeRoute } from '../reference/topics.js';

const KEY = new Uint8Array(32).fill(0x33);
const SLOTS = 4;
const budgets = [0, 20, 60, 90, 200, 1_200, 65_535];

interface Call {
  name: string;
  n: number;
  m: number;
}

const deviceCalls = ['start', 'connected', 'lost', 'queue', 'send', 'publish', 'answer', 'renumber', 'stop', 'clock_lost', 'poll', 'init', 'probe', 'budget'];
const gatewayCalls = ['gw_open', 'gw_key', 'gw_accept', 'gw_again', 'gw_send', 'gw_queue', 'gw_answer', 'gw_close', 'gw_due', 'gw_free', 'gw_clock', 'gw_slots', 'gw_rx', 'gw_probe', 'gw_budget', 'deliver', 'tick', 'hello'];
/** What hosts do all the time, so that a session stands most of the time. */
const usual = ['up', 'up', 'up', 'up', 'down', 'down', 'down', 'down', 'go', 'go', 'go', 'time', 'obey', 'obey'];
const unusual = ['noise', 'lose', 'flood', 'unread', 'full', 'late', 'elsewhere', 'parts', 'record', 'epoch'];

const call = fc.record<Call>({
  name: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...usual) },
    { weight: 3, arbitrary: fc.constantFrom(...deviceCalls) },
    { weight: 3, arbitrary: fc.constantFrom(...gatewayCalls) },
    { weight: 1, arbitrary: fc.constantFrom(...unusual) },
  ),
  n: fc.nat(255),
  m: fc.nat(255),
});

interface Host {
  link: number;
  device: EngineDevice;
  gateway: EngineGateway;
  fresh: { device: Uint8Array; gateway: Uint8Array };
}

/** A host of each kind, made once and put back before each run. */
const hosts: Host[] = [
  { link: 0, build: 'core-device' },
  { link: abi.LINK_DATAGRAM, build: 'core-device' },
  { link: 0, build: 'core-gateway' },
  { link: abi.LINK_DATAGRAM, build: 'core-gateway' },
].map(({ link, build }) => {
  const device = new EngineDevice({ build, key: KEY, link, suites: 7, entropy: () => testEntropy(), now: 1_000, outLow: 1, outNext: 3 });
  const gateway = new EngineGateway({ build: link ? 'core-gateway-nosimd' : 'core-gateway', slots: SLOTS, now: 1_000, life: 3_600, secret: testEntropy() });
  return { link, device, gateway, fresh: { device: device.snapshot(), gateway: gateway.snapshot() } };
});

class Run {
  private up: Uint8Array[] = [];
  private down: Uint8Array[] = [];
  private now = 1_000;
  private slot = -1;
  /** What the device, and the gateway, was asked for and told last: plausible arguments. */
  private asked = { device: 1, gateway: 1 };
  private told = { device: 1, gateway: 1 };
  private known = true;
  private liveEpoch = 0n;
  private path = 0;

  constructor(private readonly host: Host) {
    const { device, gateway, fresh } = host;
    device.restore(fresh.device);
    gateway.restore(fresh.gateway);
    this.time(0);
  }

  private time(ms: number): void {
    this.now += ms;
    this.host.device.now = this.host.gateway.now = this.now;
  }

  private fromDevice({ events, output }: Told): void {
    this.up.push(...output);
    for (const { kind, d } of events) {
      if (kind === abi.EV_SEND) this.asked.device = d;
      if (kind === abi.EV_MESSAGE && d) this.told.device = d;
      if (kind === abi.EV_DISCONNECT) this.down = [];
    }
    this.bounded();
  }

  private fromGateway({ events, output }: Told): void {
    this.down.push(...output);
    for (const { kind, d } of events) {
      if (kind === abi.EV_SEND) this.asked.gateway = d;
      if (kind === abi.EV_MESSAGE && d) this.told.gateway = d;
    }
    this.bounded();
  }

  private bounded(): void {
    if (this.up.length > 200) this.up.length = 200;
    if (this.down.length > 200) this.down.length = 200;
  }

  /** Does what the state of each side asks for, as a host would. */
  private go(n: number): void {
    const { device, gateway, link } = this.host;
    if (device.state === abi.STATE_FREE) this.fromDevice(device.start());
    else if (device.state === abi.STATE_WAITING) {
      this.time(device.poll().wait % 400_000);
      this.fromDevice(device.poll());
    }
    if (device.state === abi.STATE_LINKING) {
      this.fromDevice(device.connected());
      if (!link || this.slot < 0 || gateway.state(this.slot) !== abi.STATE_FRESH) this.open();
    }
    if (this.slot < 0) this.open();
    if (gateway.state(this.slot) === abi.STATE_ENDED) {
      gateway.free(this.slot);
      this.open();
    }
    if (gateway.state(this.slot) === abi.STATE_KEY) this.fromGateway(this.key(this.slot, n % 16 !== 0));
    if (gateway.state(this.slot) === abi.STATE_PROVED) this.fromGateway(this.accept(this.slot, this.known && n % 5 !== 0));
  }

  private open(): void {
    const slot = this.host.gateway.open(this.host.link);
    if (slot >= 0) this.slot = slot;
    else for (let each = 0; each < SLOTS; each++) this.host.gateway.free(each);
  }

  private key(slot: number, known: boolean): Told {
    const { gateway } = this.host;
    if (known) gateway.write(gateway.g + abi.G_KEY, KEY);
    gateway.view.setBigUint64(gateway.g + abi.G_LAST_EPOCH, 0n, true);
    gateway.write(gateway.g + abi.G_RANDOM, testEntropy(24));
    gateway.write(gateway.g + abi.G_ADDRESS, ADDRESS);
    gateway.call('gw_key', slot, known ? 1 : 0, this.now);
    return gateway.take(slot);
  }

  private accept(slot: number, known: boolean): Told {
    const { gateway } = this.host;
    // A queue that the device knows, and one whose beginning it has never seen.
    (known ? [0, 77, 1, 0, 4] : [0, 78, 3, 4, 6]).forEach((value, i) => gateway.setU32(gateway.g + abi.G_ACCEPT + 4 * i, value));
    gateway.view.setBigUint64(gateway.g + abi.G_LAST_EPOCH, this.liveEpoch, true);
    gateway.call('gw_accept', slot, this.now);
    return gateway.take(slot);
  }

  /** Bytes of the device's at the gateway, without answering what they ask. */
  private toGateway(slot: number, bytes: Uint8Array): Told {
    const { gateway } = this.host;
    gateway.write(gateway.u32(gateway.g + abi.G_IN), bytes);
    gateway.write(gateway.g + abi.G_ADDRESS, ADDRESS);
    gateway.setU32(gateway.g + abi.G_PATH, this.path);
    const told: Told = { events: [], output: [] };
    for (let from = 0, i = 0; i < 50; i++) {
      const to = gateway.call('gw_rx', slot, from, bytes.length, this.now);
      const part = gateway.take(slot);
      told.events.push(...part.events);
      told.output.push(...part.output);
      for (const { kind, d } of part.events) if (kind === abi.EV_PATH) told.output.push(...gateway.probe(slot, d).output);
      if (to <= from || to === bytes.length) break; // a partial frame is lost here: the link is then broken, and that is fine
      from = to;
    }
    return told;
  }

  /** Acts on what the last events asked for. */
  private obey(n: number): void {
    const { device, gateway } = this.host;
    if (n & 1) this.fromDevice(device.send(new Uint8Array(n), this.asked.device++, n * 5));
    if (n & 2) this.fromGateway(gateway.send(this.slot, [{ id: this.asked.gateway++, body: new Uint8Array(n & 7), age: n }]));
    if (n & 4) this.fromDevice(device.answer(this.told.device, n & 64 ? abi.ACK_BUSY : abi.ACK_OK));
    if (n & 8) this.fromGateway(gateway.answer(this.slot, this.told.gateway, n & 128 ? abi.ACK_REFUSED : abi.ACK_OK));
  }

  /** Connects that fail, again and again, and nobody reads of it. */
  private unread(): void {
    const { device } = this.host;
    if (!device.exports['gw_open']) return;
    for (let i = 0; i < 1_100; i++) {
      this.time(130_000);
      if (device.state === abi.STATE_FREE) device.connected();
      else if (device.state === abi.STATE_WAITING) device.call('poll', this.now);
      else device.call('down', abi.DOWN_LINK, this.now);
    }
    for (const name of ['rx', 'down']) device.call(name, 1, this.now);
    device.call('connected', this.now);
    this.fromDevice(device.take());
  }

  /** Where a datagram belongs: a handshake frame to a slot that waits for one, anything else to the session. */
  private slotOf(bytes: Uint8Array): number {
    const { gateway, link } = this.host;
    if (!link || bytes[0] === undefined || bytes[0] > 0x83) return Math.max(0, this.slot);
    for (let slot = 0; slot < SLOTS; slot++) if (gateway.state(slot) === abi.STATE_FRESH) return slot;
    const slot = gateway.open(link);
    return slot < 0 ? Math.max(0, this.slot) : slot;
  }

  /** What became of a handshake frame on a slot of its own: the session is there from now on. */
  private handshake(slot: number, told: Told): void {
    this.fromGateway(told);
    for (const { kind, d } of told.events) {
      if (kind === abi.EV_REPEAT) {
        this.host.gateway.call('gw_again', d, this.now);
        this.fromGateway(this.host.gateway.take(slot));
      }
      if (kind === abi.EV_PROVED || kind === abi.EV_HELLO) this.slot = slot;
    }
  }

  /** A HELLO of any kind, to a new link. */
  private hello(n: number, m: number): void {
    const { gateway, link } = this.host;
    const h = writeHello({
      version: n % 8 === 0 ? 2 : 1, link: n % 8 === 1 ? m & 7 : link, suites: n % 8 === 2 ? m & 0xf8 : 7, nonce: testEntropy(16), outbox: n,
      largest: 512, keyId: m, identity: n % 8 === 3 ? testEntropy(m % 70) : Uint8Array.of(0x61, 0x62),
    });
    const frame = helloFrame(link ? 'datagram' : 'stream', h);
    const slot = gateway.open(link);
    if (slot < 0) return;
    this.fromGateway(this.toGateway(slot, n % 8 === 4 ? frame.slice(0, m % frame.length) : frame));
    gateway.free(slot);
  }

  step({ name, n, m }: Call): void {
    const { device, gateway, link } = this.host;
    const slot = n % 7 === 0 ? m : Math.max(0, this.slot);
    const status = [abi.ACK_OK, abi.ACK_OK, abi.ACK_REFUSED, abi.ACK_TOO_LONG, abi.ACK_NO_TARGET, abi.ACK_BUSY, m][n % 7]!;
    switch (name) {
      case 'up': {
        const bytes = this.up.shift();
        if (bytes) {
          const at = this.slotOf(bytes);
          this.handshake(at, this.toGateway(at, bytes));
        }
        if (n % 8 === 0 && bytes && link) this.up.unshift(bytes); // a datagram comes twice
        break;
      }
      case 'down': {
        const bytes = this.down.shift();
        if (bytes) this.fromDevice(device.receive(n % 16 === 0 ? bytes.map((byte, i) => (i === m % bytes.length ? byte ^ 1 : byte)) : bytes));
        break;
      }
      case 'go': this.go(n); break;
      case 'obey': this.obey(n); break;
      case 'time': this.time([0, 1, 20, 300, 1_000, 2_500, 11_000, 40_000, 100_000, 4_000_000][n % 10]!); this.fromDevice(device.poll()); break;
      case 'noise': this.fromDevice(device.receive(testEntropy(n))); if (this.slot >= 0) this.fromGateway(this.toGateway(this.slot, testEntropy(m))); break;
      case 'lose': if (n & 1) this.up.shift(); else this.down.shift(); break;
      // A flood of frames in one read: more events than a small list holds.
      case 'flood': for (let i = 0; i < 30; i++) this.fromGateway(gateway.send(slot, [{ id: 0, body: new Uint8Array(m & 3) }])); this.fromDevice(device.receive(Uint8Array.from(link ? this.down.shift() ?? [] : this.down.splice(0).flatMap((each) => [...each])))); break;
      // A host that does not read its events; the gateway's build says so, the small ones trap (docs/abi.md).
      case 'unread': this.unread(); break;
      // A host that does not take the output.
      case 'full': for (let i = 0; i < 40; i++) device.call('send', abi.DATA, m & 63, 0, 0, this.now); for (let i = 0; i < 40; i++) device.call('answer', m & 7, abi.ACK_OK, this.now); this.fromDevice(device.take()); break;
      case 'late': this.time(n * 20); if (this.up[0]) this.fromGateway(this.toGateway(Math.max(0, this.slot), this.up.shift()!)); break;
      case 'record': this.known = n % 4 !== 0; break;
      case 'epoch': this.liveEpoch = n & 1 ? 2n ** 60n : 0n; break;
      case 'start': this.fromDevice(device.start()); break;
      case 'connected': if (n % 4 === 0) { device.call('connected', this.now); this.fromDevice(device.take()); } else this.fromDevice(device.connected()); break;
      case 'lost': if (n % 4 === 0) this.fromDevice(device.lost()); break;
      case 'queue': this.fromDevice(device.queue(this.asked.device + (n & 15))); break;
      case 'send': this.fromDevice(device.send(new Uint8Array(n * (m & 7)), m & 1 ? this.asked.device : n & 7, n * 1_000, n & 8 ? abi.SKIP : abi.DATA)); break;
      // A topic that may be, one that may not, and the type that goes the other way.
      case 'publish': this.fromDevice(device.send(writeRoute(n, m & 3 ? 'a/b' : 'a/#', new Uint8Array(n & 31)), m & 1 ? this.asked.device : 0, n, m & 8 ? abi.DELIVER : abi.ROUTE)); break;
      case 'deliver': this.fromGateway(gateway.send(slot, [{ id: m & 1 ? this.asked.gateway : 0, body: writeDeliver(m & 3 ? 'a/b' : 'a/#', n, new Uint8Array(n & 31)), type: m & 8 ? abi.ROUTE : abi.DELIVER }])); break;
      case 'answer': this.fromDevice(device.answer(m & 3 ? this.told.device : n, status)); break;
      case 'renumber': if (n % 4 === 0) this.fromDevice(device.renumber(n, 1 + (m & 7))); break;
      case 'stop': if (n % 8 === 0) this.fromDevice(device.stop()); break;
      case 'clock_lost': this.fromDevice(device.clockLost()); break;
      case 'poll': this.fromDevice(device.poll()); break;
      case 'init': if (n % 8 === 0) { device.call('init', this.now); this.fromDevice(device.take()); } break;
      case 'gw_open': this.open(); break;
      case 'gw_key': this.fromGateway(this.key(slot, n % 2 === 0)); if (n % 16 === 0) gateway.call('gw_key', slot, 2, this.now); break;
      case 'gw_accept': this.fromGateway(this.accept(slot, this.known)); break;
      case 'gw_again': gateway.call('gw_again', slot, this.now); this.fromGateway(gateway.take(slot)); break;
      case 'gw_send': this.fromGateway(gateway.send(slot, Array.from({ length: 1 + (n & 3) }, (_, i) => ({ id: m & 1 ? this.asked.gateway + i : 0, body: new Uint8Array(n * (m & 15)) })))); break;
      case 'gw_queue': this.fromGateway(gateway.queue(slot, this.asked.gateway + (n & 15))); break;
      case 'gw_answer': this.fromGateway(gateway.answer(slot, m & 3 ? this.told.gateway : n, status)); break;
      case 'gw_close': if (n % 4 === 0) this.fromGateway(gateway.close(slot, m, n)); break;
      case 'gw_due': gateway.call('gw_due', slot, this.now); this.fromGateway(gateway.take(slot)); break;
      case 'gw_free': if (n % 8 === 0) gateway.free(slot); break;
      case 'gw_clock': gateway.call('gw_clock', this.now); break;
      case 'gw_slots': gateway.call('gw_slots', n & 1 ? m : SLOTS); break;
      case 'probe': if (device.exports['probe']) device.call('probe', n * 6, this.now); this.fromDevice(device.take()); break;
      case 'budget': device.view.setUint16(device.slot + abi.S_BUDGET, budgets[n % budgets.length]!, true); break;
      case 'gw_probe': gateway.call('gw_probe', slot, n & 1 ? n * 6 : (abi.PROBE_PATH | m) >>> 0, n * 6, this.now); this.fromGateway(gateway.take(slot)); break;
      case 'gw_budget': gateway.setBudget(Math.min(slot, SLOTS - 1), budgets[n % budgets.length]!); break;
      // From another address: the gateway asks there, and the device's answer comes from there or not.
      case 'elsewhere': this.path = n % 4 ? (abi.PROBE_PATH | m) >>> 0 : 0; break;
      // Messages that one datagram does not carry, and the time in which their parts are forgotten.
      case 'parts':
        gateway.setBudget(Math.max(0, Math.min(this.slot, SLOTS - 1)), 90);
        this.fromGateway(gateway.send(Math.max(0, this.slot), [{ id: this.asked.gateway, body: new Uint8Array(100 + n) }]));
        device.view.setUint16(device.slot + abi.S_BUDGET, 90, true);
        this.fromDevice(device.send(new Uint8Array(100 + n), this.asked.device));
        if (m & 1) this.up.pop();
        if (m & 2) this.down.pop();
        if (m & 4) {
          this.time(30_000);
          while (this.up[0]) this.fromGateway(this.toGateway(Math.max(0, this.slot), this.up.shift()!));
          while (this.down[0]) this.fromDevice(device.receive(this.down.shift()!));
          this.time(60_000);
          for (const [, told] of gateway.tick()) this.fromGateway(told);
          this.fromDevice(device.poll());
        }
        break;
      case 'hello': this.hello(n, m); break;
      case 'gw_rx': gateway.call('gw_rx', slot, n, m, this.now); this.fromGateway(gateway.take(slot)); break;
      case 'tick': for (const [, told] of gateway.tick()) this.fromGateway(told); break;
    }
    this.intact();
  }

  /** What must hold of memory after every call. */
  private intact(): void {
    const { device } = this.host;
    const states = [abi.STATE_FREE, abi.STATE_WAITING, abi.STATE_LINKING, abi.STATE_HELLO, abi.STATE_PROVED, abi.STATE_ONLINE];
    assert.ok(states.includes(device.state), `device in state ${device.state}`);
    const low = device.u32(device.slot + abi.S_LOW), sent = device.u32(device.slot + abi.S_SENT);
    assert.ok(low >= 1 && sent + 1 >= low && sent < low + 64 + 3, `outbox: lowest ${low}, sent ${sent}`);
  }
}

export const calls = {
  arbitrary: fc.record({ host: fc.integer({ min: 0, max: hosts.length - 1 }), begun: fc.boolean(), calls: fc.array(call, { minLength: 1, maxLength: 120, size: 'max' }) }),
  run(value: { host: number; begun: boolean; calls: Call[] }): number {
    const run = new Run(hosts[value.host]!);
    // Most runs begin with a session that stands, or nearly.
    const begun = value.begun ? ['go', 'up', 'go', 'down', 'up', 'go', 'up', 'go', 'down'] : [];
    const n = value.calls[0]!.n | 1; // odd: nothing is repeated or spoiled on the way
    for (const name of begun) run.step({ name, n, m: 0 });
    for (const each of value.calls) run.step(each);
    return 1;
  },
};
