/** The registry over a database. What it knows itself are the keys; everything else is asked of the engine. */
import { randomFillSync } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { ACK_NO_TARGET, ACK_TOO_LONG } from '../../assembly/abi.js';
import { isIdentity, quoteIdentity } from '../core/identity.js';
import { deliverBody, TRUSTS } from '../core/topic.js';
import { TidelockError } from '../errors.js';
import { badOption, bytesOf, checkDoubt, checkInteger, checkTopic, checkTrust, LARGEST_ACKNOWLEDGED } from '../options.js';
import { SqlBridgeStore } from './bridge-store.js';
import { Directory } from './directory.js';
import { SqlEntityStore } from './entity-store.js';
import type { News } from './engine/engine.js';
import { CONSUMERS, PROTOCOLS, type InboxData } from './engine/operations.js';
import { Groups } from './groups.js';
import { messageName, parseMessageName } from './names.js';
import { pack, unpack, type DeviceRecord, type Imported, type ImportOptions } from './records.js';
import type { Runner } from './thread/runner.js';
import type {
  AddOptions, Consumer, DatabaseState, DeviceEntry, DeviceEvent, DeviceProtocol, Ended, InboxRow, KeyEntry, Lease, NextKey, Outbound, Queued, QueueOptions, Received, Registry, RegistryInfo,
  RegistryLimits, Remark, Takeover, Verdict, Waiting,
} from './types.js';

const KEY_BYTES = 32;
const EXISTING: readonly string[] = ['refuse', 'skip', 'replace'];
const MOST_ROWS = 10_000;
const LIFETIME = 60_000;
const NOTHING = new Uint8Array(0);

export interface SqlRegistrySetup {
  url: string;
  path: string | undefined;
  gateway: string;
  limits: Required<RegistryLimits>;
  unix: () => number;
}

export class SqlRegistry extends EventEmitter implements Registry {
  readonly url: string;
  readonly path: string | undefined;
  readonly gateway: string;
  readonly #limits: Required<RegistryLimits>;
  readonly #unix: () => number;
  readonly #groups: Groups;
  readonly bridge: SqlBridgeStore;
  readonly entities: SqlEntityStore;
  readonly #directory = new Directory();
  #closing: Promise<void> | undefined;
  #database: DatabaseState;

