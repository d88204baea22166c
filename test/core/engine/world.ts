// A device and a gateway in memory, with their hosts, their clock and the links between them: what a test holds in its hand.
// The hosts do what docs/abi.md asks of hosts and nothing more, so that what comes out is the engine's doing.

import { type EngineDevice, testEntropy } from './device.js';
import { type Told, abi } from './engine.js';
import { EngineGateway, type Receipts } from './gateway.js';
import { Inbox, KEY, Outbox, type WorldOptions, deviceOf } from './hosts.js';

interface Packet {
  bytes: Uint8Array;
  /** Streams: the connection it belongs to. */
  connection: number;
}

let outboxes = 0x1000;

export class World {
  now = 50_000;
  readonly datagrams: boolean;
  gateway: EngineGateway;
  device: EngineDevice;
  up: Packet[] = [];
  down: Packet[] = [];
  deviceOut = new Outbox(++outboxes);
  gatewayOut = new Outbox(++outboxes);
  deviceIn = new Inbox();
  gatewayIn = new Inbox();
  /** Every event, newest last, with the side that told it. */
  log: { side: 'device' | 'gateway'; kind: number; a: number; b: number; d: number }[] = [];
  /** What each side hands to the link. */
  onOutput: (side: 'device' | 'gateway', bytes: Uint8Array) => void = () => {};
  linked = false;
  connection = 0;
  /** Where connecting fails. */
  unreachable = false;
  private slots = new Map<number, number>(); // connection → slot
  private listener = -1;
  private bySession = new Map<number, number>();
  /** The identity's live session: slot and epoch. */
  private live: { slot: number; epoch: bigint } | undefined;
  private newestEpoch = 0n;
  private readonly options: WorldOptions;

  constructor(options: WorldOptions = {}) {
    this.options = options;
    this.datagrams = options.link === 'datagram';
    this.gateway = this.newGateway();
    this.device = this.newDevice();
    this.gatewayOut.lead();
  }

  private get link(): number {
    return this.datagrams ? abi.LINK_DATAGRAM : 0;
  }

  private newGateway(): EngineGateway {
    const gateway = new EngineGateway({
      build: this.options.gatewayBuild,
      unix: 1_750_000_000_000n + BigInt(this.now),
      now: this.now,
      idle: this.options.idle ?? 90,
      key: () => KEY,
      lastEpoch: () => this.newestEpoch,
      accept: (slot, session, outbox) => this.acceptance(slot, session, outbox),
      secret: testEntropy(),
    });
    this.slots.clear();
    this.bySession.clear();
    this.live = undefined;
    if (this.datagrams) this.listener = gateway.open(this.link);
    return gateway;
  }

  private newDevice(): EngineDevice {
    return deviceOf(this.options, this.link, this.now, this.deviceOut, this.deviceIn);
  }

  /**
   * Towards a device, whose record may be lost with its RAM, id 1 is a SKIP and nothing goes behind it before its ACK: a
   * receiver without a record takes id 1, whatever it is.
   */
  private get gatewayNext(): number {
    return this.gatewayOut.low === 1 ? Math.min(2, this.gatewayOut.next) : this.gatewayOut.next;
  }

  private newGatewayOutbox(doubt: number): void {
    this.gatewayOut.renew(++outboxes, doubt);
    this.gatewayOut.lead();
  }

  private acceptance(slot: number, session: number, outbox: number): (Receipts & { liveEpoch?: bigint }) | false {
    const epoch = this.gateway.view.getBigUint64(this.gateway.slotAddress(slot) + abi.S_EPOCH);
    const liveEpoch = this.live?.epoch ?? 0n;
    if (epoch > liveEpoch) {
      const old = this.live?.slot;
      this.live = { slot, epoch };
      this.newestEpoch = epoch;
      if (old !== undefined) this.takenOver.push(old);
      this.bySession.set(session, slot);
    }
    if (this.gatewayIn.outbox !== outbox) Object.assign(this.gatewayIn, { outbox, last: 0 });
    this.gatewayIn.waiting = [];
    const { number, low } = this.gatewayOut;
    this.gatewayOut.sentBefore = this.gatewayOut.highestSent;
    return { inLast: this.gatewayIn.last, outOutbox: number, outLow: low, outSent: this.gatewayOut.sentBefore, outNext: this.gatewayNext, liveEpoch };
  }

  private takenOver: number[] = [];
  /** What had no room: on datagrams a PONG makes some. */
  private roomless: (() => void)[] = [];

  start(): void {
    this.fromDevice(this.device.start());
  }

  // ---- what the device's host does ----

