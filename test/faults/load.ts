/**
 * What a cell sends: messages with acknowledgement up or down, with gaps between them so that faults fall everywhere, some
 * with a short lifetime so that some expire; and between them messages without acknowledgement, which may be lost, but
 * come neither twice nor altered nor older than the protocol promises.
 */
import type { DeviceMessage } from 'tidelock/device';
import type { Gateway } from 'tidelock/gateway';
import type { InboxRow, Registry } from 'tidelock/registry';
import type { TestClock } from '../gateway/support.js';
import type { Appliance } from './appliance.js';
import type { Ledger, Told } from './ledger.js';
import { between, type Random } from './packet.js';
import { LONG, type Site } from './site.js';

/** Messages that wait for their end at a time: more than the 64 that may be outstanding. */
const AT_ONCE = 100;
/** One message in ten may live only so long, ms. */
const SHORT = 6_000;
/** The worst age of a frame that passes: the window of 2 s, and half of a round trip of 2 s. */
const WORST_AGE = 3_000;
/** By so much the time of a message may be off: half of a round trip of 2 s, its age in sixteenths of a second, drift. */
const TIME_OFF = 1_200;

export interface LoadParts {
  clock: TestClock;
  random: Random;
  site: Site;
  appliance: Appliance;
  ledger: Ledger;
  /** To be reached. */
  acknowledged: number;
}

export abstract class Load {
  protected readonly parts: LoadParts;
  /** Unix ms at which each message was given to its sender. */
  protected readonly given: number[] = [];
  protected acknowledged = 0;
  protected open = 0;
  #posts = 0;
  readonly #posted = new Set<string>();

  constructor(parts: LoadParts) {
    this.parts = parts;
    this.#next();
  }

  get progress(): number {
    return this.acknowledged;
  }

  /** All that is wanted is acknowledged, and everything that was sent has ended. */
  get done(): boolean {
    return this.acknowledged >= this.parts.acknowledged && this.open === 0;
  }

  /** A new gateway stands. */
  abstract opened(gateway: Gateway, registry: Registry): void;
  /** The device has something. */
  abstract message(message: DeviceMessage): unknown;
  /** Everything has ended: reports to the ledger what has not been reported yet. */
  abstract finish(): Promise<void>;
  protected abstract send(lifetime: number): void;
  protected abstract post(body: string): void;

  protected ended(number: number, told: Told): void {
    this.open -= 1;
    if (told === 'acknowledged') this.acknowledged += 1;
    this.parts.ledger.told(number, told);
  }

  /** What was posted has come. */
  protected came(body: string): void {
    const { ledger, clock } = this.parts;
    const [, at = ''] = body.split(' '), age = clock.unix() - Number(at);
    if (!this.#posted.delete(body)) ledger.problem('post', `${JSON.stringify(body)} came twice, or was never posted`);
    if (age > WORST_AGE || age < 0) ledger.problem('stale', `${JSON.stringify(body)} was ${age} ms old`);
  }

  protected timed(number: number, time: number): void {
    const off = Math.round(time - this.given[number]!);
    if (Math.abs(off) > TIME_OFF) this.parts.ledger.problem('wrong time', `${number} is off by ${off} ms`);
  }

  #next(): void {
    const { clock, random, acknowledged } = this.parts;
    if (this.acknowledged >= acknowledged) return;
    if (this.open < AT_ONCE) {
      this.given.push(clock.unix());
      this.open += 1;
      this.send(random() < 0.1 ? between(random, 1, SHORT) : LONG);
    }
    if (random() < 0.2) {
      const body = `post-${this.#posts++} ${clock.unix()}`;
      this.#posted.add(body);
      this.post(body);
    }
    clock.after(random() < 0.2 ? 0 : between(random, 1, 60), () => this.#next());
  }
}

/** Readings: the device sends, the inbox of the gateway has them. */
export class UpLoad extends Load {
  opened(gateway: Gateway): void {
    gateway.on('message', (message) => this.came(message.text()));
  }

  message(): void {
    // Nothing is sent down here.
  }

