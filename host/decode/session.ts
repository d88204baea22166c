/** One session as it is read along: its handshake, the key that fits it, and its frames. */
import * as abi from '../../assembly/abi.js';
import type { Direction, Found, Observer } from '../core/observer.js';
import { bodyFields, C_BYTES, challengeFields, helloFields, helloLength, readChallenge, type Fields } from './fields.js';
import type { FindKeys, Frame, Verdict, Where } from './types.js';
import { refusalName, tagBytes, typeName } from './words.js';

export interface Judged {
  verdict: Verdict;
  why: string;
}

export const HOLDS: Judged = { verdict: 'holds', why: '' };
const REFUSED = (reason: number): Judged => ({ verdict: 'refused', why: refusalName(reason) });
const UNKNOWN = (why: string): Judged => ({ verdict: 'unknown', why });

export const DIRECTIONS: readonly Direction[] = ['to gateway', 'to device'];

export class Session {
  identity: string | undefined;
  number: number | undefined;
  suite: number | undefined;
  epoch: number | undefined;
  #keyed = false;
  /** Why frames cannot be opened. */
  #locked = 'its handshake was not seen';
  #challenged = false;
  /** Frames of each direction that were counted, where no key tells. */
  readonly #counted: Record<Direction, number> = { 'to gateway': 0, 'to device': 0 };

  constructor(
    private readonly observer: Observer,
    private readonly n: number,
    private readonly keys: FindKeys,
    private readonly link: 'stream' | 'datagram',
    timed: boolean,
  ) {
    observer.open(n, { datagram: link === 'datagram', timed });
  }

  get tag(): number | undefined {
    return this.suite === undefined ? undefined : tagBytes(this.suite);
  }

  /** HELLO and CHALLENGE were seen. */
  get challenged(): boolean {
    return this.#challenged;
  }

  get keyed(): boolean {
    return this.#keyed;
  }

  hello(body: Buffer): Judged & { fields: Fields } {
    const fields = helloFields(body);
    const status = this.observer.hello(this.n, body);
    if (status !== abi.OK) return { ...REFUSED(status), fields };
    this.identity = fields['identity'] as string;
    this.#locked = 'no CHALLENGE was seen for its HELLO';
    return { ...UNKNOWN('HELLO carries no proof; PROOF covers it'), fields };
  }

