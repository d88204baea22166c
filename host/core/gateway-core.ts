/**
 * The gateway's side of the core: many sessions in one WASM instance. The only code that touches its memory.
 */
import { randomFillSync } from 'node:crypto';

import * as abi from '../../assembly/abi.js';
import { Assemblies } from './assemblies.js';
import { writeSettings, writeU64 } from './gateway-settings.js';
import { CoreMemory } from './memory.js';
import { instantiate, preferredBuild, type Build } from './module.js';
import { RandomPool } from './random-pool.js';
import { writeRecords } from './records.js';
import type { GatewayCoreApi, GatewaySettings, GatewaySink, Outgoing, Receipts, SessionInfo } from './types.js';

/** 4,096 slots of 512 bytes a step. */
const GROW_PAGES = 32;
const RANDOM_BYTES = 24;
const EMPTY = Buffer.alloc(0);
/** What may wait while the host looks for a key or a database answers: one read of a socket and some. */
const REST_MAX = 256 * 1024;
/** Messages of all sessions that came as FRAGMENTs and are not whole yet: 1,024 of the longest. */
const ASSEMBLY_BYTES = 16 * 1024 * 1024;

export class GatewayCore extends CoreMemory implements GatewayCoreApi {
  private readonly sinks: (GatewaySink | undefined)[] = [];
  /** Bytes of a session that the core has not taken: a partial frame, or what waits for key or acceptance. */
  private readonly rests: (Buffer | undefined)[] = [];
  private readonly links: number[] = [];
  /** Where a datagram came from whose key is being looked for. */
  private readonly sources: (Uint8Array | undefined)[] = [];
  private readonly gw: number;
  private readonly inAt: number;
  private readonly inBytes: number;
  private readonly slotsAt: number;
  /** The slot, chunk and place in it that the events of a receive are about. */
  private rxSlot = -1;
  private rxChunk: Buffer = EMPTY;
  private readonly assemblies = new Assemblies(ASSEMBLY_BYTES, (slot) => void this.u8.writeUInt32LE(0, this.slotAt(slot) + abi.S_PART_FORM));
  private rxShift = 0;
  private windowUsed = false;
  private readonly random = new RandomPool(RANDOM_BYTES);
  /** Looked up once: the name and rest parameters of `call` cost a single frame a tenth of its time. */
  private readonly gwRx: (slot: number, from: number, to: number, now: number) => number;
  private lastNow = 0;
  private readonly dueSlots: number[] = [];
  private readonly tellBound = (record: number): void => this.tell(record);

  /** @param build Which build to run; by default the fastest that this engine takes. */
  static load(settings: GatewaySettings, build: Build = preferredBuild()): Promise<GatewayCore> {
    return Promise.resolve(new GatewayCore(settings, build));
  }

  private constructor(settings: GatewaySettings, build: Build) {
    super(instantiate(build));
    this.gwRx = this.x['gw_rx']!;
    this.gw = this.call('gw_arena');
    const g = this.gw >>> 2;
    this.inAt = this.u32[g + (abi.G_IN >>> 2)]!;
    this.inBytes = this.u32[g + (abi.G_IN_BYTES >>> 2)]!;
    this.slotsAt = this.u32[g + (abi.G_SLOTS >>> 2)]!;
    writeSettings(this.u8, this.gw + abi.G_CONFIG, settings);
    const status = this.call('gw_init', settings.now >>> 0);
    if (status !== abi.OK) throw new RangeError('gateway settings: window, life (s, at most 2,000,000), largest (at most 16,383) or secret is out of range');
    this.locate();
  }

  private slotAt(slot: number): number {
    return this.slotsAt + slot * abi.SLOT_BYTES;
  }

  private state(slot: number): number {
    return this.u8[this.slotAt(slot) + abi.S_STATE]!;
  }

  /** Sets the wall time anew (unix ms at now); the host has ended all sessions before. */
  setClock(unix: number, now: number): void {
    // Under the old secret a datagram's PROOF of the time before would be fresh again, and open a session under old keys.
    randomFillSync(this.u8, this.gw + abi.G_CONFIG + abi.W_SECRET, 32);
    writeU64(this.u8, this.gw + abi.G_CONFIG + abi.W_UNIX, unix);
    this.call('gw_clock', now >>> 0);
  }

