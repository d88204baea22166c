// The bare WASM of the core, as a test drives it: no wrapper in between, every address and number at hand.

import { readFileSync } from 'node:fs';
import * as abi from '../../../dist/assembly/abi.js';
import { isRemote, remoteExports } from './instances.js';
import { chacha20Blocks, sha256Blocks } from '../primitives/hal.js';
import { traced } from './trace.js';

export { abi };

/** What both builds export, and what only one of them does. */
export interface Exports {
  memory: WebAssembly.Memory;
  [name: string]: ((...args: number[]) => number) | WebAssembly.Memory;
}

export interface Event {
  kind: number;
  a: number;
  b: number;
  c: number;
  d: number;
  e: number;
  /** EV_MESSAGE: a copy of the body, whole where FRAGMENTs brought it; EV_HELLO: of the identity; EV_FRAGMENT: of the part. */
  bytes?: Uint8Array;
}

export interface Told {
  events: Event[];
  /** Bytes for the link: on a stream in one piece, on datagrams one each. */
  output: Uint8Array[];
}

const modules = new Map<string, WebAssembly.Module>();

function compiled(name: string): WebAssembly.Module {
  let module = modules.get(name);
  if (!module) {
    module = new WebAssembly.Module(readFileSync(new URL(`../../../dist/wasm/${name}.wasm`, import.meta.url)));
    modules.set(name, module);
  }
  return module;
}

/** Sees what every engine returns and tells; the fuzzers measure by it what they have reached. */
export interface Watcher {
  returned(name: string, result: number): void;
  told(event: Event): void;
}

export class Engine {
  static watcher: Watcher | undefined;
  readonly exports: Exports;
  protected readonly arena: number;

  /** `name`: a build without imports, such as core-device or core-gateway. */
  constructor(name: string) {
    this.exports = isRemote(name)
      ? (remoteExports(name, { scratch: false }) as unknown as Exports)
      : traced(name, new WebAssembly.Instance(compiled(name), { env: this.blocks() }).exports as unknown as Exports);
    this.arena = this.call('arena');
  }

  /** The firmware's part of core-device-hal; the other builds import nothing. */
  private blocks(): Record<string, unknown> {
    const at = (p: number, bytes: number) => new Uint8Array(this.exports.memory.buffer, p, bytes);
    const words = (p: number, bytes: number) => new Uint32Array(this.exports.memory.buffer, p, bytes >>> 2);
    return {
      sha256_blocks: (s: number, sn: number, d: number, n: number) => sha256Blocks(words(s, sn), at(d, n)),
      chacha20_blocks: (s: number, sn: number, d: number, n: number) => chacha20Blocks(words(s, sn), at(d, n)),
    };
  }

  call(name: string, ...args: number[]): number {
    const target = this.exports[name];
    if (typeof target !== 'function') throw new TypeError(`this build has no export ${name}`);
    const result = target(...args);
    Engine.watcher?.returned(name, result);
    return result;
  }

  get view(): DataView {
    return new DataView(this.exports.memory.buffer);
  }

  u32(address: number): number {
    return this.view.getUint32(address, true);
  }

  setU32(address: number, value: number): void {
    this.view.setUint32(address, value, true);
  }

  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer, address, length).slice();
  }

  write(address: number, bytes: Uint8Array): void {
    new Uint8Array(this.exports.memory.buffer, address, bytes.length).set(bytes);
  }

  /** All of its memory, to go back to. */
  snapshot(): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer).slice();
  }

  restore(snapshot: Uint8Array): void {
    new Uint8Array(this.exports.memory.buffer).set(snapshot);
  }

  counters(): number[] {
    return Array.from({ length: abi.REFUSED_COUNT }, (_, i) => this.u32(this.arena + abi.A_COUNTERS + 4 * i));
  }

  /** Messages that are being put together, a host's memory: by slot at the gateway. */
  private readonly assembling = new Map<number, Uint8Array>();

  protected takeEvents(slot = 0): Event[] {
    const address = this.u32(this.arena + abi.A_EVENTS);
    const count = this.u32(this.arena + abi.A_EVENT_COUNT);
    const events = Array.from({ length: count }, (_, i) => {
      const at = address + i * abi.EVENT_BYTES;
      const view = this.view;
      const event: Event = {
        kind: view.getUint8(at),
        a: view.getUint8(at + 1),
        b: view.getUint16(at + 2, true),
        c: view.getUint32(at + 4, true),
        d: view.getUint32(at + 8, true),
        e: view.getInt32(at + 12, true),
      };
      Engine.watcher?.told(event);
      if (event.kind === abi.EV_FRAGMENT) this.part(slot, event);
      if (event.kind === abi.EV_HELLO || (event.kind === abi.EV_MESSAGE && event.c !== 0)) event.bytes = this.bytes(event.c, event.b);
      if (event.kind === abi.EV_MESSAGE && event.c === 0) {
        event.bytes = this.assembling.get(slot)!;
        if (event.bytes.length !== event.b) throw new Error(`a message of ${event.b} bytes was put together from ${event.bytes.length}`);
        this.assembling.delete(slot);
      }
      return event;
    });
    this.setU32(this.arena + abi.A_EVENT_COUNT, 0);
    return events;
  }

  /** Does what docs/abi.md asks of a host at EV_FRAGMENT. */
  private part(slot: number, event: Event): void {
    const offset = event.e & 0xffff, total = event.e >>> 16;
    if (event.b === 0) {
      this.assembling.delete(slot);
      return;
    }
    event.bytes = this.bytes(event.c, event.b);
    if (this.assembling.get(slot)?.length !== total) this.assembling.set(slot, new Uint8Array(total));
    this.assembling.get(slot)!.set(event.bytes, offset);
  }

  /** The output as it lies there; the caller sets it to 0 or says `sent`. */
  protected peekOutput(datagrams: boolean): Uint8Array[] {
    const all = this.bytes(this.u32(this.arena + abi.A_OUT), this.u32(this.arena + abi.A_OUT_BYTES));
    if (!datagrams) return all.length ? [all] : [];
    const frames: Uint8Array[] = [];
    for (let at = 0; at < all.length; ) {
      const length = all[at]! | (all[at + 1]! << 8);
      frames.push(all.slice(at + 2, at + 2 + length));
      at += 2 + length;
    }
    return frames;
  }
}
