// The primitives of one build's test twin, as functions on bytes. Inputs lie behind the build's static data, at odd
// addresses, with a guard behind each output.
import { readFileSync } from 'node:fs';
import { type Export, isRemote, remoteExports, target, wasmFile } from '../engine/instances.js';
import { traced } from '../engine/trace.js';
import { chacha20Blocks, sha256Blocks } from './hal.js';

const GUARD = 0xa5;
const GUARD_BYTES = 24;

export const deviceBuilds = ['core-device', 'core-device-small', 'core-device-hal'];
/** On a board there are none. */
export const gatewayBuilds = target ? [] : ['core-gateway', 'core-gateway-nosimd'];
/** Builds with SHA-256, HMAC, HKDF, ChaCha20 and Poly1305; and those with MD5. */
export const modernBuilds = [...deviceBuilds, ...gatewayBuilds];
export const md5Builds = ['core-legacy', ...gatewayBuilds];

export interface Sealed {
  data: Uint8Array;
  tag: Uint8Array;
}

export interface Job {
  header: Uint8Array;
  body: Uint8Array;
  tag?: Uint8Array;
}

type Repeat = (repeats: number, name: string, ...numbers: number[]) => number;

export class PrimitivesCore {
  private readonly exports: Record<string, unknown>;
  private readonly memory: WebAssembly.Memory;
  private readonly base: number;
  private next: number;
  private guards: number[] = [];

  constructor(readonly build: string) {
    const module = new WebAssembly.Module(readFileSync(wasmFile(`${build}-test`)));
    const at = (p: number, bytes: number) => new Uint8Array(this.memory.buffer, p, bytes);
    const words = (p: number, bytes: number) => new Uint32Array(this.memory.buffer, p, bytes >>> 2);
    const env = {
      sha256_blocks: (s: number, sn: number, d: number, n: number) => sha256Blocks(words(s, sn), at(d, n)),
      chacha20_blocks: (s: number, sn: number, d: number, n: number) => chacha20Blocks(words(s, sn), at(d, n)),
    };
    this.exports = isRemote(build)
      ? remoteExports(build, { scratch: true })
      : traced(`${build}-test`, new WebAssembly.Instance(module, { env }).exports);
    this.memory = this.exports['memory'] as WebAssembly.Memory;
    const base = (this.exports['scratch'] ?? this.exports['__heap_base']) as WebAssembly.Global;
    this.base = this.next = base.value as number;
  }

  /** Calls an export that takes and gives numbers. */
  call(name: string, ...numbers: number[]): number {
    return (this.exports[name] as Export)(...numbers);
  }

  /** Forgets all inputs and outputs, after a look at the guards. */
  private fresh(): void {
    for (const guard of this.guards) {
      const kept = this.read(guard, GUARD_BYTES).every((byte) => byte === GUARD);
      if (!kept) throw new Error(`${this.build}: bytes behind an output at ${guard} were written`);
    }
    this.guards = [];
    this.next = this.base;
  }