  challenge(body: Buffer, at: number, keyId: number): Judged & { fields: Fields } {
    const fields = challengeFields(body);
    const status = this.observer.challenge(this.n, body, at);
    if (status === abi.E_STATE) {
      if (!this.#challenged) this.#take(body); // the tag's length and the session's number are of use without HELLO too
      return { ...UNKNOWN(this.#challenged ? 'an answer to this HELLO was seen before' : 'the HELLO that it answers was not seen'), fields };
    }
    if (status !== abi.OK) return { ...REFUSED(status), fields };
    this.#take(body);
    this.#challenged = true;
    return { ...this.#unlock(keyId), fields };
  }

  /** On datagrams PROOF brings H and C again, and is enough where they were not seen. */
  proof(body: Buffer, at: number): Judged & { fields: Fields } {
    const datagram = this.link === 'datagram';
    const h = datagram ? helloLength(body) : 0;
    const fields = datagram ? { ...helloFields(body), ...challengeFields(body.subarray(h, h + C_BYTES)) } : {};
    const status = this.observer.proof(this.n, body, at);
    if (status === abi.E_STATE) return { ...UNKNOWN('the CHALLENGE that it answers was not seen'), fields };
    if (status !== abi.OK) return { ...REFUSED(status), fields };
    if (this.#keyed) return { ...HOLDS, fields };
    if (!datagram) return { ...UNKNOWN(this.#locked), fields };
    if (!this.#challenged) {
      this.identity = helloFields(body)['identity'] as string;
      this.#take(body.subarray(h));
      this.#challenged = true;
    }
    return { ...this.#unlock(body[abi.H_KEY_ID]!), fields };
  }

  #take(c: Buffer): void {
    const challenge = readChallenge(c);
    if (challenge === undefined) return;
    this.suite = challenge.suite;
    this.number = challenge.session;
    this.epoch = challenge.epoch;
  }

  /** Tries what keys there are by the proof that was seen. */
  #unlock(keyId: number): Judged {
    if (this.#keyed) return HOLDS;
    const keys = this.keys(this.identity!, keyId);
    if (keys.length === 0) {
      this.#locked = `no key for ${this.identity} was given`;
      return UNKNOWN(this.#locked);
    }
    this.#keyed = keys.some((key) => this.observer.key(this.n, key));
    if (this.#keyed) return HOLDS;
    this.#locked = `the key given for ${this.identity} is not this session's`;
    return { verdict: 'refused', why: `bad proof: not made with the key that was given for ${this.identity}` };
  }

  /**
   * A protected frame. Without a direction both are tried; `ahead` is how many frames may be missing before it.
   * `head` is what is clear: a stream's by the core's split, a datagram's none.
   */
  frame(bytes: Buffer, direction: Direction | undefined, ahead: number, at: number, head: Found | undefined): Partial<Frame> {
    const code = bytes[0]! & abi.TYPE_MASK;
    if (code === abi.READY) direction ??= 'to device';
    if (!this.#keyed) return { ...this.#clear(bytes, direction, head), ...UNKNOWN(this.#locked) };
    let best: { direction: Direction; status: number; found: Found } | undefined;
    for (let skipped = 0; skipped <= ahead; skipped++) {
      for (const way of direction === undefined ? DIRECTIONS : [direction]) {
        const { status, found } = this.observer.frame(this.n, way, bytes, skipped, at);
        if (status !== abi.REFUSED_BAD_TAG) best = { direction: way, status, found };
        else best ??= { direction: way, status, found };
        if (opened(best.status, best.found)) return this.#tell(best, code);
      }
      if (best!.status !== abi.REFUSED_BAD_TAG) break; // refused before the tag: no other counter helps
    }
    const told = this.#tell(best!, code);
    return direction === undefined ? { ...told, direction: undefined } : told;
  }

  #tell({ direction, status, found }: { direction: Direction; status: number; found: Found }, code: number): Partial<Frame> {
    const holds = status === abi.OK;
    const tagged = opened(status, found);
    const time = found.total === 0 ? {} : { time: found.time, ...(this.epoch === undefined ? {} : { unix: this.epoch + found.time }) };
    return {
      direction,
      ...(holds ? HOLDS : REFUSED(status)),
      ...(found.total === 0 ? {} : { counter: exact(found.counter) }),
      ...time,
      ...(tagged ? { off: found.off, body: found.body, fields: bodyFields(code, found.body) } : {}),
      ...(found.id === 0 ? {} : { id: found.id, age: found.age }),
      bytes: found.bytes,
    };
  }

  /** What can be seen of a frame without its key. */
  #clear(bytes: Buffer, direction: Direction | undefined, head: Found | undefined): Partial<Frame> {
    const sealed = this.suite === abi.SUITE_SEALED || this.suite === undefined;
    if (this.link === 'datagram') {
      const tag = this.tag ?? 16;
      return {
        direction,
        counter: bytes.readUInt16BE(5),
        time: bytes.readUIntBE(7, 3),
        timeBits: 24,
        bytes: Math.max(0, bytes.length - DATAGRAM_HEAD - tag),
        ...(sealed ? {} : { body: Buffer.from(bytes.subarray(DATAGRAM_HEAD, bytes.length - tag)) }),
      };
    }
    const counted = direction === undefined ? {} : { counter: this.#counted[direction]++ };
    return { direction, ...counted, time: head!.time, timeBits: 24, bytes: head!.bytes, ...(sealed ? {} : { body: head!.body }) };
  }
}

/** type, session, seq, time */
export const DATAGRAM_HEAD = 10;

/** The tag held, whatever was found behind it: before the tag only the form is known, and a refusal of that has no total. */
function opened(status: number, found: Found): boolean {
  return status !== abi.REFUSED_BAD_TAG && found.total !== 0;
}

function exact(counter: bigint): number | string {
  return counter <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(counter) : String(counter);
}

/** A frame as far as its first byte and its place tell. */
export function frameOf(first: number, link: 'stream' | 'datagram', total: number, where: Where): Frame {
  const code = first & abi.TYPE_MASK;
  return {
    kind: 'frame', ...where, link, direction: undefined, type: typeName(code), code,
    wanted: (first & abi.FLAG_WANTED) !== 0, repeat: (first & abi.FLAG_REPEAT) !== 0,
    total, bytes: 0, verdict: 'unknown', why: '', fields: {},
  };
}
