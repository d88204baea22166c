/** A stream link read along: both halves of a TCP connection, or bytes of which it is not known who sent them. */
import * as abi from '../../assembly/abi.js';
import type { Direction, Found } from '../core/observer.js';
import type { Context } from './context.js';
import { helloFields } from './fields.js';
import { DIRECTIONS, frameOf, Session } from './session.js';
import type { Where } from './types.js';
import { foreignName, hasType, refusalName } from './words.js';

/** Who sends: side 0 or 1 of a connection, undefined where that is not known. */
export type Side = 0 | 1 | undefined;

/** How many frames may be missing where bytes are missing, and where a frame before did not hold. */
const AHEAD_OF_A_GAP = 256;
const AHEAD_OF_A_FAULT = 16;
/** type, length in two bytes, time */
const HEAD = 6;
const LONGEST_FRAME = HEAD + 16_383 + 16;

class Half {
  rest: Buffer = Buffer.alloc(0);
  /** Of the first byte of `rest` in the stream. */
  offset = 0;
  begun = false;
  /** It carries another protocol. */
  foreign = false;
  /** Frames that may be missing before the next one. */
  ahead = 0;
  /** Bytes were no frame: said once, until there is one again. */
  lost = false;
  tag: number | undefined;

  take(bytes: number): void {
    this.rest = this.rest.subarray(bytes);
    this.offset += bytes;
  }
}

export class StreamConversation {
  readonly #halves = [new Half(), new Half(), new Half()];
  #device: 0 | 1 | undefined;
  #session: Session | undefined;
  #slot: number | undefined;
  #keyId = 0;

  /** @param device  which side is the device's, where its port tells; HELLO tells better */
  constructor(private readonly context: Context, device?: 0 | 1) {
    this.#device = device;
  }

  /** Bytes of one side, in order. `where` is that of their packet; its offset is counted here. */
  data(side: Side, bytes: Buffer, where: Where, given?: Direction): void {
    const half = this.#half(side, given);
    if (half.foreign) {
      half.offset += bytes.length;
      return;
    }
    half.rest = half.rest.length === 0 ? bytes : Buffer.concat([half.rest, bytes]);
    this.#walk(half, side, where, given);
    if (half.rest.length > 0) half.rest = Buffer.from(half.rest); // what it is cut from may be large
  }

  gap(side: Side, bytes: number, where: Where): void {
    const half = this.#half(side);
    if (half.foreign) return;
    const cut = half.rest.length === 0 ? '' : `, the ${half.rest.length} bytes before them are a part of a frame`;
    this.context.note('gap', { ...where, offset: half.offset + half.rest.length }, `${bytes} bytes are not in the capture${cut}`);
    half.take(half.rest.length);
    half.offset += bytes;
    half.ahead = AHEAD_OF_A_GAP;
  }