  private fromDevice(told: Told): void {
    for (const bytes of told.output) {
      this.onOutput('device', bytes);
      if (this.linked || this.datagrams) this.up.push({ bytes, connection: this.connection });
    }
    for (const { kind, a, b, d, bytes } of told.events) {
      this.log.push({ side: 'device', kind, a, b, d });
      this.device.now = this.now;
      switch (kind) {
        case abi.EV_CONNECT:
          this.connect();
          break;
        case abi.EV_DISCONNECT:
          this.linked = false;
          break;
        case abi.EV_ONLINE:
          this.deviceIn.outbox = this.device.inOutbox;
          this.deviceIn.last = b ? 0 : this.deviceIn.last;
          break;
        case abi.EV_SEND:
          this.sendUpwards(d, a);
          break;
        case abi.EV_RESULT:
          this.deviceOut.result(d, a);
          break;
        case abi.EV_OUTBOX:
          this.deviceOut.renew(++outboxes, d);
          this.fromDevice(this.device.renumber(this.deviceOut.number, this.deviceOut.next));
          break;
        case abi.EV_MESSAGE:
          if (d === 0) break;
          this.reported(this.deviceIn, d, new TextDecoder().decode(bytes), (a & abi.TYPE_MASK) === abi.SKIP);
          this.decideDevice();
          break;
      }
    }
  }

  private sendUpwards(first: number, count: number): void {
    for (let id = first; id < first + count; id++) {
      const message = this.deviceOut.messages.get(id);
      if (!message) continue;
      const body = message.skip ? new Uint8Array() : new TextEncoder().encode(message.body);
      const sent = this.device.send(body, id, 0, message.skip ? abi.SKIP : abi.DATA);
      if (this.device.status === abi.E_ORDER) return;
      if (this.device.status === abi.E_ROOM) {
        this.roomless.push(() => this.sendUpwards(id, first + count - id));
        return;
      }
      message.sent = true;
      this.fromDevice(sent);
    }
  }

  private connect(): void {
    this.device.now = this.now;
    if (this.unreachable) {
      this.fromDevice(this.device.lost());
      return;
    }
    this.connection++;
    this.linked = true;
    if (!this.datagrams) {
      this.gateway.now = this.now;
      this.slots.set(this.connection, this.gateway.open(this.link));
    }
    this.fromDevice(this.device.connected());
  }

  private reported(inbox: Inbox, id: number, body: string, skip: boolean): void {
    inbox.waiting.push({ id, body, skip });
  }

  /** Gives the verdicts that the policy has for what waits, in order. */
  private decide(inbox: Inbox, answer: (id: number, status: number) => void): void {
    while (inbox.waiting.length > 0) {
      const { id, body, skip } = inbox.waiting[0]!;
      const status = skip ? abi.ACK_OK : inbox.policy(body);
      if (status === 'later') return;
      if (status === abi.ACK_OK) {
        inbox.waiting.shift();
        if (id !== inbox.last + 1) throw new Error(`id ${id} was reported behind ${inbox.last}`);
        inbox.last = id; // the record first, then the ACK
        if (!skip) inbox.taken.push(body);
      } else inbox.waiting = [];
      answer(id, status);
    }
  }

  decideDevice(): void {
    this.device.now = this.now;
    this.decide(this.deviceIn, (id, status) => this.fromDevice(this.device.answer(id, status)));
  }

  decideGateway(): void {
    if (!this.live) return;
    const { slot } = this.live;
    this.gateway.now = this.now;
    this.decide(this.gatewayIn, (id, status) => this.fromGateway(slot, this.gateway.answer(slot, id, status)));
  }

  // ---- what the gateway's host does ----

  private connectionOf(slot: number): number {
    return [...this.slots].find(([, each]) => each === slot)?.[0] ?? this.connection;
  }

  private fromGateway(slot: number, told: Told): void {
    const connection = this.connectionOf(slot);
    for (const bytes of told.output) {
      this.onOutput('gateway', bytes);
      this.down.push({ bytes, connection });
    }
    for (const { kind, a, b, d, bytes } of told.events) {
      this.log.push({ side: 'gateway', kind, a, b, d });
      this.gateway.now = this.now;
      switch (kind) {
        case abi.EV_MESSAGE:
          if (d === 0 || this.live?.slot !== slot) break;
          this.reported(this.gatewayIn, d, new TextDecoder().decode(bytes), (a & abi.TYPE_MASK) === abi.SKIP);
          this.decideGateway();
          break;
        case abi.EV_SEND:
          this.sendDown(slot, d, a);
          break;
        case abi.EV_RESULT:
          if (this.live?.slot !== slot) break;
          this.gatewayOut.result(d, a);
          this.fromGateway(slot, this.gateway.queue(slot, this.gatewayNext));
          break;
        case abi.EV_OUTBOX:
          this.newGatewayOutbox(d);
          this.fromGateway(slot, this.gateway.close(slot, abi.CLOSE_OUTBOX));
          break;
        case abi.EV_DISCONNECT:
          this.closed(slot);
          break;
      }
    }
    if (this.datagrams && slot === this.listener && this.gateway.state(slot) === abi.STATE_ONLINE) {
      this.listener = this.gateway.open(this.link); // the listener's slot has become a session
    }
    for (const old of this.takenOver.splice(0)) {
      if (this.gateway.state(old) === abi.STATE_ONLINE) this.fromGateway(old, this.gateway.close(old, abi.CLOSE_TAKEN_OVER));
    }
  }