  open(sink: GatewaySink, link: number, now: number): number {
    let slot = this.call('gw_open', link, now >>> 0);
    if (slot === abi.E_SLOTS) {
      this.grow();
      slot = this.call('gw_open', link, now >>> 0);
    }
    if (slot < 0) this.failed('gw_open', slot);
    this.sinks[slot] = sink;
    this.rests[slot] = undefined;
    this.links[slot] = link;
    return slot;
  }

  private grow(): void {
    this.x.memory.grow(GROW_PAGES);
    this.renew();
    const count = Math.floor((this.x.memory.buffer.byteLength - this.slotsAt) / abi.SLOT_BYTES);
    const status = this.call('gw_slots', count);
    if (status !== abi.OK) this.failed('gw_slots', status);
  }

  receive(slot: number, chunk: Buffer, now: number, path = 0, source?: Uint8Array): void {
    this.lastNow = now >>> 0;
    if (this.busy) {
      this.defer(() => this.receive(slot, chunk, now, path, source));
      return;
    }
    this.u32[(this.gw + abi.G_PATH) >>> 2] = path;
    if (source) this.u8.set((this.sources[slot] = source), this.gw + abi.G_ADDRESS);
    const sink = this.sinks[slot];
    if (!sink) return;
    const rest = this.rests[slot];
    if (rest) {
      chunk = Buffer.concat([rest, chunk]);
      this.rests[slot] = undefined;
    }
    let at = 0;
    while (at < chunk.length) {
      const took = this.receiveWindow(slot, sink, chunk, at, now);
      if (this.sinks[slot] !== sink) {
        this.doLater();
        return;
      }
      if (took === 0) break;
      at += took;
    }
    if (at < chunk.length && !this.isDatagram(slot)) {
      if (chunk.length - at > REST_MAX) {
        sink.disconnect(abi.DOWN_REFUSED, abi.REFUSED_TOO_LONG, 0);
      } else {
        this.rests[slot] = Buffer.from(chunk.subarray(at)); // a copy: a view would hold 64 KiB for a few bytes
      }
    }
    this.doLater();
  }

  /** Gives the core as much as its window holds; returns how far it came. */
  private receiveWindow(slot: number, sink: GatewaySink, chunk: Buffer, at: number, now: number): number {
    const bytes = Math.min(this.inBytes, chunk.length - at);
    let from = 0;
    this.windowUsed = true;
    while (from < bytes) {
      if (this.windowUsed) {
        const part = at + from === 0 && bytes === chunk.length ? chunk : chunk.subarray(at + from, at + bytes);
        this.u8.set(part, this.inAt + from);
        this.windowUsed = false;
      }
      const to = this.gwRx(slot, from, bytes, now >>> 0);
      if (to < 0) this.failed('gw_rx', to);
      const wrote = this.u32[this.outBytesAt] !== 0 && this.output(slot);
      let told = 0;
      if (this.u32[this.eventCountAt] !== 0) {
        this.rxSlot = slot;
        if (this.u8[this.slotAt(slot) + abi.S_SUITE] === abi.SUITE_SEALED) {
          this.rxChunk = Buffer.from(this.u8.subarray(this.inAt + from, this.inAt + to)); // decrypted in place
          this.rxShift = this.inAt + from;
        } else {
          this.rxChunk = chunk;
          this.rxShift = this.inAt - at;
        }
        told = this.tellEvents(this.tellBound);
        this.rxChunk = EMPTY;
        if (this.sinks[slot] !== sink) return bytes;
      }
      if (to === from && !wrote && told === 0) break; // a partial frame, or the host must act
      from = to;
      if (this.waits(slot)) break;
    }
    return from;
  }

  /** The core takes nothing until the host gives a key or accepts. */
  private waits(slot: number): boolean {
    const state = this.state(slot);
    return state === abi.STATE_KEY || state === abi.STATE_PROVED;
  }

  private isDatagram(slot: number): boolean {
    return (this.links[slot]! & abi.LINK_DATAGRAM) !== 0;
  }

  private output(slot: number): boolean {
    if (this.u32[this.outBytesAt] === 0) return false;
    const sink = this.sinks[slot];
    if (!sink) {
      this.u32[this.outBytesAt] = 0;
      return false;
    }
    return this.takeOutput((bytes) => sink.output(bytes), this.isDatagram(slot));
  }

