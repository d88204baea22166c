/**
 * The device's side of the core: one session and its whole state machine, an instance a device.
 */
import { randomFillSync } from 'node:crypto';

import * as abi from '../../assembly/abi.js';
import { Assemblies } from './assemblies.js';
import { CoreMemory } from './memory.js';
import { instantiate, preferredBuild, type Build } from './module.js';
import { ageOf } from './records.js';
import type { DeviceCoreApi, DeviceSettings, DeviceSink, Outgoing, SessionInfo } from './types.js';

const ENTROPY_BYTES = 32;
/** A 50 ppm crystal is off by a quarter of the default window, 500 ms, after 2.7 h. */
const CRYSTAL_DRIFT_MS = 9_720_000;
/** What surrounds a body in the output: what leads it, and the longest tag. */
const AROUND_BODY = abi.SEND_AHEAD + 16;

export class DeviceCore extends CoreMemory implements DeviceCoreApi {
  private readonly sink: DeviceSink;
  private datagram: boolean;
  private readonly slot: number;
  private readonly outCap: number;
  private started = false;
  /** The one message that may be coming as FRAGMENTs; the core takes none above the largest body. */
  private readonly assembly = new Assemblies(Infinity, () => undefined);
  private readonly base: number;
  private readonly outputBound: (bytes: Buffer) => void;
  private readonly tellBound = (record: number): void => this.tell(record);

  static load(settings: DeviceSettings, sink: DeviceSink, build: Build = preferredBuild()): Promise<DeviceCore> {
    return Promise.resolve(new DeviceCore(settings, sink, build));
  }

  private constructor(settings: DeviceSettings, sink: DeviceSink, build: Build) {
    super(instantiate(build));
    this.sink = sink;
    this.outputBound = (bytes) => sink.output(bytes);
    this.datagram = (settings.link & abi.LINK_DATAGRAM) !== 0;
    this.base = this.arena << 2;
    const id = Buffer.from(settings.id, 'utf8');
    if (settings.key.length !== 32) throw new RangeError(`a key has 32 bytes, this one ${settings.key.length}`);
    if (id.length === 0 || id.length > 64) throw new RangeError(`an identity has 1 to 64 bytes, this one ${id.length}`);
    this.locate();
    this.outCap = this.word(abi.A_OUT_CAP);
    this.slot = this.base + abi.A_SLOT;
    this.write(settings, id);
    if (this.call('init', 0) !== abi.OK) throw new RangeError('device settings: identity, suites or largest body (at most 16,383) is out of range');
  }

  private write(settings: DeviceSettings, id: Buffer): void {
    const { u8, slot: s } = this;
    randomFillSync(u8, this.base + abi.A_ENTROPY, ENTROPY_BYTES);
    u8.set(settings.key, this.base + abi.A_KEY);
    u8.writeUInt32LE(settings.roundTrip, this.base + abi.A_ROUND_TRIP);
    u8.writeUInt32LE(settings.drift ?? CRYSTAL_DRIFT_MS, this.base + abi.A_DRIFT);
    u8.writeUInt32LE(settings.outLow, s + abi.S_LOW);
    u8.writeUInt32LE(settings.outSent, s + abi.S_SENT);
    u8.writeUInt32LE(settings.outNext, s + abi.S_NEXT);
    u8.writeUInt32LE(settings.inLast, s + abi.S_IN_LAST);
    u8.writeUInt32BE(settings.inOutbox, s + abi.S_IN_OUTBOX);
    u8.writeUInt32LE(settings.largest, s + abi.S_TAKES);
    const h = s + abi.S_C - (abi.H_ID + id.length);
    u8[h + abi.H_VERSION] = abi.VERSION;
    u8[h + abi.H_LINK] = settings.link;
    u8[h + abi.H_SUITES] = settings.suites;
    u8.writeUInt32BE(settings.outbox, h + abi.H_OUTBOX);
    u8.writeUInt16BE(settings.largest, h + abi.H_LARGEST);
    u8[h + abi.H_KEY_ID] = settings.keyId;
    u8.set(id, h + abi.H_ID);
    u8[s + abi.S_HELLO_BYTES] = abi.H_ID + id.length;
  }

