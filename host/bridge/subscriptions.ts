/**
 * Further topics that reach devices, as the registry has them: one subscription a filter, fanned out to the sessions that stand here, without
 * acknowledgement. Retained messages are left out: these topics are live only.
 */
import type { BridgeEvent } from '../registry/types.js';
import { fits } from '../topic-filter.js';
import type { Connection, Received } from './connection.js';
import type { Shared } from './context.js';
import { cameBy } from './identifiers.js';

export class Subscriptions {
  readonly #shared: Shared;
  readonly #connection: Connection;
  /** Filters without wildcards by their name, the others one by one. */
  #plain = new Map<string, string[]>();
  #wild: [filter: string, identities: string[]][] = [];
  /** What the broker knows of. */
  readonly #subscribed = new Set<string>();
  #running = false;
  #again = false;
  #closed = false;
  readonly #onBridge = ({ change }: BridgeEvent): void => {
    if (change === 'subscriptions') void this.#refresh();
  };

  constructor(shared: Shared, connection: Connection) {
    this.#shared = shared;
    this.#connection = connection;
    shared.host.registry.on('bridge', this.#onBridge);
  }

  up(): void {
    this.#subscribed.clear();
    void this.#refresh();
  }

  close(): void {
    this.#closed = true;
    this.#shared.host.registry.off('bridge', this.#onBridge);
  }

  received({ topic, payload, retain, properties }: Received): void {
    const { host: { gateway }, counts, setup: { secure } } = this.#shared;
    if (retain) return;
    const identities = new Set(cameBy(properties, topic) ? this.#plain.get(topic) : undefined);
    for (const [filter, those] of this.#wild) if (fits(filter, topic) && cameBy(properties, filter)) for (const identity of those) identities.add(identity);
    for (const identity of identities) {
      if (gateway.device(identity) === undefined) continue; // live: it hears nothing of what passed while it was away
      let sent = false;
      try {
        sent = gateway.post(identity, payload, { topic, trust: secure ? 'tls' : 'none' });
      } catch {
        // longer than a device takes, or no topic that it could be told
      }
      if (sent) counts.downPosted += 1;
      else counts.downDropped += 1;
    }
  }

  /** One at a time; what changes meanwhile is seen by the next. */
  async #refresh(): Promise<void> {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    while (this.#again && !this.#closed) {
      this.#again = false;
      try {
        await this.#apply();
      } catch (error) {
        if (!this.#closed) this.#shared.host.failed(error);
      }
    }
    this.#running = false;
  }

  async #apply(): Promise<void> {
    const connection = this.#connection, { host } = this.#shared, filters = new Map<string, string[]>();
    for (const { identity, filter } of await host.registry.bridge.subscriptions()) {
      const those = filters.get(filter);
      if (those === undefined) filters.set(filter, [identity]);
      else those.push(identity);
    }
    const isWild = (filter: string): boolean => /[+#]/.test(filter);
    this.#plain = new Map([...filters].filter(([filter]) => !isWild(filter)));
    this.#wild = [...filters].filter(([filter]) => isWild(filter));
    if (!connection.isUp) return;
    const gone = [...this.#subscribed].filter((filter) => !filters.has(filter));
    if (gone.length > 0) await connection.unsubscribe(gone);
    for (const filter of gone) this.#subscribed.delete(filter);
    for (const filter of filters.keys()) {
      if (!connection.isUp) return; // the next connection begins anew
      if (this.#subscribed.has(filter)) continue;
      this.#subscribed.add(filter);
      await connection.subscribe([filter], 0).catch((error: unknown) => {
        // The others are wanted all the same.
        if (connection.isUp) host.alarm({ kind: 'broker', device: undefined, text: `the broker refuses a subscription of devices: ${(error as Error).message}; it must have the right to read ${filter}` });
      });
    }
  }
}
