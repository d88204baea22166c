/** Received messages of many sessions on their way into one transaction: packed, with their bodies copied. */
import { BATCH_REPEAT, BATCH_SKIP, BATCH_SUITE, BATCH_TRUST, VERDICTS, type Batch, type LeaseRow } from './engine/operations.js';
import { TRUSTS } from '../core/topic.js';
import type { Lease, Received, Verdict } from './types.js';

const FIRST_BYTES = 16_384;

export class BatchWriter {
  readonly #leases: LeaseRow[] = [];
  readonly #places = new Map<Lease, number>();
  /** For leases that are equal and not the same object. */
  readonly #equals = new Map<string, number>();
  readonly #lease: number[] = [];
  readonly #id: number[] = [];
  readonly #time: number[] = [];
  readonly #flags: number[] = [];
  readonly #end: number[] = [];
  readonly #topic: (string | null)[] = [];
  readonly #expires: (number | null)[] = [];
  #bodies = new Uint8Array(FIRST_BYTES);
  #bytes = 0;

  get messages(): number {
    return this.#id.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Returns the place of the first of them. Throws TypeError or RangeError before anything is added. */
  add(messages: readonly Received[]): number {
    messages.forEach(check);
    const first = this.#id.length;
    for (const { lease, id, time, repeat, topic, expires, body, suite = 0, trust = 'proved' } of messages) {
      this.#lease.push(this.#place(lease));
      this.#id.push(id);
      this.#time.push(Math.round(time));
      this.#flags.push((repeat ? BATCH_REPEAT : 0) | (body === undefined ? BATCH_SKIP : 0) | (suite << BATCH_SUITE) | (TRUSTS.indexOf(trust) << BATCH_TRUST));
      if (body !== undefined) this.#copy(body);
      this.#end.push(this.#bytes);
      this.#topic.push(topic ?? null);
      this.#expires.push(expires === undefined ? null : Math.round(expires));
    }
    return first;
  }

  /** `pending`: bits of the consumers that are to be done with the messages. */
  finish(pending: number): Batch {
    return {
      leases: this.#leases,
      lease: Uint32Array.from(this.#lease),
      id: Uint32Array.from(this.#id),
      time: Float64Array.from(this.#time),
      flags: Uint8Array.from(this.#flags),
      end: Uint32Array.from(this.#end),
      bodies: this.#bodies,
      topic: this.#topic,
      expires: this.#expires,
      pending,
    };
  }

  #place(lease: Lease): number {
    let place = this.#places.get(lease);
    if (place === undefined) {
      const { identity, epoch, outbox } = lease;
      const name = `${epoch} ${outbox} ${identity}`;
      place = this.#equals.get(name);
      if (place === undefined) {
        place = this.#leases.push({ identity, epoch, outbox }) - 1;
        this.#equals.set(name, place);
      }
      this.#places.set(lease, place);
    }
    return place;
  }

  #copy(body: Uint8Array): void {
    if (this.#bytes + body.length > this.#bodies.length) {
      const larger = new Uint8Array(Math.max(this.#bodies.length * 2, this.#bytes + body.length));
      larger.set(this.#bodies.subarray(0, this.#bytes));
      this.#bodies = larger;
    }
    this.#bodies.set(body, this.#bytes);
    this.#bytes += body.length;
  }
}

/** A number that an array would quietly turn into another would be a receipt for the wrong message. */
function check({ lease, id, time, topic, expires, trust, body }: Received): void {
  if (typeof lease?.identity !== 'string' || !Number.isSafeInteger(lease.epoch)) throw new TypeError('a received message needs the lease that takeover gave');
  if (!Number.isInteger(id) || id < 1 || id > 0xffff_ffff) throw new RangeError(`a message number must be 1 to 4294967295, not ${id}`);
  if (!Number.isFinite(time)) throw new RangeError(`the time of a message must be in Unix ms, not ${time}`);
  if (topic !== undefined && typeof topic !== 'string') throw new TypeError('the topic of a received message must be a string, or undefined');
  if (expires !== undefined && !Number.isFinite(expires)) throw new RangeError(`a message expires at a Unix time in ms, not ${expires}`);
  if (trust !== undefined && !TRUSTS.includes(trust)) throw new TypeError(`the trust of a received message must be one of ${TRUSTS.join(', ')}`);
  if (body !== undefined && !(body instanceof Uint8Array)) throw new TypeError('the body of a received message must be a Uint8Array, or undefined for a SKIP');
}

export function verdictsOf(codes: Uint8Array): Verdict[] {
  return Array.from(codes, (code) => VERDICTS[code]!);
}
