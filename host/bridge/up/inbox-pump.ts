/** Mode `inbox`: rows of the inbox go to the broker, and are done when it has acknowledged them. */
import type { InboxRow } from '../../registry/types.js';
import type { Connection } from '../connection.js';
import type { Shared } from '../context.js';
import { Feed } from '../feed.js';
import { LOSES, type Content, type Item } from '../lane.js';
import { FAILURE, isForGood, NOBODY, reasonText } from '../packets.js';
import { contentOf } from './reading.js';

/** ms for which a device's rows rest after the broker would not take one: doubled from the first to the last. */
const FIRST_REST = 1_000;
const LAST_REST = 60_000;

interface Row extends InboxRow {
  readonly bytes: number;
}

/** A device whose oldest row the broker would not take now. */
interface Rest {
  readonly position: number;
  wait: number;
}

class InboxItem implements Item {
  readonly identity: string;
  losses = 0;
  readonly row: Row;
  readonly #pump: InboxPump;

  constructor(pump: InboxPump, row: Row) {
    this.#pump = pump;
    this.row = row;
    this.identity = row.identity;
  }

  get wanted(): boolean {
    return !this.#pump.rests(this.identity);
  }

  content(connection: Connection): Content | undefined {
    return this.#pump.content(this.row, connection);
  }

  settle(reason: number): void {
    this.#pump.settled(this, reason);
  }
}

export class InboxPump {
  readonly #shared: Shared;
  readonly #feed: Feed<Row>;
  readonly #resting = new Map<string, Rest>();
  readonly #waits = new Map<string, number>();
  readonly #onInbox = (): void => this.#feed.wake();
  #rested: (() => void) | undefined;
  #closed = false;

  constructor(shared: Shared) {
    this.#shared = shared;
    const { host: { registry, failed, clock }, lanes } = shared;
    this.#feed = new Feed<Row>(registry, lanes, {
      read: async (after, limit) => (await registry.read({ after, limit, consumer: 'bridge' })).map((row) => ({ ...row, bytes: row.body.length })),
      done: (positions) => registry.done(positions, 'bridge'),
      item: (row) => new InboxItem(this, row),
      takes: ({ identity }) => !this.#resting.has(identity),
      failed,
      clock,
    });
    registry.on('inbox', this.#onInbox);
  }

  start(): void {
    this.#feed.wake();
  }

  /** Fulfilled once all that stood in the inbox has gone, what the broker would not take at first too: else newer messages would overtake it. */
  async drained(): Promise<void> {
    await this.#feed.drained();
    while (this.#resting.size > 0) {
      await new Promise<void>((resolve) => (this.#rested = resolve));
      await this.#feed.drained();
    }
  }

  retried(): void {
    this.#feed.again(1);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#shared.host.registry.off('inbox', this.#onInbox);
    return this.#feed.close();
  }

  rests(identity: string): boolean {
    return this.#resting.has(identity);
  }

  content({ identity, message, body, time, suite, trust, topic, expires }: Row, { version }: Connection): Content | undefined {
    const { host: { clock }, counts } = this.#shared;
    const left = secondsLeft(expires, clock.unix());
    if (left === 0) {
      counts.expired += 1;
      return undefined;
    }
    return contentOf(this.#shared, version, { identity, name: message.slice(identity.length + 1), topic, time, trust, suite, body }, left);
  }

  settled(item: InboxItem, reason: number): void {
    const { counts, setup, lanes } = this.#shared, { row } = item;
    if (reason === NOBODY) counts.nobody += 1;
    if (reason >= 0 && (reason < FAILURE && !(reason === NOBODY && setup.requireSubscriber))) {
      counts.forwarded += 1;
      this.#waits.delete(row.identity);
      this.#feed.settled(row);
    } else if (!item.wanted) {
      this.#feed.dropped(row); // it rests with those before it
    } else {
      counts.refused += 1;
      // What stands behind it and is accepted would overtake it: then it can go no more to a consumer that drops what is not above the last it saw.
      const overtaken = lanes.of(row.identity).flies(item);
      if (reason === LOSES || isForGood(reason) || overtaken) void this.#setAside(row, why(reason));
      else this.#rest(row);
    }
  }

  async #setAside(row: Row, reason: string): Promise<void> {
    const { host, counts } = this.#shared, { message, identity } = row;
    try {
      if (await host.registry.bridge.dead(row.position, reason)) {
        counts.deadLetters += 1;
        host.logger?.warn({ message, reason }, 'the broker refuses a message for good: it is among the dead letters');
        host.alarm({ kind: 'dead letters', device: identity, text: `the broker refuses ${message} for good (${reason}); see \`tidelock dead-letters list\`` });
        this.#feed.settled(row);
        return;
      }
      host.alarm({ kind: 'dead letters', device: identity, text: `there is no room for more dead letters: messages of ${identity} stay in the inbox` });
    } catch (error) {
      host.failed(error);
    }
    this.#rest(row, LAST_REST);
  }

  #rest(row: Row, least = 0): void {
    const { clock } = this.#shared.host, { identity } = row;
    const wait = Math.max(least, this.#waits.get(identity) ?? FIRST_REST);
    this.#waits.set(identity, Math.min(LAST_REST, 2 * wait));
    const rest: Rest = this.#resting.get(identity) ?? { position: row.position, wait };
    this.#feed.dropped(row);
    if (this.#resting.has(identity)) return;
    this.#resting.set(identity, rest);
    clock.after(wait, () => {
      this.#resting.delete(identity);
      if (this.#closed) return;
      this.#feed.again(rest.position);
      this.#rested?.();
    }, false);
  }
}

/** Undefined: without end; 0: it is over. The broker counts on from there. */
export function secondsLeft(expires: number | undefined, now: number): number | undefined {
  return expires === undefined ? undefined : Math.max(0, Math.ceil((expires - now) / 1_000));
}

function why(reason: number): string {
  return reason === LOSES ? 'three connections were lost while it was the one in flight' : reasonText(reason);
}
