/**
 * The core's IoTSocket side: many connections in one WASM instance, which is another one than Tidelock's. The only code
 * that touches its memory. What a frame is, whose it is and when it counts is decided in assembly/legacy/iotsocket.
 */
import * as abi from '../../assembly/abi.js';
import { TidelockError } from '../errors.js';
import { instantiate, preferredBuild, type AnyBuild, type CoreExports } from './module.js';

/** Who hears of a connection. */
export interface IotsocketSink {
  /** The first frame names this identity, ten digits: give its key's digest with `key`, now or later. */
  login(identity: string): void;
  /** A message: the bytes from `start` to `end` of `chunk`, and its TIME in Unix ms. */
  message(chunk: Buffer, start: number, end: number, time: number): void;
  /** The connection is over, for the reason IOT_*: close the link without a byte. `off`: ms its TIME was off, or 0. */
  refused(reason: number, off: number): void;
}

interface Connection {
  sink: IotsocketSink;
  /** The first `bytes` of it are an unfinished frame, or wait for the key. */
  rest: Buffer | undefined;
  bytes: number;
  /** A key is awaited. */
  waiting: boolean;
}

/** For a slot whose link is gone: nothing comes any more. */
const NOBODY: IotsocketSink = { login: () => {}, message: () => {}, refused: () => {} };
const PAGE = 65_536;
const GROW_BYTES = 16 * PAGE;
const UNITS = 10;
const TWO_32 = 0x1_0000_0000;
const DIGEST_BYTES = 32;
const FIRST_REST = 256;
const word = (offset: number): number => offset >>> 2;

export class IotsocketCore {
  readonly #x: CoreExports;
  #u8!: Buffer;
  #u32!: Uint32Array;
  readonly #arena: number;
  /** Word indexes. */
  readonly #a: number;
  readonly #events: number;
  readonly #in: number;
  readonly #inBytes: number;
  readonly #body: number;
  readonly #bodyBytes: number;
  readonly #connections: (Connection | undefined)[] = [];
  readonly #free: number[] = [];
  #opened = 0;
  #telling = false;
  #later: (() => void)[] = [];

  /** `rate`: messages that a device may send in 3 s. */
  constructor(rate = 0, build: AnyBuild = preferredBuild()) {
    this.#x = instantiate(build);
    this.#arena = this.#call('iot_arena');
    this.#a = word(this.#arena);
    this.#renew();
    this.#u32[this.#a + word(abi.I_RATE)] = rate;
    if (this.#call('iot_init') !== abi.OK) throw new RangeError(`a rate of ${rate} messages in 3 s cannot be: at most 30,000`);
    this.#events = word(this.#word(abi.I_EVENTS));
    this.#in = this.#word(abi.I_IN);
    this.#inBytes = this.#word(abi.I_IN_BYTES);
    this.#body = this.#word(abi.I_BODY);
    this.#bodyBytes = this.#word(abi.I_BODY_BYTES);
  }

  /** Begins a connection; `unix`: Unix ms here and below. */
  open(sink: IotsocketSink, device: boolean, tls: boolean, unix: number): number {
    const slot = this.#free.pop() ?? this.#opened++;
    if (slot >= this.#word(abi.I_SLOT_COUNT)) this.#grow();
    this.#setNow(unix);
    const status = this.#call('iot_open', slot, (device ? abi.IOT_DEVICE : abi.IOT_GATEWAY) | (tls ? abi.IOT_TLS : 0));
    if (status !== abi.OK) this.#failed('iot_open', status);
    this.#connections[slot] = { sink, rest: undefined, bytes: 0, waiting: false };
    return slot;
  }

  /** Wipes the slot, which is nobody's from now on. */
  free(slot: number): void {
    const connection = this.#connections[slot];
    if (connection === undefined) return;
    this.#connections[slot] = undefined;
    connection.rest = undefined;
    // Another connection may take it, but not while events of this one are being told.
    this.#whenTold(() => {
      this.#call('iot_free', slot);
      this.#free.push(slot);
    });
  }

  /** The link is gone, but the stamps that were used are kept for the device's next connection, until `key` or `free`. */
  retire(slot: number): void {
    const connection = this.#connections[slot];
    if (connection !== undefined) this.#connections[slot] = { sink: NOBODY, rest: undefined, bytes: 0, waiting: false };
  }