  /** Room for `bytes` bytes at an odd address, a guard behind it. */
  room(bytes: number): number {
    const at = this.next | 1;
    this.next = at + bytes + GUARD_BYTES;
    const missing = this.next - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / 65_536));
    new Uint8Array(this.memory.buffer, at + bytes, GUARD_BYTES).fill(GUARD);
    this.guards.push(at + bytes);
    return at;
  }

  put(bytes: Uint8Array): number {
    const at = this.room(bytes.length);
    new Uint8Array(this.memory.buffer).set(bytes, at);
    return at;
  }

  read(at: number, bytes: number): Uint8Array {
    return new Uint8Array(this.memory.buffer).slice(at, at + bytes);
  }

  /** The hash of `message` taken in pieces that end at `cuts`, ascending; `repeat` times the message. */
  sha256(message: Uint8Array, cuts: number[] = [], repeat = 1): Uint8Array {
    this.fresh();
    this.call('shaBegin');
    const at = this.put(message);
    if (repeat > 1 && isRemote(this.build)) (this.exports['repeat'] as Repeat)(repeat, 'shaUpdate', at, message.length);
    else for (let i = 0; i < repeat; i++) this.pieces('shaUpdate', at, message.length, cuts);
    return this.output(32, (out) => this.call('shaEnd', out));
  }

  hmac(key: Uint8Array, message: Uint8Array, cuts: number[] = []): Uint8Array {
    this.fresh();
    const state = this.room(64);
    this.call('hmacKey', state, this.put(key), key.length);
    this.call('hmacBegin', state);
    this.pieces('shaUpdate', this.put(message), message.length, cuts);
    return this.output(32, (out) => this.call('hmacEnd', state, out));
  }

  hkdf(key: Uint8Array, salt: Uint8Array, info: Uint8Array, bytes: number): Uint8Array {
    this.fresh();
    const state = this.room(64);
    this.call('extract', state, this.put(salt), salt.length, this.put(key), key.length);
    return this.expandState(state, info, bytes);
  }

  /** HKDF-Expand from a PRK. */
  expand(prk: Uint8Array, info: Uint8Array, bytes: number): Uint8Array {
    this.fresh();
    const state = this.room(64);
    this.call('hmacKey', state, this.put(prk), prk.length);
    return this.expandState(state, info, bytes);
  }

  /** The core expands in whole blocks, and writes its counter behind the label. */
  private expandState(state: number, info: Uint8Array, bytes: number): Uint8Array {
    const blocks = Math.ceil(bytes / 32);
    const label = this.put(Uint8Array.of(...info, 0));
    return this.output(blocks * 32, (out) => this.call('expand', state, label, info.length, out, blocks)).subarray(0, bytes);
  }

  chacha20(key: Uint8Array, nonce: Uint8Array, counter: number, data: Uint8Array): Uint8Array {
    this.fresh();
    this.call('chachaBegin', this.put(key), counter, this.put(nonce));
    const at = this.put(data);
    this.call('chachaXor', at, data.length);
    return this.read(at, data.length);
  }

  /** Poly1305 of a message of any length, with the padding of RFC 8439, 2.5. */
  poly1305(key: Uint8Array, message: Uint8Array): Uint8Array {
    this.fresh();
    const keyAt = this.put(key);
    const block = (this.exports['POLY_BLOCK'] as WebAssembly.Global).value as number;
    this.call('polyBegin', keyAt);
    for (let i = 0; i < message.length; i += 16) {
      const part = message.subarray(i, i + 16);
      const padded = new Uint8Array(16);
      padded.set(part);
      if (part.length < 16) padded[part.length] = 1;
      new Uint8Array(this.memory.buffer).set(padded, block);
      this.call('polyBlock', part.length < 16 ? 0 : 1);
    }
    return this.output(16, (out) => this.call('polyEnd', keyAt, out));
  }

  seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Sealed {
    this.fresh();
    const data = this.put(plaintext);
    const inputs = [this.put(key), this.put(nonce), this.put(aad), aad.length];
    const tag = this.output(16, (out) => this.call('aeadSeal', ...inputs, data, plaintext.length, out));
    return { data: this.read(data, plaintext.length), tag };
  }

  /** What stands in the place of the data afterwards, and whether the tag held. */
  open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, { data, tag }: Sealed): { held: boolean; data: Uint8Array } {
    this.fresh();
    const at = this.put(data);
    const inputs = [this.put(key), this.put(nonce), this.put(aad), aad.length];
    const held = this.call('aeadOpen', ...inputs, at, data.length, this.put(tag)) !== 0;
    return { held, data: this.read(at, data.length) };
  }

  /** True where these bytes stand anywhere in the memory. */
  holds(bytes: Uint8Array): boolean {
    return Buffer.from(this.memory.buffer).includes(Buffer.from(bytes));
  }

  equal(a: Uint8Array, b: Uint8Array): boolean {
    this.fresh();
    return this.call('equal', this.put(a), this.put(b), a.length) !== 0;
  }

  /** `data` after its first `bytes` bytes were wiped. */
  wipe(data: Uint8Array, bytes: number): Uint8Array {
    this.fresh();
    const at = this.put(data);
    this.call('wipe', at, bytes);
    return this.read(at, data.length);
  }

  md5(message: Uint8Array, cuts: number[] = []): Uint8Array {
    this.fresh();
    this.call('md5Begin');
    this.pieces('md5Update', this.put(message), message.length, cuts);
    return this.output(16, (out) => this.call('md5End', out));
  }

  hmacMd5(key: Uint8Array, message: Uint8Array, cuts: number[] = []): Uint8Array {
    this.fresh();
    this.call('hmacMd5Begin', this.put(key), key.length);
    this.pieces('md5Update', this.put(message), message.length, cuts);
    return this.output(16, (out) => this.call('hmacMd5End', out));
  }

  /** The batch kernels of the gateway builds. */
  macBatch(key: Uint8Array, jobs: Job[]): Uint8Array[] {
    this.fresh();
    const state = this.room(64);
    this.call('hmacKey', state, this.put(key), key.length);
    const { at } = this.putJobs(jobs);
    const out = this.room(32 * jobs.length);
    this.call('macSignedBatch', state, at, jobs.length, out);
    return jobs.map((_, i) => this.read(out + 32 * i, 32));
  }

  sealBatch(key: Uint8Array, iv: Uint8Array, jobs: Job[]): Sealed[] {
    this.fresh();
    const keyAt = this.put(key);
    const ivAt = this.put(iv);
    const { at, places } = this.putJobs(jobs);
    this.call('sealBatch', keyAt, ivAt, at, jobs.length);
    return places.map(({ body, bytes, tag }) => ({ data: this.read(body, bytes), tag: this.read(tag, 16) }));
  }

  openBatch(key: Uint8Array, iv: Uint8Array, jobs: Job[]): { held: boolean; data: Uint8Array }[] {
    this.fresh();
    const keyAt = this.put(key);
    const ivAt = this.put(iv);
    const { at, places } = this.putJobs(jobs);
    this.call('openBatch', keyAt, ivAt, at, jobs.length);
    const view = new DataView(this.memory.buffer);
    return places.map(({ body, bytes }, i) => {
      const result = view.getUint32(at + 32 * i + 12, true);
      if (result > 1) throw new Error(`${this.build}: openBatch left the result ${result}`);
      return { held: result === 1, data: this.read(body, bytes) };
    });
  }

  private putJobs(jobs: Job[]): { at: number; places: { body: number; bytes: number; tag: number }[] } {
    const places = jobs.map(({ body, tag }) => ({
      body: this.put(body),
      bytes: body.length,
      tag: tag ? this.put(tag) : this.room(16),
    }));
    const at = this.room(32 * jobs.length);
    const view = new DataView(this.memory.buffer);
    places.forEach(({ body, bytes, tag }, i) => {
      [body, bytes, tag, 0xffff_ffff].forEach((word, k) => view.setUint32(at + 32 * i + 4 * k, word, true));
      // The header's last byte is not part of it: any value must do.
      new Uint8Array(this.memory.buffer, at + 32 * i + 16, 16).fill(GUARD).set(jobs[i]!.header.subarray(0, 15));
    });
    return { at, places };
  }

  private pieces(update: string, at: number, bytes: number, cuts: number[]): void {
    let from = 0;
    for (const to of [...cuts, bytes]) {
      this.call(update, at + from, to - from);
      from = to;
    }
  }

  private output(bytes: number, write: (out: number) => void): Uint8Array {
    const out = this.room(bytes);
    write(out);
    return this.read(out, bytes);
  }
}