  private tell(record: number): void {
    const u32 = this.u32;
    const head = u32[record]!;
    const kind = head & 0xff;
    const a = (head >>> 8) & 0xff;
    const b = head >>> 16;
    const c = u32[record + 1]!;
    const d = u32[record + 2]!;
    const e = u32[record + 3]!;
    if (kind === abi.EV_MESSAGE) {
      if (c === 0) {
        const body = this.assemblies.take(this.rxSlot);
        if (body?.length !== b) this.failed('EV_MESSAGE', b);
        this.sinks[this.rxSlot]?.message(body, 0, b, d, e | 0, a);
        return;
      }
      const start = c - this.rxShift;
      this.sinks[this.rxSlot]?.message(this.rxChunk, start, start + b, d, e | 0, a);
      return;
    }
    if (kind === abi.EV_FRAGMENT) {
      if (b === 0) this.assemblies.drop((c - this.slotsAt) / abi.SLOT_BYTES);
      else this.assemblies.add(this.rxSlot, d, e, this.rxChunk, c - this.rxShift, c - this.rxShift + b);
      return;
    }
    if (kind === abi.EV_HELLO) {
      this.sinks[this.rxSlot]?.hello(this.u8.toString('utf8', c, c + b), a);
      return;
    }
    if (kind === abi.EV_DUE) {
      this.dueSlots.push(d); // told by a look at all sessions, so it is about none
      return;
    }
    const sink = this.sinks[(c - this.slotsAt) / abi.SLOT_BYTES];
    if (!sink) return;
    switch (kind) {
      case abi.EV_PROVED:
        sink.proved(d, e);
        break;
      case abi.EV_SEND:
        sink.wanted(d, a);
        break;
      case abi.EV_RESULT:
        sink.result(d, a);
        break;
      case abi.EV_OUTBOX:
        sink.outboxUnknown(d);
        break;
      case abi.EV_REFUSED:
        sink.refused(a, b, d, e | 0);
        break;
      case abi.EV_CLOSED:
        sink.closed(a, b);
        break;
      case abi.EV_DISCONNECT:
        sink.disconnect(a, b, d);
        break;
      case abi.EV_PATH: {
        const slot = (c - this.slotsAt) / abi.SLOT_BYTES;
        if (this.call('gw_probe', slot, d, 0, this.lastNow) === abi.OK) this.takeOutput((bytes) => sink.outputToSource?.(bytes), true);
        break;
      }
      case abi.EV_PROBED:
        if (d >= abi.PROBE_PATH) sink.moved?.();
        else sink.probed?.(d);
        break;
      case abi.EV_REPEAT:
        this.call('gw_again', d, this.lastNow);
        this.output(d);
        break;
    }
  }

  /** Output and events of a call on one session. */
  private after(slot: number): void {
    this.output(slot);
    this.tellEvents(this.tellBound);
    this.doLater();
  }

  /** Goes on with what waited. */
  private resume(slot: number, now: number): void {
    if (this.rests[slot]) this.receive(slot, EMPTY, now);
  }

  key(slot: number, key: Uint8Array | undefined, lastEpoch: number, now: number): void {
    if (this.state(slot) !== abi.STATE_KEY) return; // the link went away while the key was looked for
    if (key) {
      if (key.length !== 32) throw new RangeError(`a key has 32 bytes, this one ${key.length}`);
      this.u8.set(key, this.gw + abi.G_KEY);
    } else {
      this.u8.fill(0, this.gw + abi.G_KEY, this.gw + abi.G_KEY + 32);
    }
    if (this.sources[slot]) this.u8.set(this.sources[slot], this.gw + abi.G_ADDRESS);
    writeU64(this.u8, this.gw + abi.G_LAST_EPOCH, lastEpoch);
    this.random.take(this.u8, this.gw + abi.G_RANDOM);
    this.lastNow = now >>> 0;
    const status = this.call('gw_key', slot, key ? 1 : 0, now >>> 0);
    if (status !== abi.OK) this.failed('gw_key', status);
    this.after(slot);
    this.resume(slot, now);
  }