  /** No more comes. */
  end(where: Partial<Where> = {}): void {
    this.#halves.forEach((half, i) => {
      while (half.rest.length > 0) {
        if (!half.lost) this.context.note('fault', { ...where, offset: half.offset }, `${half.rest.length} bytes begin like a frame that does not end here`);
        half.lost = true;
        this.#skip(half); // what looks like the beginning of a long frame may hold whole ones
        this.#walk(half, i === 2 ? undefined : (i as 0 | 1), { offset: 0, ...where }, undefined);
      }
    });
    if (this.#slot !== undefined) this.context.release(this.#slot);
    this.#slot = this.#session = undefined;
  }

  /** Loose bytes of which a direction is said do not mix with those of the other. */
  #half(side: Side, given?: Direction): Half {
    return this.#halves[side ?? (given === undefined ? 2 : DIRECTIONS.indexOf(given))]!;
  }

  #direction(side: Side): Direction | undefined {
    return side === undefined || this.#device === undefined ? undefined : side === this.#device ? 'to gateway' : 'to device';
  }

  #walk(half: Half, side: Side, where: Where, given: Direction | undefined): void {
    while (half.rest.length > 0) {
      const first = half.rest[0]!;
      if (!half.begun) {
        half.begun = true;
        const foreign = foreignName(first);
        if (foreign !== undefined) {
          this.context.note('other', { ...where, offset: half.offset }, `the stream begins with 0x${first.toString(16).padStart(2, '0')}: ${foreign}`);
          half.foreign = side !== undefined;
          half.lost = true; // of loose bytes the next ones may be frames
        }
        if (half.foreign) return half.take(half.rest.length);
      }
      const { status, found } = this.context.observer.split(half.rest.subarray(0, HEAD), this.#tag(half));
      if (status === abi.OK || status === abi.E_PARTIAL) {
        if (found.total === 0 || found.total > half.rest.length) return; // more is to come, at most LONGEST_FRAME
        half.lost = false;
        this.#frame(half, side, half.rest.subarray(0, found.total), found, where, given);
        half.take(found.total);
      } else this.#search(half, where, status);
    }
  }

  /** Bytes that begin no frame: a receiver ends the link here; what is left may still be of use to who reads a capture. */
  #search(half: Half, where: Where, reason: number): void {
    if (!half.lost) {
      this.context.note('fault', { ...where, offset: half.offset }, `no frame begins here, ${refusalName(reason)}; a receiver ends the link. Skipped to the next bytes that can be frames`);
    }
    half.lost = true;
    half.ahead = Math.max(half.ahead, AHEAD_OF_A_FAULT);
    this.#skip(half);
  }

  #skip(half: Half): void {
    let skip = 1;
    while (skip < half.rest.length && !this.#chain(half, skip)) skip++;
    half.take(skip);
  }

  /** Two frames of known types in a row, or one up to the end. */
  #chain(half: Half, at: number): boolean {
    for (let i = 0; i < 2; i++) {
      const head = half.rest.subarray(at, at + HEAD);
      if (head.length === 0) return true;
      if (head[0]! < abi.FLAG_NATIVE || !hasType(head[0]! & abi.TYPE_MASK)) return false;
      const { found } = this.context.observer.split(head, this.#tag(half));
      if (found.total === 0 || at + found.total > half.rest.length) return false;
      at += found.total;
    }
    return true;
  }

  /** The suite tells how long a tag is; where it was not seen, the length under which more of what is there are frames. */
  #tag(half: Half): number {
    const known = this.#session?.tag ?? half.tag;
    if (known !== undefined) return known;
    const [long, short] = [16, 8].map((tag) => this.#count(half, tag));
    if (Math.max(long!, short!) < 2) return 16;
    return (half.tag = short! > long! ? 8 : 16);
  }

  #count(half: Half, tag: number): number {
    let frames = 0;
    for (let at = 0; frames < 8; frames++) {
      const head = half.rest.subarray(at, at + HEAD);
      if (head.length === 0 || !hasType(head[0]! & abi.TYPE_MASK)) break;
      const { found } = this.context.observer.split(head, tag);
      if (found.total === 0 || at + found.total > half.rest.length) break;
      at += found.total;
    }
    return frames;
  }

  #frame(half: Half, side: Side, bytes: Buffer, head: Found, where: Where, given: Direction | undefined): void {
    const first = bytes[0]!;
    const frame = frameOf(first, 'stream', bytes.length, { ...where, offset: half.offset });
    const at = Math.floor(where.at ?? 0);
    const body = bytes.subarray(bytes.length - head.bytes);
    if (first === (abi.HELLO | abi.FLAG_NATIVE) && side !== undefined && this.#session?.challenged) {
      // A stream carries one handshake; loose bytes may be several streams'.
      Object.assign(frame, { verdict: 'refused', why: refusalName(abi.REFUSED_STATE), direction: this.#direction(side), bytes: head.bytes, fields: helloFields(body) });
    } else if (first === (abi.HELLO | abi.FLAG_NATIVE)) {
      if (side !== undefined) this.#device = side;
      this.#slot ??= this.context.claim();
      this.#session = new Session(this.context.observer, this.#slot, this.context.keys, 'stream', where.at !== undefined);
      const told = this.#session.hello(body);
      this.#keyId = Number(told.fields['keyId'] ?? 0);
      Object.assign(frame, told, { direction: 'to gateway', bytes: head.bytes });
    } else if (first === (abi.CHALLENGE | abi.FLAG_NATIVE)) {
      if (side !== undefined) this.#device ??= side === 0 ? 1 : 0;
      this.#session ??= this.#unseen(where);
      Object.assign(frame, this.#session.challenge(body, at, this.#keyId), { direction: 'to device', bytes: head.bytes });
    } else if (first === (abi.PROOF | abi.FLAG_NATIVE)) {
      this.#session ??= this.#unseen(where);
      Object.assign(frame, this.#session.proof(body, at), { direction: 'to gateway', bytes: head.bytes });
    } else {
      this.#session ??= this.#unseen(where);
      const clear = { ...head, body: Buffer.from(bytes.subarray(head.total - head.bytes - this.#tag(half), head.total - this.#tag(half))) };
      Object.assign(frame, this.#session.frame(bytes, given ?? this.#direction(side), half.ahead, at, clear));
      // One that does not hold may have been put in between, or may stand for one that was taken: both are tried.
      if (this.#session.keyed) half.ahead = frame.verdict === 'holds' ? 0 : Math.min(AHEAD_OF_A_GAP, Math.max(half.ahead, AHEAD_OF_A_FAULT));
    }
    this.context.frame(frame, this.#session);
  }

  #unseen(where: Where): Session {
    this.#slot ??= this.context.claim();
    return new Session(this.context.observer, this.#slot, this.context.keys, 'stream', where.at !== undefined);
  }
}

/** What a half may hold back: less than one frame. */
export const MOST_HELD = LONGEST_FRAME;
