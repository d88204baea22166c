/**
 * Who takes commands in: one gateway at a time, by a lease in the database, over a session that the broker keeps under one client id.
 * It is connected only while it holds the lease, and the lease's epoch is checked in the transaction of every intake.
 */
import { randomBytes } from 'node:crypto';
import type { ClockTimer } from '../../clock.js';
import type { KeeperLease } from '../../registry/bridge-types.js';
import type { BridgeEvent } from '../../registry/types.js';
import { fits } from '../../topic-filter.js';
import { Connection, type Received } from '../connection.js';
import type { Shared } from '../context.js';
import type { Fault } from '../fault.js';
import { cameBy } from '../identifiers.js';
import type { MqttLibrary } from '../library.js';
import { NOBODY_WAITS } from '../publisher.js';
import { Intake } from './intake.js';

const LEASE = 'all';
/** ms between renewals. */
const RENEW = 2_000;
/** Messages that the broker may have unacknowledged towards us (MQTT 5): as many can share a commit. */
const RECEIVE_MAXIMUM = 512;

export class Keeper {
  readonly connection: Connection;
  lease: KeeperLease | undefined;
  readonly #shared: Shared;
  readonly #intake: Intake;
  readonly #changed: () => void;
  /** Unix ms at which a holder of the lease had last taken in all that there was; 0: never. */
  #seen = 0;
  #drained = false;
  #agesUnknown = false;
  #nonce = '';
  #subscribed = false;
  #closed = false;
  #timer: ClockTimer | undefined;
  /** Filters of rules that the broker knows of by this connection; and those of an earlier one, which its session may still hold. */
  #filters = new Set<string>();
  #kept = new Set<string>();
  /** One change of the rules after the other. */
  #subscribing: Promise<void> = Promise.resolve();
  #rules: readonly { filter: string; identities: readonly string[] }[] = [];
  readonly #onBridge = ({ change }: BridgeEvent): void => {
    if (change === 'rules' && this.connection.isUp) this.#subscribing = this.#subscribing.then(() => this.#subscribe());
  };

  constructor(shared: Shared, library: MqttLibrary, changed: () => void) {
    const { setup, topics, host } = shared;
    this.#shared = shared;
    this.#changed = changed;
    this.connection = new Connection({
      library, url: setup.url, credentials: setup.credentials, protocol: setup.protocol, clock: host.clock,
      clientId: `${topics.prefix}-keeper`, clean: false, receiveMaximum: RECEIVE_MAXIMUM,
      may: () => this.#keep(),
      up: ({ present }) => this.#up(present),
      down: (fault, wasUp) => this.#down(fault, wasUp),
      received: (message) => this.#received(message),
    });
    this.#intake = new Intake(shared, this);
    host.registry.on('bridge', this.#onBridge);
  }

  /** It holds the lease and takes commands in. */
  get keeps(): boolean {
    return this.lease !== undefined && this.connection.isUp && this.#subscribed;
  }

  get agesUnknown(): boolean {
    return this.#agesUnknown && !this.#drained;
  }

  open(): void {
    this.#arm();
    this.connection.open();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#shared.host.registry.off('bridge', this.#onBridge);
    await this.#intake.close();
    await this.connection.close();
    if (this.lease !== undefined) await this.#shared.host.registry.bridge.renewKeeper(this.lease, this.#drained).catch(() => false);
    this.lease = undefined;
  }

  marker(nonce: string): void {
    if (nonce !== this.#nonce || this.#drained) return;
    this.#drained = true;
    this.#changed();
  }

  superseded(): void {
    this.lease = undefined;
    this.connection.drop();
  }

  /** Asked before each try to connect. */
  async #keep(): Promise<boolean> {
    const { registry, failed } = this.#shared.host;
    try {
      const kept = this.#closed ? undefined : await registry.bridge.keep(LEASE);
      if (kept === undefined || this.#closed) return false;
      // Before anything comes: what they ask for may stand right behind CONNACK.
      this.#rules = await registry.bridge.rules();
      this.lease = kept.lease;
      this.#seen = Math.max(this.#seen, kept.seen);
      return true;
    } catch (error) {
      if (!this.#closed) failed(error);
      return false;
    }
  }

  #up(present: boolean): void {
    const { host: { clock }, setup } = this.#shared;
    // A broker that kept nothing for us hands nothing over but what is published from now on.
    this.#agesUnknown = present && clock.unix() - this.#seen > setup.lifetime;
    this.#drained = this.#subscribed = false;
    this.#nonce = randomBytes(8).toString('hex');
    this.#kept = new Set(present ? [...this.#kept, ...this.#filters] : []);
    this.#filters = new Set();
    this.#subscribing = this.#subscribe();
    this.#changed();
  }

  async #subscribe(): Promise<void> {
    const { host, topics } = this.#shared;
    try {
      if (!this.#subscribed) await this.connection.subscribe([topics.down], 1, true).then(() => this.#mark());
      this.#subscribed = true;
      this.#changed();
    } catch (error) {
      if (!this.connection.isUp) return;
      host.alarm({ kind: 'broker', device: undefined, text: `the broker lets the gateway take no commands: ${(error as Error).message}; it must have the right to read ${topics.down}` });
    }
    await this.#follow().catch((error: unknown) => (this.#closed ? undefined : host.failed(error)));
  }

  /** Subscribes to what rules want and to nothing else: the broker keeps a subscription for as long as our session, and sends all that comes by it. */
  async #follow(): Promise<void> {
    const { host, topics } = this.#shared, { connection } = this, filters = this.#filters, kept = this.#kept;
    this.#rules = await host.registry.bridge.rules();
    const wanted = new Set(this.#rules.map(({ filter }) => filter).filter((filter) => filter !== topics.down));
    const gone = [...new Set([...filters, ...kept])].filter((filter) => !wanted.has(filter));
    if (gone.length > 0) await connection.unsubscribe(gone);
    if (filters !== this.#filters || !connection.isUp) return; // the next connection begins anew, and unsubscribes what this one could not
    for (const filter of gone) filters.delete(filter);
    kept.clear();
    for (const filter of wanted) {
      if (filters.has(filter) || !connection.isUp) continue;
      filters.add(filter);
      await connection.subscribe([filter], 1, true).catch((error: unknown) => {
        if (connection.isUp) host.alarm({ kind: 'broker', device: undefined, text: `the broker refuses the topics of a rule: ${(error as Error).message}; it must have the right to read ${filter}` });
      });
    }
  }

  /** By the same subscription as the commands, so it comes behind all that the broker holds. */
  #mark(): void {
    const { topics } = this.#shared;
    if (this.connection.isUp) this.connection.publish(topics.own(`down/${this.#nonce}`), '', {}, NOBODY_WAITS);
  }

  #down({ reason }: Fault, wasUp: boolean): void {
    this.#intake.down();
    if (wasUp) this.#shared.counts.lost += 1;
    this.#shared.host.logger?.debug({ reason }, 'the keeper has no connection to the broker');
    this.#changed();
  }

  #received(message: Received): void {
    const { topic } = message, { topics } = this.#shared, rules = this.#rules;
    // An identifier that is none of ours tells nothing: whoever its topic stands for gets it.
    const known = cameBy(message.properties, topics.down) || rules.some(({ filter }) => cameBy(message.properties, filter));
    const properties = known ? message.properties : {}, fanOut = new Set<string>();
    if (!topics.isNews(topic)) {
      for (const { filter, identities } of rules) if (fits(filter, topic) && cameBy(properties, filter)) for (const identity of identities) fanOut.add(identity);
    }
    this.#intake.received(message, cameBy(properties, topics.down), [...fanOut]);
  }

  #arm(): void {
    this.#timer = this.#shared.host.clock.after(RENEW, () => {
      this.#arm();
      void this.#renew();
    }, false);
  }

  async #renew(): Promise<void> {
    const { lease } = this, { registry, failed, clock } = this.#shared.host;
    if (lease === undefined || !this.connection.isUp) return;
    const drained = this.#drained;
    try {
      if (!(await registry.bridge.renewKeeper(lease, drained))) {
        if (this.lease === lease) this.superseded();
      } else if (drained) this.#seen = Math.floor(clock.unix());
    } catch (error) {
      if (!this.#closed) failed(error);
    }
  }
}
