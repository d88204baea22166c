// What the hosts of the two sides keep: the sender's messages and their ends, the receiver's record and what it took.

import { EngineDevice } from './device.js';
import { abi } from './engine.js';

export const KEY = new Uint8Array(32).fill(0x5a);

export interface Message {
  body: string;
  /** Given up or refused: SKIP goes in its place. */
  skip: boolean;
  sent?: boolean;
}

/** A sender's own account of one outbox, and what became of each body. */
export class Outbox {
  messages = new Map<number, Message>();
  low = 1;
  next = 1;
  sentBefore = 0;
  /** body → how it ended. */
  ends = new Map<string, 'delivered' | 'refused' | 'in doubt' | 'skipped'>();

  constructor(public number: number) {}

  add(body: string): void {
    this.messages.set(this.next++, { body, skip: false });
  }

  /** Puts a SKIP at the head, so that no message is id 1. */
  lead(): void {
    const rest = [...this.messages.values()];
    this.messages = new Map([{ body: `head of ${this.number}`, skip: true }, ...rest].map((message, i) => [i + 1, message]));
    this.next = rest.length + 2;
  }

  get highestSent(): number {
    return [...this.messages].reduce((most, [id, { sent }]) => (sent ? Math.max(most, id) : most), this.low - 1);
  }

  private end(body: string, how: 'delivered' | 'refused' | 'in doubt' | 'skipped'): void {
    if (this.ends.has(body)) throw new Error(`${body} ended as ${this.ends.get(body)} and again as ${how}`);
    this.ends.set(body, how);
  }

  result(id: number, status: number): void {
    if (status === abi.ACK_OK) {
      if (id < this.low) throw new Error(`id ${id} is delivered again`);
      for (; this.low <= id; this.low++) {
        const { body, skip } = this.messages.get(this.low)!;
        if (!skip) this.end(body, 'delivered');
        else if (!this.ends.has(body)) this.end(body, 'skipped');
        this.messages.delete(this.low);
      }
    } else if (status < abi.ACK_STALE) {
      const message = this.messages.get(id);
      if (!message) throw new Error(`id ${id} is refused, which nobody sent`);
      if (!message.skip) this.end(message.body, 'refused'); // it may be said again while SKIP is under way
      message.skip = true;
    }
  }

  /** Its lifetime is over, or its sender wants it no more: SKIP goes under its id. */
  giveUp(id: number): void {
    const message = this.messages.get(id);
    if (message) message.skip = true;
  }

  /** The peer does not know this outbox: what may have been taken is in doubt, the rest begins anew at 1. */
  renew(number: number, doubt: number): void {
    const rest: Message[] = [];
    for (const [id, message] of [...this.messages].sort(([a], [b]) => a - b)) {
      if (id <= doubt) {
        if (!this.ends.has(message.body)) this.end(message.body, 'in doubt');
      } else if (!message.skip) rest.push({ ...message, sent: false });
      else if (!this.ends.has(message.body)) this.end(message.body, 'skipped');
    }
    this.number = number;
    this.messages = new Map(rest.map((message, i) => [i + 1, message]));
    this.low = 1;
    this.next = rest.length + 1;
  }
}

/** A receiver's record and what its application saw. */
export class Inbox {
  outbox = 0;
  last = 0;
  /** Bodies in the order in which they were taken for good. */
  taken: string[] = [];
  /** Reported and not decided. */
  waiting: { id: number; body: string; skip: boolean }[] = [];
  /** What the next verdicts are; 'later' holds them back. */
  policy: (body: string) => number | 'later' = () => abi.ACK_OK;
}

export interface WorldOptions {
  link?: 'stream' | 'datagram';
  suite?: number;
  /** The device's record and outbox survive its restarts. */
  durable?: boolean;
  idle?: number;
  deviceBuild?: string;
  gatewayBuild?: string;
}

/** A device with what its host has kept. */
export function deviceOf(options: WorldOptions, link: number, now: number, out: Outbox, record: Inbox): EngineDevice {
  return new EngineDevice({
    build: options.deviceBuild,
    key: KEY,
    link,
    suites: options.suite ?? abi.SUITE_SEALED,
    outbox: out.number,
    outLow: out.low,
    outSent: out.highestSent,
    outNext: out.next,
    inOutbox: record.outbox,
    inLast: record.last,
    now,
  });
}
