/**
 * Receipts and queues of a gateway without a registry: the same meaning, in memory. A restart forgets them, and then
 * devices are told that their outbox is unknown, as the protocol provides.
 */
import { EventEmitter } from 'node:events';
import { DATA, DELIVER } from '../../assembly/abi.js';
import type { Clock } from '../clock.js';
import { deliverBody, hasHead, readHead } from '../core/topic.js';
import { newOutboxNumber, Outbox, type OutboxMessage, type OutboxTotals } from '../delivery/outbox.js';
import { TidelockError, type ErrorCode } from '../errors.js';
import type {
  DeliveryStore, End, Ended, Lease, Outbound, Queued, QueueOptions, Received, Takeover, Verdict, Waiting,
} from '../registry/types.js';
import { messageName } from '../registry/names.js';
import { LARGEST_ACKNOWLEDGED, checkTopic, checkTrust } from '../options.js';

export interface VolatileBounds {
  messages: number;
  bytes: number;
  bytesTotal: number;
  /** Identities remembered. */
  identities: number;
}

interface Entry {
  epoch: number;
  inOutbox: number;
  inLast: number;
  outNumber: number;
  outbox: Outbox | undefined;
}

const ENDS: Partial<Record<ErrorCode, End>> = {
  EXPIRED: 'expired', REFUSED: 'refused', TOO_LONG: 'too long', NO_TARGET: 'no target', IN_DOUBT: 'in doubt', CANCELLED: 'cancelled',
};

export class VolatileStore extends EventEmitter implements DeliveryStore {
  readonly totals: OutboxTotals;
  readonly #bounds: VolatileBounds;
  readonly #clock: Clock;
  readonly #known: (identity: string) => boolean;
  /** In order of the last takeover. */
  readonly #entries = new Map<string, Entry>();
  /** Identities for which something waits, and messages by name. */
  readonly #queues = new Map<string, Outbox>();
  readonly #names = new Map<string, OutboxMessage>();
  readonly #online: (identity: string) => boolean;
  #epoch = 0;

  /** `known` false: `enqueue` is refused. `online`: such an identity is not forgotten. */
  constructor(bounds: VolatileBounds, clock: Clock, known: (identity: string) => boolean, online: (identity: string) => boolean) {
    super();
    this.#bounds = bounds;
    this.#clock = clock;
    this.#known = known;
    this.#online = online;
    this.totals = { delivered: 0, failed: 0, bytes: 0, most: bounds.bytesTotal };
  }

  /** At once: there is nothing to wait for. */
  begin(identity: string, outbox: number): Takeover {
    const entry = this.#entry(identity);
    this.#entries.delete(identity);
    this.#entries.set(identity, entry);
    entry.epoch = ++this.#epoch;
    if (entry.inOutbox !== outbox) {
      entry.inOutbox = outbox;
      entry.inLast = 0;
    }
    const out = entry.outbox;
    return {
      lease: { identity, epoch: entry.epoch, outbox },
      receipts: {
        inLast: entry.inLast, outOutbox: entry.outNumber, outLow: out?.low ?? 1, outSent: out?.sent ?? 0, outNext: out?.ready ?? 1,
      },
    };
  }

  takeover(identity: string, outbox: number): Promise<Takeover> {
    return Promise.resolve(this.begin(identity, outbox));
  }

  /** The last message taken from this outbox of the device, 0: none. */
  last(identity: string, outbox: number): number {
    const entry = this.#entries.get(identity);
    return entry?.inOutbox === outbox ? entry.inLast : 0;
  }

  /** A handler has taken the message: from now on it is not asked for again. It may have ended after its session. */
  taken(identity: string, outbox: number, id: number): void {
    const entry = this.#entries.get(identity);
    if (entry?.inOutbox === outbox && id > entry.inLast) entry.inLast = id;
  }