  /** Output and events of the last call. */
  private after(): number {
    this.takeOutput(this.outputBound, this.datagram);
    return this.tellEvents(this.tellBound);
  }

  private done(): void {
    this.after();
    this.doLater();
  }

  private tell(record: number): void {
    const u32 = this.u32;
    const head = u32[record]!;
    const a = (head >>> 8) & 0xff;
    const b = head >>> 16;
    const c = u32[record + 1]!;
    const d = u32[record + 2]!;
    const e = u32[record + 3]!;
    const { sink } = this;
    switch (head & 0xff) {
      case abi.EV_MESSAGE: {
        // The core's buffer is used again; what fragments brought is ours.
        const body = c === 0 ? this.assembly.take(0) : Buffer.from(this.u8.subarray(c, c + b));
        if (body?.length !== b) this.failed('EV_MESSAGE', b);
        sink.message(body, 0, b, d, e | 0, a);
        break;
      }
      case abi.EV_FRAGMENT:
        if (b === 0) this.assembly.drop(0);
        else this.assembly.add(0, d, e, this.u8, c, c + b);
        break;
      case abi.EV_PROBED:
        sink.probed?.(d);
        break;
      case abi.EV_CONNECT:
        sink.connect();
        break;
      case abi.EV_DISCONNECT:
        this.assembly.drop(0);
        sink.disconnect(a, b, d);
        break;
      case abi.EV_ONLINE:
        sink.online(a, d, b !== 0);
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
      case abi.EV_CLOCK:
        sink.clock(d | 0, e);
        break;
    }
  }

  start(now: number): void {
    if (this.busy) {
      this.defer(() => this.start(now));
      return;
    }
    if (this.started) return;
    this.started = true;
    this.sink.connect();
  }

  useLink(link: number, suites: number): void {
    const h = this.slot + abi.S_C - this.u8[this.slot + abi.S_HELLO_BYTES]!;
    this.u8[h + abi.H_LINK] = this.u8[this.slot + abi.S_LINK] = link;
    this.u8[h + abi.H_SUITES] = suites;
    this.datagram = (link & abi.LINK_DATAGRAM) !== 0;
  }

  connected(now: number): void {
    if (this.busy) {
      this.defer(() => this.connected(now)); // it empties the buffer that events may point into
      return;
    }
    const at = this.base + abi.A_ENTROPY;
    randomFillSync(this.u8, at, ENTROPY_BYTES);
    const status = this.call('connected', now >>> 0);
    if (status < 0 && status !== abi.E_STATE) this.failed('connected', status);
    this.done();
  }

  lost(now: number): void {
    if (!this.started) return; // the end of a link that was stopped
    if (this.busy) {
      this.defer(() => this.lost(now));
      return;
    }
    this.retrying(() => this.call('down', abi.DOWN_LINK, now >>> 0));
  }

  receive(chunk: Buffer, now: number): void {
    if (this.busy) {
      this.defer(() => this.receive(chunk, now));
      return;
    }
    for (let at = 0; ; ) {
      const to = this.word(abi.A_RX_TO);
      const bytes = Math.min(this.word(abi.A_RX_END) - to, chunk.length - at);
      if (this.datagram && bytes < chunk.length) return; // longer than any frame: dropped
      this.u8.set(chunk.subarray(at, at + bytes), to);
      at += bytes;
      const status = this.call('rx', bytes, now >>> 0);
      if (status < 0) this.failed('rx', status);
      this.after();
      if (status !== abi.MORE && at === chunk.length) break;
    }
    this.doLater();
  }

  answer(id: number, status: number, now: number): void {
    this.retrying(() => this.call('answer', id, status, now >>> 0));
  }

