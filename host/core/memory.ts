/**
 * The one accessor of the core's memory: views that are renewed when it grows, the output, and the list of events.
 *
 * A sink may call back into the core while events are being told. Output is taken right after each call, so it never
 * mixes; the events of such an inner call join the end of the list that is being told; and what would disturb the list
 * or the input window (more input, freeing a slot) waits in `later` until the list has been told.
 */
import * as abi from '../../assembly/abi.js';
import { TidelockError } from '../errors.js';
import type { CoreExports } from './module.js';

export abstract class CoreMemory {
  protected readonly x: CoreExports;
  protected u8!: Buffer;
  protected u32!: Uint32Array;
  /** Word index of the arena. */
  protected readonly arena: number;
  protected readonly outBytesAt: number;
  protected readonly eventCountAt: number;
  protected outAt = 0;
  private eventsAt = 0;
  private telling = false;
  private readonly later: (() => void)[] = [];

  protected constructor(exports: CoreExports) {
    this.x = exports;
    this.arena = this.call('arena') >>> 2;
    this.outBytesAt = this.arena + (abi.A_OUT_BYTES >>> 2);
    this.eventCountAt = this.arena + (abi.A_EVENT_COUNT >>> 2);
    this.renew();
  }

  /** After the memory has grown, every view is made anew. */
  protected renew(): void {
    const buffer = this.x.memory.buffer;
    this.u8 = Buffer.from(buffer);
    this.u32 = new Uint32Array(buffer);
  }

  /** Reads the addresses that the core has told. */
  protected locate(): void {
    this.outAt = this.word(abi.A_OUT);
    this.eventsAt = this.word(abi.A_EVENTS) >>> 2;
  }

  protected word(offset: number): number {
    return this.u32[this.arena + (offset >>> 2)]!;
  }

  protected call(name: string, ...args: number[]): number {
    return this.x[name]!(...args);
  }

  /** A status that only a fault of ours can cause. */
  protected failed(call: string, status: number): never {
    throw new TidelockError('CORE_FAILED', { call, status });
  }

  /** Takes what the last call wrote for a link: whole on a stream, a frame at a time on datagrams. */
  protected takeOutput(output: (bytes: Buffer) => void, datagram: boolean): boolean {
    const bytes = this.u32[this.outBytesAt]!;
    if (bytes === 0) return false;
    const all = Buffer.allocUnsafe(bytes);
    this.u8.copy(all, 0, this.outAt, this.outAt + bytes);
    this.u32[this.outBytesAt] = 0;
    if (!datagram) {
      output(all);
      return true;
    }
    for (let at = 0; at < bytes; ) {
      const length = all.readUInt16LE(at);
      output(all.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
    return true;
  }

  /** True while a list of events is being told. */
  protected get busy(): boolean {
    return this.telling;
  }

  protected defer(run: () => void): void {
    this.later.push(run);
  }

  /** Tells every event; `tell` gets the word index of each record. Returns how many there were. */
  protected tellEvents(tell: (record: number) => void): number {
    if (this.telling) return 0; // the outer loop reaches them
    const countAt = this.eventCountAt;
    if (this.u32[countAt] === 0) return 0;
    this.telling = true;
    let told = 0;
    try {
      for (; told < this.u32[countAt]!; told++) tell(this.eventsAt + told * (abi.EVENT_BYTES >>> 2));
    } finally {
      this.u32[countAt] = 0;
      this.telling = false;
    }
    return told;
  }

  /** Does what had to wait for the end of a list. */
  protected doLater(): void {
    if (this.later.length === 0) return;
    while (!this.telling && this.later.length > 0) this.later.shift()!();
  }

  counters(): Uint32Array {
    const at = this.arena + (abi.A_COUNTERS >>> 2);
    return this.u32.slice(at, at + abi.REFUSED_COUNT);
  }
}