  private constructor(runner: Runner, { url, path, gateway, limits, unix }: SqlRegistrySetup) {
    super();
    this.url = url;
    this.path = path;
    this.gateway = gateway;
    this.#limits = limits;
    this.#unix = unix;
    this.#database = { available: true, reason: '', since: this.#now() };
    this.#groups = new Groups(runner, {
      ended: (ended) => {
        for (const end of ended) this.#tell('ended', end);
      },
      received: () => this.#tell('inbox'),
      told: () => this.#tell('bridge', { change: 'results' }),
    });
    this.entities = new SqlEntityStore(this.#groups, (identity) => this.#tell('entities', identity));
    this.bridge = new SqlBridgeStore(this.#groups, { gateway, now: () => this.#now(), tell: (event) => this.#tell('bridge', event) });
  }

  /** @internal */
  hears(news: News): void {
    if ('progress' in news) return this.#tell('progress', ...news.progress);
    this.#database = news.state;
    this.#tell('database', news.state);
  }

  /** @internal */
  static async load(runner: Runner, setup: SqlRegistrySetup): Promise<SqlRegistry> {
    const registry = new SqlRegistry(runner, setup);
    try {
      await registry.reload();
    } catch (error) {
      await registry.close();
      throw error;
    }
    return registry;
  }

  // ---- Devices and keys ----

  find(identity: string, keyId: number, protocol: DeviceProtocol = 'tidelock'): Uint8Array | undefined {
    return this.#directory.find(identity, keyId, protocol);
  }

  protocol(identity: string): DeviceProtocol | undefined {
    return this.#directory.protocol(identity);
  }

  async add(identity: string, options: AddOptions = {}): Promise<Uint8Array> {
    if (typeof identity !== 'string' || !isIdentity(identity)) {
      throw new TidelockError('BAD_IDENTITY', { identity: quoteIdentity(identity), problem: 'does not have the form of one' });
    }
    const keyId = checkInteger('keyId', options.keyId ?? 0, 0, 255);
    const key = options.key === undefined ? randomFillSync(new Uint8Array(KEY_BYTES)) : checkKey(identity, options.key);
    const { protocol = 'tidelock' } = options;
    if (!PROTOCOLS.includes(protocol)) throw badOption('protocol', protocol, `it must be one of ${PROTOCOLS.join(', ')}`);
    return this.#groups.call('add', { identity, keyId, key: key.slice(), protocol, now: this.#now() }, (version) => {
      this.#directory.add(identity, keyId, key, protocol);
      this.#changed(version, { identity, change: 'added' });
      return key;
    });
  }

  list({ after = '', limit = 1_000 }: { after?: string; limit?: number } = {}): Promise<DeviceEntry[]> {
    return this.#ask(() => this.#groups.call('list', { after, limit: rowLimit(limit) }, same));
  }

  disable(identity: string): Promise<boolean> {
    return this.#switch(identity, true);
  }

  enable(identity: string): Promise<boolean> {
    return this.#switch(identity, false);
  }

  #switch(identity: string, disabled: boolean): Promise<boolean> {
    return this.#groups.call('disable', { identity, disabled }, (version) => {
      if (version === undefined) return false;
      this.#directory.disable(identity, disabled);
      this.#changed(version, { identity, change: disabled ? 'disabled' : 'enabled' });
      return true;
    });
  }

  keys(identity: string): Promise<KeyEntry[]> {
    return this.#groups.call('keys', { identity }, same);
  }

  async rotate(identity: string): Promise<NextKey> {
    if (this.#directory.protocol(identity) === 'iotsocket') {
      throw new TidelockError('KEY_STATE', { identity, key: 0, problem: 'is one of IoTSocket, which has no number of a key on the wire: add the device anew' });
    }
    const key = randomFillSync(new Uint8Array(KEY_BYTES));
    return this.#groups.call('rotate', { identity, key: key.slice(), now: this.#now() }, ({ keyId, version }) => {
      this.#directory.addKey(identity, keyId, key);
      this.#changed(version, { identity, change: 'keys' });
      return { keyId, key };
    });
  }

  async rewrap(masterKey: Uint8Array | undefined): Promise<number> {
    const to = masterKey === undefined ? undefined : checkMasterKey(masterKey);
    return this.#groups.call('rewrap', { to }, ({ keys, version }) => {
      if (version === this.#directory.version + 1) this.#directory.version = version; // the keys are the same
      return keys;
    });
  }

  async exportDevices({ keys = false }: { keys?: boolean } = {}): Promise<DeviceRecord[]> {
    return this.#groups.call('export', { withKeys: keys }, unpack);
  }

  async importDevices(records: readonly DeviceRecord[], { existing = 'refuse', dryRun = false }: ImportOptions = {}): Promise<Imported> {
    if (!EXISTING.includes(existing)) throw badOption('existing', existing, `it must be one of ${EXISTING.join(', ')}`);
    const imported = await this.#groups.call('import', { records: pack(records), existing, dryRun, now: this.#now() }, same);
    await this.reload();
    return imported;
  }

  retire(identity: string, keyId: number): Promise<boolean> {
    return this.#endKey(identity, keyId, 'retired');
  }

  revoke(identity: string, keyId: number): Promise<boolean> {
    return this.#endKey(identity, keyId, 'revoked');
  }

  #endKey(identity: string, keyId: number, state: 'retired' | 'revoked'): Promise<boolean> {
    return this.#ask(() => this.#groups.call('endKey', { identity, keyId: checkInteger('keyId', keyId, 0, 255), state }, (version) => {
      if (version === undefined) return false;
      this.#directory.endKey(identity, keyId);
      this.#changed(version, { identity, change: 'keys' });
      return true;
    }));
  }

  reload(): Promise<boolean> {
    const first = this.#directory.version < 0;
    return this.#groups.call('directory', { known: this.#directory.version }, (page) => {
      if (page === undefined) return false;
      const events = this.#directory.load(page);
      if (!first) for (const event of events) this.#tell('device', event);
      return true;
    });
  }

  /** Where another process has changed something in between, the version stays behind, and `reload` shows it. */
  #changed(version: number, event: DeviceEvent): void {
    if (version === this.#directory.version + 1) this.#directory.version = version;
    this.#tell('device', event);
  }

  // ---- Delivery ----

  takeover(identity: string, outbox: number, keyId?: number, { forget = false }: { forget?: boolean } = {}): Promise<Takeover | undefined> {
    const rotating = this.#directory.rotating(identity);
    return this.#groups.call('takeover', { identity, outbox, keyId, rotating, forget, gateway: this.gateway, now: this.#now() }, (taken) => {
      if (taken === undefined) return undefined;
      if (taken.ended) this.reload().catch(() => undefined); // the next one of whoever calls it shows it too
      return { lease: Object.freeze({ identity, epoch: taken.epoch, outbox }), receipts: taken.receipts };
    });
  }

  receipt(lease: Lease, last: number): Promise<void> {
    return this.#groups.call('receipt', { lease, last }, same);
  }

  commit(messages: readonly Received[]): Promise<Verdict[]> {
    return this.#ask(() => this.#groups.commit(messages));
  }

  async enqueue(identity: string, body: string | Uint8Array, options: QueueOptions = {}): Promise<Queued> {
    const { topic } = options, trust = checkTrust(options.trust ?? 'proved');
    const head = topic === undefined ? 0 : deliverBody(checkTopic(topic), trust, NOTHING).length;
    const bytes = bytesOf(body, LARGEST_ACKNOWLEDGED - head);
    const again = checkDoubt(options.doubt ?? 'report') === 'repeat';
    const { lifetime = Math.min(LIFETIME, this.#limits.queueLifetime) } = options;
    if (!(lifetime >= 1 && lifetime <= this.#limits.queueLifetime)) {
      throw badOption('lifetime', lifetime, `in this registry it must be from 1 to ${this.#limits.queueLifetime} ms`);
    }
    // A copy with memory of its own: small Buffers lie in a common pool, all of which would go to the thread.
    const under = { topic: topic ?? null, trust: topic === undefined ? null : TRUSTS.indexOf(trust) };
    return this.#groups.call('enqueue', { identity, body: new Uint8Array(bytes), ...under, lifetime: Math.ceil(lifetime), again, now: this.#now() }, same);
  }

  take(lease: Lease, first: number, count: number): Promise<Outbound[] | undefined> {
    return this.#groups.call('take', { lease, first, count, now: this.#now() }, same);
  }

  delivered(lease: Lease, id: number): Promise<number | undefined> {
    return this.#groups.call('delivered', { lease, id, now: this.#now() }, same);
  }

  refused(lease: Lease, id: number, status: number): Promise<number | undefined> {
    const how = status === ACK_TOO_LONG ? 'too long' : status === ACK_NO_TARGET ? 'no target' : 'refused';
    return this.#groups.call('refused', { lease, id, how, now: this.#now() }, same);
  }

  untaken(lease: Lease, id: number): Promise<void> {
    return this.#groups.call('untaken', { lease, id }, same);
  }

  renew(lease: Lease, doubt: number): Promise<void> {
    return this.#groups.call('renew', { lease, doubt, now: this.#now() }, same);
  }

  async cancel(message: string): Promise<'cancelled' | 'sent' | 'unknown'> {
    const name = parseMessageName(message);
    return name === undefined ? 'unknown' : this.#groups.call('cancel', { ...name, now: this.#now() }, same);
  }

  expire(): Promise<number | undefined> {
    return this.#groups.call('expire', { now: this.#now() }, same);
  }

  async waiting(options: { identity?: string; after?: string; limit?: number } = {}): Promise<Waiting[]> {
    const { identity, limit = 1_000 } = options;
    const after = options.after === undefined ? undefined : parseMessageName(options.after);
    if (options.after !== undefined && after === undefined) return [];
    return this.#groups.call('waiting', { identity, after, limit: rowLimit(limit) }, same);
  }

  async outcome(message: string): Promise<Ended | Waiting | undefined> {
    const name = parseMessageName(message);
    return name === undefined ? undefined : this.#groups.call('outcome', name, same);
  }

  restored(): Promise<void> {
    return this.#groups.call('restored', { now: this.#now() }, same);
  }

  // ---- The inbox ----

  consumers(names: readonly Consumer[]): void {
    if (names.length === 0) throw new RangeError('somebody must be done with a message before it may go');
    this.#groups.pending = names.reduce((bits, name) => bits | consumerBit(name), 0);
  }

  read({ after = 0, limit = 64, consumer = 'app' }: { after?: number; limit?: number; consumer?: Consumer } = {}): Promise<InboxRow[]> {
    return this.#ask(() => this.#groups.call('read', { after, limit: rowLimit(limit), consumer: consumerBit(consumer) }, (rows) => rows.map(inboxRow)));
  }

  done(positions: readonly number[], consumer: Consumer = 'app'): Promise<void> {
    if (positions.length === 0) return Promise.resolve();
    return this.#ask(() => this.#groups.call('done', { positions: [...positions], consumer: consumerBit(consumer) }, same));
  }

  // ---- All together ----

  info(): Promise<RegistryInfo> {
    return this.#groups.call('info', {}, same);
  }

  probe(): Promise<void> {
    return this.#groups.call('probe', {}, same);
  }

  get database(): DatabaseState {
    return this.#database;
  }

  remarks(): Promise<Remark[]> {
    return this.#groups.call('remarks', {}, same);
  }

  check(): Promise<void> {
    return this.#groups.call('check', {}, same);
  }

  close(): Promise<void> {
    this.#closing ??= this.#groups.close().finally(() => {
      this.#directory.wipe();
    });
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What a listener throws is its own: it must not keep others, and callers, from hearing. */
  #tell(event: string, ...values: unknown[]): void {
    try {
      this.emit(event, ...values);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  /** A wrong argument is a rejection like any other. */
  async #ask<R>(call: () => Promise<R>): Promise<R> {
    return call();
  }

  #now(): number {
    return Math.floor(this.#unix());
  }
}

function same<R>(value: R): R {
  return value;
}

function rowLimit(limit: number): number {
  return checkInteger('limit', limit, 1, MOST_ROWS);
}

function consumerBit(name: Consumer): number {
  if (!Object.hasOwn(CONSUMERS, name)) throw badOption('consumer', name, `it must be one of ${Object.keys(CONSUMERS).join(', ')}`);
  return CONSUMERS[name];
}

function checkKey(identity: string, key: Uint8Array): Uint8Array {
  if (!(key instanceof Uint8Array)) throw new TidelockError('BAD_KEY', { of: identity, problem: 'is no Uint8Array' });
  if (key.length !== KEY_BYTES) throw new TidelockError('BAD_KEY', { of: identity, problem: `has ${key.length} bytes` });
  return Uint8Array.from(key);
}

/** A copy with memory of its own: it is moved to the thread. Throws BAD_KEY. */
export function checkMasterKey(key: Uint8Array): Uint8Array {
  return checkKey('the database', key);
}

function inboxRow({ position, identity, outbox, id, body, time, repeat, topic, expires, suite, trust }: InboxData): InboxRow {
  return {
    position, message: messageName(identity, outbox, id), identity, time, repeat, topic: topic ?? undefined, expires: expires ?? undefined, suite, trust: TRUSTS[trust] ?? 'none',
    body: Buffer.from(body.buffer, body.byteOffset, body.length),
  };
}