  queued(next: number, now: number): void {
    this.u8.writeUInt32LE(next, this.slot + abi.S_NEXT);
    this.retrying(() => this.pollOnce(now));
  }

  renumber(outbox: number, next: number, now: number): void {
    const s = this.slot;
    this.u8.writeUInt32BE(outbox, s + abi.S_C - this.u8[s + abi.S_HELLO_BYTES]! + abi.H_OUTBOX);
    this.u8.writeUInt32LE(1, s + abi.S_LOW);
    this.u8.writeUInt32LE(0, s + abi.S_SENT);
    this.u8.writeUInt32LE(next, s + abi.S_NEXT);
    this.retrying(() => this.call('down', abi.DOWN_OUTBOX, now >>> 0));
  }

  stop(now: number): void {
    this.started = false;
    this.retrying(() => this.call('down', abi.DOWN_HOST, now >>> 0));
  }

  clockLost(now: number): void {
    this.u8[this.slot + abi.S_PINGS] = 0; // an answer under way would be read by a clock that stood still
    this.u8[this.slot + abi.S_CLOCK_LOST] = 1;
    this.retrying(() => this.pollOnce(now));
  }

  /** `poll` as a status: a full list of events is tried again like any call. */
  private pollOnce(now: number): number {
    this.call('poll', now >>> 0);
    return abi.OK;
  }

  /** A call that finds the list of events full waits until it has been told. Other refusals: the session went another way meanwhile. */
  private retrying(run: () => number): void {
    if (run() === abi.E_EVENTS) {
      this.defer(() => this.retrying(run));
      return;
    }
    this.done();
  }

  send(messages: Outgoing[], now: number): number {
    let taken = 0;
    let status: number = abi.OK;
    for (const m of messages) {
      if (m.body.length + AROUND_BODY > this.outCap - this.word(abi.A_OUT_BYTES)) {
        this.takeOutput(this.outputBound, this.datagram);
        if (m.body.length + AROUND_BODY > this.outCap) {
          status = abi.E_TOO_LONG;
          break;
        }
      }
      status = this.frame(m, now);
      if (status === abi.E_ROOM && this.takeOutput(this.outputBound, this.datagram)) status = this.frame(m, now);
      if (status !== abi.OK) break;
      taken++;
    }
    this.done();
    return taken > 0 || messages.length === 0 ? taken : status;
  }

  private frame(m: Outgoing, now: number): number {
    this.u8.set(m.body, this.outAt + this.word(abi.A_OUT_BYTES) + abi.SEND_AHEAD);
    return this.call('send', m.type | (m.repeat ? abi.FLAG_REPEAT : 0), m.body.length, m.id, ageOf(m), now >>> 0);
  }

  probe(bytes: number, now: number): boolean {
    const status = this.call('probe', bytes, now >>> 0);
    this.done();
    return status === abi.OK;
  }

  setBudget(bytes: number): void {
    this.u8.writeUInt16LE(bytes, this.slot + abi.S_BUDGET);
  }

  poll(now: number): number {
    for (;;) {
      const wait = this.call('poll', now >>> 0);
      this.done();
      if (wait > 0) return wait;
    }
  }

  info(): SessionInfo {
    const { u8, slot } = this;
    return {
      suite: u8[slot + abi.S_SUITE]!,
      session: u8.readUInt32BE(slot + abi.S_SESSION),
      epoch: u8.readUInt32BE(slot + abi.S_EPOCH) * 0x100000000 + u8.readUInt32BE(slot + abi.S_EPOCH + 4),
      largest: u8.readUInt32LE(slot + abi.S_LARGEST),
      link: u8[slot + abi.S_LINK]!,
    };
  }

  record(): { inOutbox: number; inLast: number } {
    return { inOutbox: this.u8.readUInt32BE(this.slot + abi.S_IN_OUTBOX), inLast: this.u8.readUInt32LE(this.slot + abi.S_IN_LAST) };
  }

  wipe(): void {
    this.u8.fill(0);
  }
}