  private sendDown(slot: number, first: number, count: number): void {
    for (let id = first; id < first + count; id++) {
      const message = this.gatewayOut.messages.get(id);
      if (!message) continue;
      const body = message.skip ? new Uint8Array() : new TextEncoder().encode(message.body);
      const sent = this.gateway.send(slot, [{ id, body, type: message.skip ? abi.SKIP : abi.DATA }]);
      if (this.gateway.status === abi.E_ORDER) return;
      if (this.gateway.status === abi.E_ROOM) {
        this.roomless.push(() => this.sendDown(slot, id, first + count - id));
        return;
      }
      message.sent = true;
      this.fromGateway(slot, sent);
    }
  }

  /** The gateway loses its records too: another database. */
  forgetGateway(): void {
    this.gatewayIn.outbox = this.gatewayIn.last = 0;
  }

  private closed(slot: number): void {
    if (this.live?.slot === slot) {
      this.live = undefined;
      this.gatewayIn.waiting = [];
    }
    if (this.datagrams && slot === this.listener) this.listener = this.gateway.open(this.link);
    // The link is closed once what was written before has come; the slot stays ended until then, so nothing is freed here.
  }

  // ---- what happens in between ----

  /** Bytes that wait go to the gateway: the first packet, or a part of it on a stream. */
  deliverUp(part = Infinity): boolean {
    const packet = this.up.shift();
    if (!packet) return false;
    this.gateway.now = this.now;
    if (this.datagrams) {
      const handshake = [0x81, 0x83].includes(packet.bytes[0]!);
      const session = packet.bytes.length >= 5 ? new DataView(packet.bytes.buffer, packet.bytes.byteOffset).getUint32(1) : 0;
      const slot = handshake ? this.listener : this.bySession.get(session);
      if (slot !== undefined && this.gateway.state(slot) !== abi.STATE_ENDED) this.fromGateway(slot, this.gateway.receive(slot, packet.bytes));
      return true;
    }
    const slot = this.slots.get(packet.connection);
    const now = packet.bytes.slice(0, part);
    if (now.length < packet.bytes.length) this.up.unshift({ ...packet, bytes: packet.bytes.slice(part) });
    if (slot !== undefined && this.gateway.state(slot) !== abi.STATE_ENDED) this.fromGateway(slot, this.gateway.receive(slot, now));
    return true;
  }

  deliverDown(part = Infinity): boolean {
    const packet = this.down.shift();
    if (!packet) return false;
    this.device.now = this.now;
    const now = this.datagrams ? packet.bytes : packet.bytes.slice(0, part);
    if (now.length < packet.bytes.length) this.down.unshift({ ...packet, bytes: packet.bytes.slice(part) });
    if (this.linked && (this.datagrams || packet.connection === this.connection)) this.fromDevice(this.device.receive(now));
    return true;
  }

  deliverAll(): void {
    for (let i = 0; i < 10_000; i++) if (!this.deliverUp() && !this.deliverDown()) return;
    throw new Error('the two sides talk for ever');
  }

  sendUp(body: string): void {
    this.deviceOut.add(body);
    this.device.now = this.now;
    this.fromDevice(this.device.queue(this.deviceOut.next));
  }

  sendDownwards(body: string): void {
    this.gatewayOut.add(body);
    if (!this.live) return;
    this.gateway.now = this.now;
    this.fromGateway(this.live.slot, this.gateway.queue(this.live.slot, this.gatewayNext));
  }

  /** Time passes; `each` is called after every step, to deliver or not. */
  advance(ms: number, each: () => void = () => this.deliverAll()): void {
    const end = this.now + ms;
    for (;;) {
      this.device.now = this.now;
      const { wait, ...told } = this.device.poll();
      this.fromDevice(told);
      this.gateway.now = this.now;
      for (const [slot, due] of this.gateway.tick()) this.fromGateway(slot, due);
      for (const again of this.roomless.splice(0)) again();
      each();
      if (this.now >= end) return;
      this.now = Math.min(end, this.now + Math.max(1, Math.min(wait, 250)));
    }
  }

  /** The link breaks; what is under way to the gateway may still come. */
  loseLink(alsoUp = true): void {
    if (!this.linked) return;
    this.linked = false;
    this.down = [];
    if (alsoUp) this.up = [];
    this.device.now = this.now;
    this.fromDevice(this.device.lost());
  }

  /** The device starts again: a durable one has its outbox and record, a volatile one begins both anew. */
  restartDevice(lastWordsLost = false): void {
    this.linked = false;
    this.down = [];
    if (lastWordsLost) this.up = [];
    if (!this.options.durable) {
      this.deviceOut.renew(++outboxes, Infinity); // what it had is lost with its RAM
      const { policy, taken } = this.deviceIn;
      this.deviceIn = Object.assign(new Inbox(), { policy, taken });
    }
    this.deviceIn.waiting = [];
    this.device = this.newDevice();
    this.start();
  }

  /** The gateway starts again with its records; the device sees its link end. */
  restartGateway(): void {
    this.gatewayIn.waiting = [];
    this.up = [];
    this.gateway = this.newGateway();
    this.loseLink();
  }

  get online(): boolean {
    return this.device.state === abi.STATE_ONLINE && this.live !== undefined;
  }
}
