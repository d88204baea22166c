/**
 * Tells Home Assistant which devices there are, by retained messages: at every connection, since a broker that was started anew may
 * know nothing, and whenever what the registry holds of a device has changed. What was taken back is forgotten once the broker has it.
 */
import type { EntityRow } from '../../registry/entity-types.js';
import type { Shared } from '../context.js';
import type { Content, Item, Lane } from '../lane.js';
import { FAILURE } from '../packets.js';
import { packageVersion } from '../../version.js';
import { checkEntity, type Entity } from './entity.js';
import { announce, type Announcement } from './payload.js';

/** Devices read, and told, at a time. */
const PAGE = 32;
/** ms after which what failed is tried again. */
const AGAIN = 30_000;

class AnnouncementItem implements Item {
  losses = 0;
  readonly wanted = true;
  readonly identity: string;
  readonly settled: Promise<number>;
  readonly #announcement: Announcement;
  #settle!: (reason: number) => void;

  constructor(identity: string, announcement: Announcement) {
    this.identity = identity;
    this.#announcement = announcement;
    this.settled = new Promise((resolve) => (this.#settle = resolve));
  }

  content(): Content {
    return { ...this.#announcement, properties: undefined, retain: true };
  }

  settle(reason: number): void {
    this.#settle(reason);
  }
}

export class Announcer {
  readonly #shared: Shared;
  /** Connections that came up: all devices of theirs are due. */
  #fresh = new Set<Lane>();
  /** Devices that have changed. */
  readonly #due = new Set<string>();
  #running = false;
  #closed = false;
  readonly #onEntities = (identity: string): void => {
    this.#due.add(identity);
    void this.#run();
  };

  constructor(shared: Shared) {
    this.#shared = shared;
    shared.host.registry.on('entities', this.#onEntities);
  }

  /** The connection stands: a broker that was started anew may know nothing. */
  up(lane: Lane): void {
    this.#fresh.add(lane);
    void this.#run();
  }

  close(): void {
    this.#closed = true;
    this.#shared.host.registry.off('entities', this.#onEntities);
  }

  /** One at a time, however much becomes due meanwhile. */
  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      while (!this.#closed && (this.#fresh.size > 0 || this.#due.size > 0)) {
        if (this.#fresh.size > 0) {
          const lanes = this.#fresh;
          this.#fresh = new Set();
          await this.#tellAll(lanes);
        } else {
          const [identity] = this.#due;
          this.#due.delete(identity!);
          await this.#tell(identity!, await this.#shared.host.registry.entities.list({ identity: identity! }));
        }
      }
    } catch (error) {
      if (!this.#closed) this.#retry(error);
    } finally {
      this.#running = false;
    }
  }

  async #tellAll(lanes: ReadonlySet<Lane>): Promise<void> {
    for (let after = ''; !this.#closed;) {
      const rows = await this.#shared.host.registry.entities.list({ after, limit: PAGE });
      if (rows.length === 0) return;
      const devices = new Map<string, EntityRow[]>();
      for (const row of rows) {
        if (!lanes.has(this.#shared.lanes.of(row.identity))) continue;
        const own = devices.get(row.identity);
        if (own === undefined) devices.set(row.identity, [row]);
        else own.push(row);
      }
      await Promise.all(Array.from(devices, ([identity, own]) => {
        this.#due.delete(identity); // the rows are newer than what was told of it
        return this.#tell(identity, own);
      }));
      after = rows.at(-1)!.identity;
    }
  }

  async #tell(identity: string, rows: readonly EntityRow[]): Promise<void> {
    if (rows.length === 0 || !this.#shared.lanes.of(identity).connection.isUp) return; // `up` will tell it
    const { lanes, topics, host, counts, setup: { discovery } } = this.#shared;
    const entities = new Map<string, { entity: Entity; removed: boolean }>();
    for (const { entity, config, removed } of rows) {
      try {
        entities.set(entity, { entity: checkEntity(JSON.parse(config)), removed });
      } catch (error) {
        host.failed(error); // not made by this version: the others are told all the same
      }
    }
    const item = new AnnouncementItem(identity, announce(identity, entities, { topics, discovery, version: packageVersion() }));
    lanes.of(identity).push(item);
    const reason = await item.settled;
    if (reason >= FAILURE) {
      counts.refused += 1;
      return;
    }
    await host.registry.entities.forget(identity, rows.filter(({ removed }) => removed).map(({ entity }) => entity));
  }

  #retry(error: unknown): void {
    const { host } = this.#shared;
    host.failed(error);
    host.clock.after(AGAIN, () => {
      for (const lane of this.#shared.lanes.list) this.#fresh.add(lane);
      void this.#run();
    }, false);
  }
}