  async finish(): Promise<void> {
    const { site, ledger } = this.parts;
    for (const row of await inbox(site.registry)) {
      const number = ledger.came(row.body.toString());
      if (number >= 0) this.timed(number, row.time);
    }
  }

  protected send(lifetime: number): void {
    const { number, body } = this.parts.ledger.next();
    this.parts.appliance.device.send(body, { lifetime }).acknowledged.then(
      () => this.ended(number, 'acknowledged'),
      (error: Error & { code?: string }) => this.ended(number, error.code ?? error.message),
    );
  }

  protected post(body: string): void {
    this.parts.appliance.device.post(body);
  }
}

const ENDS: Record<string, Told> = { delivered: 'acknowledged', expired: 'EXPIRED', 'in doubt': 'IN_DOUBT' };

/** Commands: the gateway queues them, the device obeys. */
export class DownLoad extends Load {
  /** Messages by the name under which they wait. */
  readonly #named = new Map<string, number>();
  /** Ends that were told before the name was known, and what was told by the gateway itself. */
  readonly #ends = new Map<string, string>();

  message(message: DeviceMessage): unknown {
    const { clock, random, ledger } = this.parts, body = message.text();
    if (message.id === 0) return this.came(body);
    const number = ledger.came(body);
    if (number >= 0) this.timed(number, message.time);
    // Some take their time, so that a link may be lost between obeying and the acknowledgement.
    return random() < 0.1 ? new Promise<void>((resolve) => clock.after(between(random, 1, 3_000), resolve)) : undefined;
  }

  opened(_gateway: Gateway, registry: Registry): void {
    registry.on('ended', ({ message, end }) => {
      if (this.#ends.has(message)) this.parts.ledger.problem('told twice', `${message}: ${end}`);
      this.#ends.set(message, end);
      const number = this.#named.get(message);
      if (number !== undefined) this.ended(number, ENDS[end] ?? end);
    });
  }

  async finish(): Promise<void> {
    const { registry } = this.parts.site;
    for (const [name, number] of this.#named) {
      const outcome = await registry.outcome(name);
      const end = outcome !== undefined && 'end' in outcome ? outcome.end : 'waits';
      if (end !== this.#ends.get(name)) this.parts.ledger.problem('false end', `${number} is ${end}, and was told as ${this.#ends.get(name)}`);
    }
  }

  protected send(lifetime: number): void {
    const { gateway } = this.parts.site, { ledger } = this.parts;
    if (gateway === undefined) {
      this.given.pop();
      this.open -= 1;
      return;
    }
    const { number, body } = ledger.next();
    const sending = gateway.send(this.parts.appliance.device.id, body, { lifetime });
    sending.queued.then(
      (name) => {
        this.#named.set(name, number);
        const end = this.#ends.get(name);
        if (end !== undefined) this.ended(number, ENDS[end] ?? end);
      },
      // The gateway closed while it was being queued: it may stand in the queue under a name that nobody was told.
      (error: Error & { code?: string }) => this.ended(number, error.code === 'CLOSED' ? 'IN_DOUBT' : error.message),
    );
    sending.acknowledged.then(() => 'delivered', (error: { code?: string }) => error.code).then((told) => {
      if (told === 'CLOSED') return; // the gateway has closed, the message waits
      void sending.queued.then((name) => {
        const end = this.#ends.get(name)!;
        if ((end === 'delivered' ? end : ENDS[end]) !== told) ledger.problem('false end', `${number} is ${end}, and its sender was told ${told}`);
      });
    }, () => undefined);
  }

  protected post(body: string): void {
    this.parts.site.gateway?.post(this.parts.appliance.device.id, body);
  }
}

/** Every row, in the inbox's order. */
export async function inbox(registry: Registry): Promise<InboxRow[]> {
  const rows: InboxRow[] = [];
  for (;;) {
    const more = await registry.read({ after: rows.at(-1)?.position ?? 0, limit: 1_000 });
    if (more.length === 0) return rows;
    rows.push(...more);
  }
}