  /** For datagrams: where the next `receive` comes from: 16 bytes of IPv6 (or mapped IPv4) address, and the port. */
  setAddress(address: Uint8Array, port: number): void {
    this.u8.set(address.subarray(0, 16), this.gw + abi.G_ADDRESS);
    this.u8.writeUInt16BE(port, this.gw + abi.G_ADDRESS + 16);
  }

  accept(slot: number, receipts: Receipts, liveEpoch: number, now: number): boolean {
    const a = (this.gw + abi.G_ACCEPT) >>> 2;
    this.u32[a] = receipts.inLast;
    this.u32[a + 1] = receipts.outOutbox;
    this.u32[a + 2] = receipts.outLow;
    this.u32[a + 3] = receipts.outSent;
    this.u32[a + 4] = receipts.outNext;
    writeU64(this.u8, this.gw + abi.G_LAST_EPOCH, liveEpoch);
    const status = this.call('gw_accept', slot, now >>> 0);
    if (status !== abi.OK && status !== abi.E_REFUSED && status !== abi.E_STATE) this.failed('gw_accept', status);
    this.after(slot);
    if (status === abi.OK) this.resume(slot, now);
    return status === abi.OK;
  }

  answer(slot: number, id: number, status: number, now: number): void {
    this.retrying('gw_answer', slot, () => this.call('gw_answer', slot, id, status, now >>> 0));
  }

  queued(slot: number, next: number, now: number): void {
    this.retrying('gw_queue', slot, () => this.call('gw_queue', slot, next, now >>> 0));
  }

  close(slot: number, reason: number, retryAfter: number, now: number): void {
    this.retrying('gw_close', slot, () => this.call('gw_close', slot, reason, retryAfter, now >>> 0));
  }

  /** A call that finds the list of events full waits until it has been told. */
  private retrying(name: string, slot: number, run: () => number): void {
    const status = run();
    if (status === abi.E_EVENTS) {
      this.defer(() => this.retrying(name, slot, run));
      return;
    }
    // E_ORDER, E_STATE, E_ARGUMENT: the session went another way meanwhile; there is nothing left to do.
    if (status === abi.E_ROOM) this.failed(name, status);
    this.after(slot);
  }

  send(slot: number, messages: Outgoing[], now: number): number {
    let taken = 0;
    while (taken < messages.length) {
      this.windowUsed = true;
      const count = writeRecords(this.u8, this.u32, this.inAt, this.inAt + this.inBytes, messages, taken);
      const status = this.call('gw_send', slot, count, now >>> 0);
      const wrote = this.output(slot);
      if (status > 0) taken += status;
      else if (status !== abi.E_ROOM || !wrote) {
        if (status === abi.E_EVENTS) break;
        this.after(slot);
        return taken > 0 ? taken : status;
      }
    }
    this.after(slot);
    return taken;
  }

  probe(slot: number, bytes: number, now: number): boolean {
    const status = this.call('gw_probe', slot, bytes, bytes, now >>> 0);
    this.after(slot);
    return status === abi.OK;
  }

  setBudget(slot: number, bytes: number): void {
    this.u8.writeUInt16LE(bytes, this.slotAt(slot) + abi.S_BUDGET);
  }

  tick(now: number): void {
    for (let from = 0; from >= 0; ) {
      from = this.call('gw_tick', from, now >>> 0);
      this.tellEvents(this.tellBound);
      for (const slot of this.dueSlots.splice(0)) {
        this.call('gw_due', slot, now >>> 0);
        this.after(slot);
      }
    }
  }

  free(slot: number): void {
    this.assemblies.drop(slot);
    this.sinks[slot] = this.sources[slot] = undefined;
    this.rests[slot] = undefined;
    // Events of this slot may still be in the list that is being told: another link must not get it before.
    if (this.busy) this.defer(() => void this.call('gw_free', slot));
    else this.call('gw_free', slot);
  }

  info(slot: number): SessionInfo {
    const s = this.slotAt(slot);
    return {
      suite: this.u8[s + abi.S_SUITE]!,
      session: this.u8.readUInt32BE(s + abi.S_SESSION),
      epoch: this.u8.readUInt32BE(s + abi.S_EPOCH) * 0x100000000 + this.u8.readUInt32BE(s + abi.S_EPOCH + 4),
      largest: this.u8.readUInt32LE(s + abi.S_LARGEST),
      link: this.u8[s + abi.S_LINK]!,
    };
  }
}
