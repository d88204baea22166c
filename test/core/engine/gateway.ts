// Many sessions on the bare gateway engine. A test gives keys and records; everything else is the engine's.

import { Engine, type Event, type Told, abi } from './engine.js';
import { testEntropy } from './device.js';

export interface Receipts {
  inLast: number;
  outOutbox: number;
  outLow: number;
  outSent: number;
  outNext: number;
}

export interface GatewayOptions {
  build?: string;
  secret?: Uint8Array;
  unix?: bigint;
  window?: number;
  idle?: number;
  life?: number;
  spread?: number;
  largest?: number;
  suites?: number;
  suitesTls?: number;
  slots?: number;
  now?: number;
  /** The device's key, undefined where nobody knows it. */
  key?: (identity: string, keyId: number) => Uint8Array | undefined;
  /** 24 bytes for each key: nonce 16, session 4, seed 4. */
  random?: () => Uint8Array;
  /** Newest epoch of the identity, for CHALLENGE. */
  lastEpoch?: () => bigint;
  /** Record and live epoch at accept; `false` refuses with CLOSE(busy). */
  accept?: (slot: number, session: number, outbox: number) => (Receipts & { liveEpoch?: bigint }) | false;
}

export const NO_RECEIPTS: Receipts = { inLast: 0, outOutbox: 0x9a8b7c6d, outLow: 1, outSent: 0, outNext: 1 };
/** Where a datagram of the tests comes from: ::ffff:192.0.2.1, port 50,000. */
export const ADDRESS = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 1, 0xc3, 0x50);

export interface Record {
  id: number;
  body: Uint8Array;
  age?: number;
  type?: number;
  repeat?: boolean;
}

export class EngineGateway extends Engine {
  now: number;
  status = 0;
  readonly g: number;
  private readonly options: GatewayOptions;
  private readonly partial = new Map<number, Uint8Array>();
  private readonly links = new Map<number, number>();

  constructor(options: GatewayOptions = {}) {
    super(options.build ?? 'core-gateway');
    this.options = options;
    this.now = options.now ?? 5_000;
    this.g = this.call('gw_arena');
    const c = this.g + abi.G_CONFIG;
    this.write(c + abi.W_SECRET, options.secret ?? testEntropy());
    this.view.setBigUint64(c + abi.W_UNIX, options.unix ?? 1_750_000_000_000n, true);
    this.view.setUint16(c + abi.W_WINDOW, options.window ?? 2_000, true);
    this.view.setUint16(c + abi.W_IDLE, options.idle ?? 90, true);
    this.setU32(c + abi.W_LIFE, options.life ?? 86_400);
    this.view.setUint16(c + abi.W_SPREAD, options.spread ?? 0, true);
    this.view.setUint16(c + abi.W_LARGEST, options.largest ?? 16_383, true);
    this.view.setUint8(c + abi.W_SUITES, options.suites ?? 7);
    this.view.setUint8(c + abi.W_SUITES_TLS, options.suitesTls ?? 7);
    this.status = this.call('gw_init', this.now);
    const slots = options.slots ?? 16;
    const end = this.u32(this.g + abi.G_SLOTS) + slots * abi.SLOT_BYTES;
    const pages = Math.ceil(end / 65_536) - this.exports.memory.buffer.byteLength / 65_536;
    if (pages > 0) this.exports.memory.grow(pages);
    this.call('gw_slots', slots);
  }

  override restore(snapshot: Uint8Array): void {
    super.restore(snapshot);
    this.partial.clear();
  }

  slotAddress(slot: number): number {
    return this.u32(this.g + abi.G_SLOTS) + slot * abi.SLOT_BYTES;
  }

  state(slot: number): number {
    return this.view.getUint8(this.slotAddress(slot) + abi.S_STATE);
  }

  open(link = 0): number {
    const slot = this.call('gw_open', link, this.now);
    this.status = slot;
    this.links.set(slot, link);
    this.partial.delete(slot);
    return slot;
  }

  free(slot: number): number {
    return this.call('gw_free', slot);
  }

  take(slot: number): Told {
    const events = this.takeEvents(slot);
    const output = this.peekOutput(((this.links.get(slot) ?? 0) & abi.LINK_DATAGRAM) !== 0);
    this.setU32(this.arena + abi.A_OUT_BYTES, 0);
    return { events, output };
  }