  /**
   * What a gateway stores of a device's key, 32 bytes; undefined where this text is no key: it has 1 to 128 bytes of
   * UTF-8 without colon, line end, delimiter, and white space at its ends.
   */
  digest(identity: string, key: string): Buffer | undefined {
    const bytes = this.#writeKey(identity, key);
    if (bytes === 0 || this.#call('iot_digest', bytes) !== abi.OK) return undefined;
    const at = this.#arena + abi.I_KEY;
    const digest = Buffer.from(this.#u8.subarray(at, at + DIGEST_BYTES));
    this.#u8.fill(0, at, at + DIGEST_BYTES);
    return digest;
  }

  /** Makes the slot a device's. False: no identity or key of this form. */
  device(slot: number, identity: string, key: string): boolean {
    const bytes = this.#writeKey(identity, key);
    return bytes !== 0 && this.#call('iot_device', slot, bytes) === abi.OK;
  }

  /**
   * Answers `login`: the digest, or undefined where the device is unknown; and the slot of its connection before, which
   * is freed, or -1. Then what waited is handled.
   */
  key(slot: number, digest: Uint8Array | undefined, former: number, unix: number): void {
    const connection = this.#connections[slot];
    if (connection === undefined) return;
    if (digest !== undefined) this.#u8.set(digest, this.#arena + abi.I_KEY);
    const status = this.#call('iot_key', slot, digest === undefined ? 0 : 1, former + 1);
    if (status !== abi.OK) this.#failed('iot_key', status);
    if (former >= 0) {
      this.#connections[former] = undefined;
      this.#free.push(former);
    }
    connection.waiting = false;
    const { rest, bytes } = connection;
    if (rest === undefined) return;
    connection.rest = undefined;
    connection.bytes = 0;
    this.#whenTold(() => this.receive(slot, rest.subarray(0, bytes), unix));
  }

  /** Bytes came. */
  receive(slot: number, chunk: Buffer, unix: number): void {
    if (this.#telling) {
      this.#later.push(() => this.receive(slot, chunk, unix));
      return;
    }
    const connection = this.#connections[slot];
    if (connection === undefined) return;
    this.#setNow(unix);
    for (let at = 0; at < chunk.length && this.#connections[slot] === connection; ) {
      if (connection.waiting) {
        hold(connection, chunk, at, chunk.length);
        break;
      }
      const end = Math.min(at + this.#inBytes, chunk.length);
      at = connection.bytes > 0 ? this.#complete(slot, connection, chunk, at, end) : this.#handle(slot, connection, chunk, at, end);
    }
    this.#doLater();
  }

  /** An unfinished frame waits: looks for its end in chunk[at … end), and handles it when it is there. */
  #complete(slot: number, connection: Connection, chunk: Buffer, at: number, end: number): number {
    chunk.copy(this.#u8, this.#in, at, end);
    const stop = this.#call('iot_find', slot, 0, end - at);
    if (stop < 0) this.#failed('iot_find', stop);
    this.#tell(connection, chunk, 0);
    if (this.#connections[slot] !== connection) return end;
    hold(connection, chunk, at, stop === 0 ? end : at + stop);
    if (stop === 0) return end;
    const frame = connection.rest!.subarray(0, connection.bytes);
    connection.rest = undefined;
    connection.bytes = 0;
    this.#handle(slot, connection, frame, 0, frame.length);
    return at + stop;
  }

  /** Handles the frames in chunk[at … end); what is left waits. */
  #handle(slot: number, connection: Connection, chunk: Buffer, at: number, end: number): number {
    chunk.copy(this.#u8, this.#in, at, end);
    for (let from = 0; ; ) {
      const stop = this.#call('iot_rx', slot, from, end - at);
      if (stop < 0) this.#failed('iot_rx', stop);
      const told = this.#tell(connection, chunk, at);
      if (this.#connections[slot] !== connection || at + stop === end) return end;
      // It stops early so that events are read: its list is full, or a key was wanted. Else the rest is unfinished.
      if (connection.waiting || told === 0) {
        hold(connection, chunk, at + stop, end);
        return end;
      }
      from = stop;
    }
  }

  /** ms until the next frame may go; 0: now. */
  wait(slot: number, unix: number): number {
    this.#setNow(unix);
    return this.#call('iot_wait', slot);
  }

  /** The frame of a body, which goes in one write of its own; or the status that says why there is none. */
  send(slot: number, body: Uint8Array, unix: number): Buffer | number {
    if (body.length > this.#bodyBytes) return abi.E_TOO_LONG;
    this.#setNow(unix);
    this.#u8.set(body, this.#body);
    const status = this.#call('iot_send', slot, body.length);
    return status === abi.OK ? this.#output()! : status;
  }

  /** The status that `send` would give for this body if it could go now; 0: none. */
  check(slot: number, body: Uint8Array): number {
    if (body.length > this.#bodyBytes) return abi.E_TOO_LONG;
    this.#u8.set(body, this.#body);
    return this.#call('iot_check', slot, body.length);
  }

  /** Time went by. Returns when it is to be called again, in ms, and bytes that are to be written. */
  tick(slot: number, unix: number): { next: number; bytes: Buffer | undefined } {
    const connection = this.#connections[slot];
    if (connection === undefined) return { next: Infinity, bytes: undefined };
    this.#setNow(unix);
    const next = this.#call('iot_tick', slot);
    if (next < 0) this.#failed('iot_tick', next);
    const bytes = this.#output();
    this.#tell(connection, undefined, 0);
    this.#doLater();
    return { next, bytes };
  }

  #output(): Buffer | undefined {
    const bytes = this.#word(abi.I_OUT_BYTES);
    if (bytes === 0) return undefined;
    const from = this.#word(abi.I_OUT_FROM);
    this.#u32[this.#a + word(abi.I_OUT_BYTES)] = 0;
    return Buffer.from(this.#u8.subarray(from, from + bytes));
  }

  /** Tells the events of the last call, which are about one connection. `at`: where in `chunk` the window begins. */
  #tell(connection: Connection, chunk: Buffer | undefined, at: number): number {
    const u32 = this.#u32, countAt = this.#a + word(abi.I_EVENT_COUNT), count = u32[countAt]!;
    if (count === 0) return 0;
    this.#telling = true;
    try {
      for (let i = 0, e = this.#events; i < count; i++, e += word(abi.EVENT_BYTES)) {
        const head = u32[e]!, from = u32[e + 1]!, bytes = head >>> 16;
        switch (head & 0xff) {
          case abi.EV_IOT_MESSAGE: {
            const start = from - this.#in + at;
            connection.sink.message(chunk!, start, start + bytes, Math.floor((u32[e + 2]! + u32[e + 3]! * TWO_32) / UNITS));
            break;
          }
          case abi.EV_IOT_LOGIN:
            connection.waiting = true;
            connection.sink.login(this.#u8.toString('latin1', from, from + bytes));
            break;
          default:
            connection.sink.refused((head >>> 8) & 0xff, u32[e + 3]! | 0);
        }
      }
    } finally {
      u32[countAt] = 0;
      this.#telling = false;
    }
    return count;
  }

  #whenTold(run: () => void): void {
    if (this.#telling) this.#later.push(run);
    else run();
  }

  #doLater(): void {
    while (!this.#telling && this.#later.length > 0) this.#later.shift()!();
  }

  /** Returns the key's bytes; 0 where identity or key cannot be written. */
  #writeKey(identity: string, key: string): number {
    if (typeof key !== 'string' || !/^\d{10}$/.test(identity)) return 0;
    const bytes = Buffer.byteLength(key, 'utf8');
    if (bytes > abi.IOT_KEY_BYTES) return 0;
    this.#u8.write(identity, this.#arena + abi.I_ID, 'latin1');
    this.#u8.write(key, this.#arena + abi.I_KEY, 'utf8');
    return bytes;
  }

  #grow(): void {
    const { memory } = this.#x;
    memory.grow(GROW_BYTES / PAGE);
    this.#renew();
    const count = Math.floor((memory.buffer.byteLength - this.#word(abi.I_SLOTS)) / this.#word(abi.I_SLOT_BYTES));
    const status = this.#call('iot_slots', count);
    if (status !== abi.OK) this.#failed('iot_slots', status);
  }

  #renew(): void {
    const { buffer } = this.#x.memory;
    this.#u8 = Buffer.from(buffer);
    this.#u32 = new Uint32Array(buffer);
  }

  #setNow(unix: number): void {
    const now = Math.floor(unix * UNITS), at = this.#a + word(abi.I_NOW);
    this.#u32[at] = now % TWO_32;
    this.#u32[at + 1] = now / TWO_32;
  }

  #word(offset: number): number {
    return this.#u32[this.#a + word(offset)]!;
  }

  #call(name: string, ...args: number[]): number {
    return this.#x[name]!(...args);
  }

  #failed(call: string, status: number): never {
    throw new TidelockError('CORE_FAILED', { call, status });
  }
}

/** Adds chunk[from … to) to what waits; the copy doubles, so that a byte at a time costs no more than a chunk. */
function hold(connection: Connection, chunk: Buffer, from: number, to: number): void {
  const needed = connection.bytes + to - from;
  let { rest } = connection;
  if (rest === undefined || rest.length < needed) {
    const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_REST, needed, 2 * (rest?.length ?? 0)));
    rest?.copy(larger, 0, 0, connection.bytes);
    connection.rest = rest = larger;
  }
  chunk.copy(rest, connection.bytes, from, to);
  connection.bytes = needed;
}