  commit(messages: readonly Received[]): Promise<Verdict[]> {
    return Promise.resolve(messages.map(({ lease, id }) => {
      if (this.#holding(lease) === undefined) return 'superseded';
      this.taken(lease.identity, lease.outbox, id);
      return 'durable';
    }));
  }

  async enqueue(identity: string, body: string | Uint8Array, options: QueueOptions = {}): Promise<Queued> {
    if (!this.#known(identity)) throw new TidelockError('DEVICE_UNKNOWN', { identity });
    const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : Uint8Array.from(body);
    const { topic } = options;
    const whole = topic === undefined ? bytes : deliverBody(checkTopic(topic), checkTrust(options.trust ?? 'proved'), bytes);
    if (whole.length > LARGEST_ACKNOWLEDGED) {
      throw new TidelockError('TOO_LONG', { bytes: bytes.length, largest: LARGEST_ACKNOWLEDGED - whole.length + bytes.length });
    }
    const entry = this.#entry(identity);
    const outbox = this.#outboxOf(identity, entry);
    const message = outbox.add(whole, this.#clock.unix(), {
      type: topic === undefined ? DATA : DELIVER, lifetime: options.lifetime ?? 60_000, doubt: options.doubt ?? 'report', signal: undefined,
    });
    if (!message.outcome.open) await message.acknowledged; // the queue is full: thrown
    message.name = messageName(identity, outbox.number, message.id);
    this.#names.set(message.name, message);
    this.#queues.set(identity, outbox);
    return { message: message.name, next: outbox.ready };
  }

  take(lease: Lease, first: number, count: number): Promise<Outbound[] | undefined> {
    const outbox = this.#holding(lease)?.outbox;
    if (outbox === undefined) return Promise.resolve(undefined);
    const now = this.#clock.unix();
    outbox.expire(now);
    const batch = outbox.take(first, count, now);
    if (batch.length > 0) outbox.framed(batch[0]!.id, batch.at(-1)!.id);
    return Promise.resolve(batch.map(({ id, type, body, age, repeat }) => {
      const name = outbox.get(id)?.name;
      return { id, type, message: name ?? '', body: name === undefined ? undefined : body, made: now - age, repeat };
    }));
  }

  delivered(lease: Lease, id: number): Promise<number | undefined> {
    return this.#change(lease, (outbox) => outbox.acknowledged(id));
  }

  refused(lease: Lease, id: number, status: number): Promise<number | undefined> {
    return this.#change(lease, (outbox) => outbox.refused(id, status));
  }

  async untaken(lease: Lease, id: number): Promise<void> {
    await this.#change(lease, (outbox) => outbox.untaken(id));
  }

  async renew(lease: Lease, doubt: number): Promise<void> {
    await this.#change(lease, (outbox) => outbox.renew(doubt));
    const entry = this.#holding(lease);
    if (entry === undefined) return;
    entry.outNumber = entry.outbox?.number ?? newOutboxNumber();
    entry.epoch = ++this.#epoch;
  }

  /** Something waits for a device that is connected. */
  get waitsForOnline(): boolean {
    for (const identity of this.#queues.keys()) if (this.#online(identity)) return true;
    return false;
  }

  /** Ends everything that waits. */
  close(): void {
    for (const outbox of [...this.#queues.values()]) {
      outbox.close((message) => (message.sent ? new TidelockError('IN_DOUBT') : new TidelockError('CLOSED', { what: 'the gateway' })));
    }
  }

  cancel(name: string): Promise<'cancelled' | 'sent' | 'unknown'> {
    const message = this.#names.get(name);
    if (message === undefined) return Promise.resolve('unknown');
    const outbox = this.#queues.get(name.slice(0, name.lastIndexOf('#')));
    return Promise.resolve(outbox?.cancel(message) === true ? 'cancelled' : 'sent');
  }

  expire(): Promise<number | undefined> {
    const now = this.#clock.unix();
    let next = Infinity;
    for (const outbox of this.#queues.values()) {
      outbox.expire(now);
      next = Math.min(next, outbox.nextDeadline);
    }
    return Promise.resolve(next === Infinity ? undefined : next);
  }

  waiting(options: { identity?: string; after?: string; limit?: number } = {}): Promise<Waiting[]> {
    const rows: Waiting[] = [];
    let seen = options.after === undefined;
    for (const [name, message] of this.#names) {
      const identity = name.slice(0, name.lastIndexOf('#'));
      if (seen && (options.identity === undefined || identity === options.identity)) rows.push(waitingRow(name, identity, message));
      if (name === options.after) seen = true;
      if (rows.length >= (options.limit ?? 1_000)) break;
    }
    return Promise.resolve(rows);
  }

  outcome(name: string): Promise<Waiting | undefined> {
    const message = this.#names.get(name); // ends are not kept: whoever asked for one got it
    return Promise.resolve(message === undefined ? undefined : waitingRow(name, name.slice(0, name.lastIndexOf('#')), message));
  }

  #entry(identity: string): Entry {
    let entry = this.#entries.get(identity);
    if (entry === undefined) {
      entry = { epoch: 0, inOutbox: 0, inLast: 0, outNumber: newOutboxNumber(), outbox: undefined };
      this.#entries.set(identity, entry);
      if (this.#entries.size > this.#bounds.identities) this.#forget();
    }
    return entry;
  }

  /** The one that connected longest ago and has nothing waiting. Then its device's outbox is unknown, as after a restart. */
  #forget(): void {
    for (const identity of this.#entries.keys()) {
      if (this.#online(identity) || this.#queues.has(identity)) continue;
      this.#entries.delete(identity);
      return;
    }
  }

  #outboxOf(identity: string, entry: Entry): Outbox {
    if (entry.outbox !== undefined) return entry.outbox;
    const { messages, bytes } = this.#bounds;
    const outbox = new Outbox(identity, { messages, bytes, full: 'refuse' }, this.totals);
    outbox.number = entry.outNumber;
    outbox.ended = (message, error) => {
      const { name } = message;
      if (name === undefined) return; // it was never in the queue
      this.#names.delete(name);
      if (outbox.size === 0) this.#queues.delete(identity);
      const end = error === undefined ? 'delivered' : ENDS[error.code];
      if (end === undefined) return; // the gateway closes, and tells its senders so itself
      const ended: Ended = { message: name, identity, end, at: this.#clock.unix() };
      this.emit('ended', ended);
    };
    entry.outbox = outbox;
    return outbox;
  }

  #holding(lease: Lease): Entry | undefined {
    const entry = this.#entries.get(lease.identity);
    return entry?.epoch === lease.epoch ? entry : undefined;
  }

  #change(lease: Lease, change: (outbox: Outbox) => void): Promise<number | undefined> {
    const outbox = this.#holding(lease)?.outbox;
    if (outbox === undefined) return Promise.resolve(undefined);
    change(outbox);
    return Promise.resolve(outbox.ready);
  }
}

function waitingRow(name: string, identity: string, message: OutboxMessage): Waiting {
  const { body, type, made, deadline, sent } = message;
  const head = hasHead(type) ? readHead(type, Buffer.from(body.buffer, body.byteOffset, body.length), 0) : undefined;
  return { message: name, identity, bytes: body.length - (head?.bytes ?? 0), ...(head && { topic: head.topic }), made, deadline, sent };
}