  /** A stream's bytes in any pieces, or one datagram; answers HELLO and PROOF by the options. */
  receive(slot: number, bytes: Uint8Array, address: Uint8Array = ADDRESS, path = 0): Told {
    const told: Told = { events: [], output: [] };
    const datagrams = ((this.links.get(slot) ?? 0) & abi.LINK_DATAGRAM) !== 0;
    const before = datagrams ? undefined : this.partial.get(slot);
    const input = before ? Uint8Array.from([...before, ...bytes]) : bytes;
    const window = this.u32(this.g + abi.G_IN);
    if (input.length > this.u32(this.g + abi.G_IN_BYTES)) throw new RangeError('longer than the input window');
    this.write(window, input);
    this.setU32(this.g + abi.G_PATH, path);
    this.write(this.g + abi.G_ADDRESS, address);
    let from = 0;
    for (;;) {
      const to = this.call('gw_rx', slot, from, input.length, this.now);
      this.status = to;
      if (to < 0) return told;
      const part = this.take(slot);
      told.events.push(...part.events);
      told.output.push(...part.output);
      const answered = this.answerHandshake(slot, part.events, told, address);
      const stuck = to === from && part.events.length === 0;
      from = to;
      if (from === input.length && !answered) break;
      if (stuck || (from === input.length && datagrams)) break;
    }
    if (!datagrams) this.partial.set(slot, input.slice(from));
    return told;
  }

  private answerHandshake(slot: number, events: Event[], told: Told, address: Uint8Array): boolean {
    let answered = false;
    for (const event of events) {
      let part: Told | undefined;
      if (event.kind === abi.EV_HELLO) part = this.key(slot, new TextDecoder().decode(event.bytes), event.a, address);
      if (event.kind === abi.EV_PROVED) part = this.accept(slot, event.d, event.e);
      if (event.kind === abi.EV_REPEAT) {
        this.status = this.call('gw_again', event.d, this.now);
        part = this.take(event.d);
      }
      if (!part) continue;
      answered = true;
      told.output.push(...part.output);
      told.events.push(...part.events);
      this.answerHandshake(slot, part.events, told, address);
    }
    return answered;
  }

  key(slot: number, identity: string, keyId: number, address: Uint8Array = ADDRESS): Told {
    const key = this.options.key?.(identity, keyId);
    if (key) this.write(this.g + abi.G_KEY, key);
    this.view.setBigUint64(this.g + abi.G_LAST_EPOCH, this.options.lastEpoch?.() ?? 0n, true);
    this.write(this.g + abi.G_RANDOM, this.options.random?.() ?? testEntropy(24));
    this.write(this.g + abi.G_ADDRESS, address);
    this.status = this.call('gw_key', slot, key ? 1 : 0, this.now);
    return this.take(slot);
  }

  accept(slot: number, session: number, outbox: number): Told {
    const receipts: (Receipts & { liveEpoch?: bigint }) | false = this.options.accept
      ? this.options.accept(slot, session, outbox)
      : NO_RECEIPTS;
    if (!receipts) return this.close(slot, abi.CLOSE_BUSY, 0);
    const at = this.g + abi.G_ACCEPT;
    [receipts.inLast, receipts.outOutbox, receipts.outLow, receipts.outSent, receipts.outNext].forEach((value, i) =>
      this.setU32(at + 4 * i, value),
    );
    this.view.setBigUint64(this.g + abi.G_LAST_EPOCH, receipts.liveEpoch ?? 0n, true);
    this.status = this.call('gw_accept', slot, this.now);
    return this.take(slot);
  }

  send(slot: number, records: Record[]): Told {
    let at = this.u32(this.g + abi.G_IN);
    for (const record of records) {
      this.setU32(at + abi.R_ID, record.id);
      this.setU32(at + abi.R_AGE, record.age ?? 0);
      this.view.setUint16(at + abi.R_BYTES, record.body.length, true);
      this.view.setUint8(at + abi.R_TYPE, record.type ?? abi.DATA);
      this.view.setUint8(at + abi.R_FLAGS, record.repeat ? abi.FLAG_REPEAT : 0);
      this.write(at + abi.RECORD_BYTES, record.body);
      at += abi.RECORD_BYTES + ((record.body.length + 3) & ~3);
    }
    this.status = this.call('gw_send', slot, records.length, this.now);
    return this.take(slot);
  }

  queue(slot: number, next: number): Told {
    this.status = this.call('gw_queue', slot, next, this.now);
    return this.take(slot);
  }

  answer(slot: number, id: number, status: number): Told {
    this.status = this.call('gw_answer', slot, id, status, this.now);
    return this.take(slot);
  }

  close(slot: number, reason: number, retryAfter = 0): Told {
    this.status = this.call('gw_close', slot, reason, retryAfter, this.now);
    return this.take(slot);
  }

  probe(slot: number, number: number, bytes = 0): Told {
    this.status = this.call('gw_probe', slot, number, bytes, this.now);
    return this.take(slot);
  }

  /** The largest datagram that the path to this device takes. */
  setBudget(slot: number, bytes: number): void {
    this.view.setUint16(this.slotAddress(slot) + abi.S_BUDGET, bytes, true);
  }

  /** Everything that is due, by slot. */
  tick(): Map<number, Told> {
    const told = new Map<number, Told>();
    for (let from = 0; from >= 0; ) {
      from = this.call('gw_tick', from, this.now);
      for (const { kind, d } of this.takeEvents()) {
        if (kind !== abi.EV_DUE) throw new Error(`gw_tick told event ${kind}`);
        this.status = this.call('gw_due', d, this.now);
        told.set(d, this.take(d));
      }
    }
    return told;
  }
}
