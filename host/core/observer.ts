/**
 * Reads sessions along, with or without the device's key: the core's observer, in an instance of its own. The rules are the
 * core's (assembly/observer/); this class moves bytes in and answers out. Answers of zero or more are `OK` or a `REFUSED_*`.
 */
import * as abi from '../../assembly/abi.js';
import { TidelockError } from '../errors.js';
import { instantiate, preferredBuild, type Build, type CoreExports } from './module.js';

/** What the core found in a frame; what it could not find yet is 0 or empty. */
export interface Found {
  /** Bytes of the whole frame. */
  total: number;
  /** Its first byte, with flags. */
  type: number;
  /** Length of the body; id and age count until the tag holds. */
  bytes: number;
  /** The body behind id and age, a copy: opened where it was sealed. Empty where its bytes have not all come. */
  body: Buffer;
  /** Session ms; of `split` the lower 24 bits. */
  time: number;
  counter: bigint;
  /** Message id, 0: none. */
  id: number;
  /** Of the message, in ms. */
  age: number;
  /** The observer's session clock − time, ms. */
  off: number;
}

export type Direction = 'to gateway' | 'to device';

/** The unit of a message's age is 1/16 s. */
const AGE_UNIT_MS = 62.5;
/** Two slots of 512 bytes each, in pages of 64 KiB. */
const SESSIONS_A_PAGE = 64;
const MOST_SESSIONS = 65_536;

export class Observer {
  readonly #x: CoreExports;
  readonly #found: number;
  readonly #keyAt: number;
  readonly #window: number;
  readonly #windowBytes: number;
  #u8!: Buffer;

  constructor(build: Build = preferredBuild()) {
    this.#x = instantiate(build);
    const gw = this.#call('gw_arena');
    this.#renew();
    this.#window = this.#u8.readUInt32LE(gw + abi.G_IN);
    this.#windowBytes = this.#u8.readUInt32LE(gw + abi.G_IN_BYTES);
    this.#keyAt = gw + abi.G_KEY;
    this.#found = this.#call('ob_arena');
  }

  /**
   * Begins session `n`, a small integer of the caller's choice (at most 65,535), whatever it was before. `timed`: the `at` of later
   * calls is when something came, in ms of any clock; else nothing can be late.
   */
  open(n: number, link: { datagram: boolean; timed: boolean }): void {
    const flags = (link.datagram ? abi.LINK_DATAGRAM : 0) | (link.timed ? 0 : abi.OB_UNTIMED);
    let status = this.#call('ob_open', n, flags);
    for (let i = 0; status === abi.E_SLOTS && i < MOST_SESSIONS / SESSIONS_A_PAGE; i++) {
      this.#x.memory.grow(1);
      this.#renew();
      status = this.#call('ob_open', n, flags);
    }
    if (status !== abi.OK) throw new TidelockError('CORE_FAILED', { call: 'ob_open', status });
  }

  /** Wipes session `n`, keys and all. */
  free(n: number): void {
    this.#call('ob_free', n);
  }

  /** HELLO's body: `OK`, `REFUSED_HELLO`, `REFUSED_NO_SUITE`. */
  hello(n: number, body: Uint8Array): number {
    return this.#put(body) ? this.#call('ob_hello', n, body.length) : abi.REFUSED_HELLO;
  }

  /** CHALLENGE's body, behind HELLO: `OK`, `REFUSED_MALFORMED`, `REFUSED_CHALLENGE`. What its proof is worth shows at `key`. */
  challenge(n: number, body: Uint8Array, at: number): number {
    return this.#put(body) ? this.#call('ob_challenge', n, body.length, at >>> 0) : abi.REFUSED_MALFORMED;
  }

  /** PROOF's body: `OK` (without a key nothing is known of the proof), `REFUSED_BAD_PROOF`, `REFUSED_HELLO`, `REFUSED_OLD_CHALLENGE`; `E_STATE` on a stream before CHALLENGE. */
  proof(n: number, body: Uint8Array, at: number): number {
    return this.#put(body) ? this.#call('ob_proof', n, body.length, at >>> 0) : abi.REFUSED_HELLO;
  }

  /** Tries a key of 32 bytes, by a proof that was seen. True: it is the session's, and frames can be opened. */
  key(n: number, key: Uint8Array): boolean {
    if (key.length !== 32) throw new RangeError(`a key has 32 bytes, this one ${key.length}`);
    this.#u8.set(key, this.#keyAt);
    const status = this.#call('ob_key', n);
    this.#u8.fill(0, this.#keyAt, this.#keyAt + 32);
    return status === abi.OK;
  }

  /**
   * Judges a frame: `OK`, why its receiver would refuse it, `E_PARTIAL`, or `E_STATE` where there is no key. `ahead`: it may be that
   * many frames behind the next one of its direction, because some were not seen.
   */
  frame(n: number, direction: Direction, bytes: Uint8Array, ahead: number, at: number): { status: number; found: Found } {
    if (!this.#put(bytes)) return { status: abi.REFUSED_TOO_LONG, found: this.#read(0) };
    const status = this.#call('ob_frame', n, direction === 'to device' ? 1 : 0, bytes.length, ahead, at >>> 0);
    return { status, found: this.#read(bytes.length) };
  }

  /** Where a stream's frame ends, whatever it holds: `OK`, `E_PARTIAL`, `REFUSED_MALFORMED`, `REFUSED_TOO_LONG`. */
  split(bytes: Uint8Array, tagBytes: number): { status: number; found: Found } {
    const some = bytes.subarray(0, this.#windowBytes);
    this.#put(some);
    const status = this.#call('ob_split', some.length, tagBytes);
    return { status, found: this.#read(some.length) };
  }

  #put(bytes: Uint8Array): boolean {
    if (bytes.length > this.#windowBytes) return false;
    this.#u8.set(bytes, this.#window);
    return true;
  }

  #read(available: number): Found {
    const u8 = this.#u8, o = this.#found;
    const at = u8.readUInt32LE(o + abi.O_BODY);
    const bytes = u8.readUInt32LE(o + abi.O_BYTES);
    const whole = at !== 0 && at + bytes <= this.#window + available;
    return {
      total: u8.readUInt32LE(o + abi.O_TOTAL),
      type: u8[o + abi.O_TYPE]!,
      bytes,
      body: whole ? Buffer.from(u8.subarray(at, at + bytes)) : Buffer.alloc(0),
      time: u8.readUInt32LE(o + abi.O_TIME),
      counter: u8.readBigUInt64LE(o + abi.O_COUNTER),
      id: u8.readUInt32LE(o + abi.O_ID),
      age: u8.readUInt32LE(o + abi.O_AGE) * AGE_UNIT_MS,
      off: u8.readInt32LE(o + abi.O_OFF),
    };
  }

  #call(name: string, ...args: number[]): number {
    return this.#x[name]!(...args);
  }

  #renew(): void {
    this.#u8 = Buffer.from(this.#x.memory.buffer);
  }
}
