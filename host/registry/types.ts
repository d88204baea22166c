/**
 * The registry as its users see it: devices and their keys, the durable inbox, the queues towards devices.
 *
 * Instants are Unix milliseconds, sizes bytes. Operations take effect in the order in which they are called, and a
 * promise is fulfilled only when what it reports is on the disk. What fails does so with a `TidelockError`; a
 * DATABASE_* error leaves the outcome unknown, and every operation may then simply be tried again.
 */
import type { TopicTrust } from '../core/topic.js';
import type { Receipts } from '../core/types.js';
import type { BridgeEvent, BridgeStore } from './bridge-types.js';
import type { DatabaseState, Remark } from './database/connection.js';
import type { EntityStore } from './entity-types.js';
import type { RegistryInfo } from './info.js';
import type { DeviceRecord, Imported, ImportOptions } from './records.js';

export type { DeviceRecord, Imported, ImportOptions, KeyRecord } from './records.js';
export type { Receipts } from '../core/types.js';
export type * from './bridge-types.js';
export type * from './entity-types.js';
export type { RegistryInfo } from './info.js';
export type { RegistryLimits, RegistryOptions } from './option-types.js';
export type { DatabaseState, Remark } from './database/connection.js';

// ---- Devices and keys ----

/** What a device speaks. `iotsocket`: its key crosses the wire in every frame, so it must open nothing else. */
export type DeviceProtocol = 'tidelock' | 'iotsocket';

export interface DeviceEntry {
  readonly identity: string;
  readonly protocol: DeviceProtocol;
  readonly disabled: boolean;
  /** When it was added. */
  readonly created: number;
  /** When its last session began; undefined: none yet. */
  readonly since: number | undefined;
  /** Numbers of its keys. */
  readonly keyIds: readonly number[];
  /** Messages that wait for it, and undone ones from it in the inbox. */
  readonly queued: number;
  readonly inbox: number;
}

/** `current` and `next` open; a key that is `retired` or `revoked` has lost its bytes. */
export type KeyState = 'current' | 'next' | 'retired' | 'revoked';

export interface KeyEntry {
  /** 0 to 255, told in HELLO. */
  readonly keyId: number;
  readonly state: KeyState;
  readonly created: number;
  /** When a session last began under it, to the hour; undefined: never, or before that was kept. */
  readonly used: number | undefined;
}

/** The only time that the key is shown. */
export interface NextKey {
  readonly keyId: number;
  readonly key: Uint8Array;
}

export interface DeviceEvent {
  readonly identity: string;
  /** What became of it. `keys`: a session under a key that `find` does not give any more is to be closed. `disabled`: its session is to be closed; nothing that it still does can be committed. */
  readonly change: 'added' | 'enabled' | 'disabled' | 'keys';
}

export interface AddOptions {
  /** 32 bytes; default: minted. The caller's copy stays the caller's to wipe. */
  key?: Uint8Array;
  /** 0 to 255; default 0. */
  keyId?: number;
  /** Default `tidelock`. */
  protocol?: DeviceProtocol;
}

/** Who may connect. A volatile gateway has one without a database. */
export interface DeviceDirectory {
  /**
   * The 32-byte key, from memory: for the handshake. Undefined: unknown, disabled, or of another protocol (default
   * `tidelock`). The bytes are the directory's: they must not be changed, and are wiped by `close`.
   */
  find(identity: string, keyId: number, protocol?: DeviceProtocol): Uint8Array | undefined;
  /** What a device speaks, from memory. Undefined: unknown. */
  protocol(identity: string): DeviceProtocol | undefined;
}

// ---- Delivery, both ways ----

/** The right of one session to act for its identity. A later takeover, `disable` and `renew` end it. */
export interface Lease {
  readonly identity: string;
  readonly epoch: number;
  /** The device's outbox in this session (told in HELLO). */
  readonly outbox: number;
}

export interface Takeover {
  readonly lease: Lease;
  /** For the core. While nothing of an outbox is acknowledged, `outNext` is at most 2: see `DeliveryStore.take`. */
  readonly receipts: Receipts;
}

/** A message from a device that wants an ACK. */
export interface Received {
  /** What `takeover` gave; of a device whose protocol knows no ACK what `unacknowledged` makes. */
  readonly lease: Lease;
  /** Its number in the lease's outbox. Those of one lease come consecutively, over calls too. */
  readonly id: number;
  /** When it was made. */
  readonly time: number;
  /** It may have been acted on before. */
  readonly repeat: boolean;
  /** The topic that the device gave it, and until when it is worth carrying on, Unix ms. Undefined: none, without end. */
  readonly topic?: string | undefined;
  readonly expires?: number | undefined;
  /** Bit of the suite that it came under (`suiteName` in names.ts); 0 or undefined: not known. */
  readonly suite?: number;
  /** How far it can be trusted; default `proved`. */
  readonly trust?: TopicTrust;
  /** Copied before `commit` returns. Undefined: a SKIP; its receipt is made durable, nothing enters the inbox. */
  readonly body: Uint8Array | undefined;
}

/**
 * What became of a received message.
 * `durable`: it and its receipt are on the disk (now, or by an earlier try): ACK ok.
 * `full`: no room in the inbox, nothing was written: ACK busy, and it comes again.
 * `gap`: one before it was not taken: no ACK; it comes again.
 * `superseded`: the lease has ended: no ACK; the session is to be closed.
 */
export type Verdict = 'durable' | 'full' | 'gap' | 'superseded';

/** A message for a device, as the core asked for it. */
export interface Outbound {
  readonly id: number;
  /** DATA, or DELIVER where it was queued under a topic. */
  readonly type: number;
  /** Its stable name; empty for a SKIP. */
  readonly message: string;
  /** Of the frame, with DELIVER's head. Undefined: it was given up (or never was one): send SKIP. */
  readonly body: Uint8Array | undefined;
  /** When it was queued: its age counts from then. */
  readonly made: number;
  /** It may have been acted on before. */
  readonly repeat: boolean;
}

export interface QueueOptions {
  /** ms from now after which it is given up; 1 to `queueLifetime`, default 60,000. */
  lifetime?: number;
  /** Where the device lost its record after it was sent: `report` in doubt (default), or `repeat`. */
  doubt?: 'report' | 'repeat';
  /** Under which topic it goes, 1 to 255 bytes, and how far its source can be trusted (default `proved`). Default: none. */
  topic?: string;
  trust?: TopicTrust;
}

export interface Queued {
  /** Stable name of the message: `identity#outbox-number`. A renumbering does not change it. */
  readonly message: string;
  /** For `queued` of the core, where the device is connected. */
  readonly next: number;
}

/** How a queued message ended. `in doubt`: it was sent and never acknowledged; it may have been acted on. */
export type End = 'delivered' | 'expired' | 'refused' | 'too long' | 'no target' | 'in doubt' | 'cancelled';

export interface Ended {
  readonly message: string;
  readonly identity: string;
  readonly end: End;
  readonly at: number;
}

/** A message in a queue. */
export interface Waiting {
  readonly message: string;
  readonly identity: string;
  readonly bytes: number;
  /** Under which it goes; absent: under none. */
  readonly topic?: string;
  readonly made: number;
  readonly deadline: number;
  /** It may have reached the device. */
  readonly sent: boolean;
}

/**
 * What a session needs to deliver in order and once. The registry keeps it on the disk, a volatile gateway in memory.
 * Where a method takes a lease and fulfils with undefined, the lease has ended and nothing was written.
 */
export interface DeliveryStore {
  /**
   * A session with a valid proof begins: ends every earlier lease of the identity and returns its receipts, in one
   * statement. Undefined: the device is unknown or disabled by now (CLOSE disabled).
   * `outbox`: the device's, from HELLO. `keyId`: of the key that the proof was made with; its use is remembered.
   */
  takeover(identity: string, outbox: number, keyId?: number): Promise<Takeover | undefined>;

  /**
   * Makes messages and receipts durable, in one transaction: one verdict for each, in the same order. Calls that come while
   * one is being written are written together in the next. Rejected: nothing may be acknowledged; answer busy
   * (they come again, and what was committed after all is known), or call it again with the same.
   */
  commit(messages: readonly Received[]): Promise<Verdict[]>;

  /** Puts a message at the end of the queue. Rejected with QUEUE_FULL, DEVICE_UNKNOWN, DISABLED, TOO_LONG, BAD_OPTION, BAD_TOPIC. */
  enqueue(identity: string, body: string | Uint8Array, options?: QueueOptions): Promise<Queued>;

  /**
   * The bodies that the core wants. They are committed as sent before this is fulfilled; one whose lifetime is over
   * comes as SKIP. May return fewer than `count`, never with a hole.
   *
   * Number 1 of every outbox is a SKIP, and nothing else goes before it is acknowledged: a device without a record takes
   * number 1 whatever it is, so a command under it could be obeyed twice. `next` in receipts, `enqueue` and
   * `delivered` sees to it.
   */
  take(lease: Lease, first: number, count: number): Promise<Outbound[] | undefined>;

  /** The device has taken all up to `id`. Fulfilled with `next`, for the core's `queued` where it has grown. */
  delivered(lease: Lease, id: number): Promise<number | undefined>;

  /** Final refusal of `id` (an ACK status, or ACK_TOO_LONG where the core found so): those before it are delivered, SKIP takes its place. */
  refused(lease: Lease, id: number, status: number): Promise<number | undefined>;

  /** The device is busy: it has taken neither `id` nor what follows it, so these count as never sent. */
  untaken(lease: Lease, id: number): Promise<void>;

  /**
   * The device does not know the outbox: those up to `doubt` end in doubt or, where the sender asked for it, are repeated;
   * the rest is renumbered under a new outbox. Ends the lease: CLOSE(outbox), and a takeover follows.
   */
  renew(lease: Lease, doubt: number): Promise<void>;

  /** Gives up a message that was never sent. `sent`: too late; `unknown`: not in a queue (any more). */
  cancel(message: string): Promise<'cancelled' | 'sent' | 'unknown'>;

  /**
   * Ends what has outlived its lifetime: `expired` where it was never sent, `in doubt` where it was. To be called now and then;
   * fulfilled with the earliest deadline that is left, undefined: none. (`take` sends nothing overdue in any case.)
   */
  expire(): Promise<number | undefined>;

  /** What waits, in order of queueing. `after`: the last message seen. Default limit 1,000. */
  waiting(options?: { identity?: string; after?: string; limit?: number }): Promise<Waiting[]>;

  /** How a message ended, or that it waits. Undefined: never known, or forgotten by age or number (`keepEnds`). */
  outcome(message: string): Promise<Ended | Waiting | undefined>;

  /** A queued message has ended; told after it was committed, before the operation that ended it is fulfilled. */
  on(event: 'ended', listener: (ended: Ended) => void): this;
  off(event: 'ended', listener: (ended: Ended) => void): this;
}

// ---- The inbox ----

export interface InboxRow {
  /** Place in the inbox: rises, never comes again. */
  readonly position: number;
  /** Stable and unique: `identity#outbox-number`. */
  readonly message: string;
  readonly identity: string;
  readonly body: Buffer;
  /** When the device made it. */
  readonly time: number;
  readonly repeat: boolean;
  readonly topic: string | undefined;
  /** Until when it is worth carrying on, Unix ms; undefined: without end. */
  readonly expires: number | undefined;
  /** Bit of the suite that it came under; 0: not known. */
  readonly suite: number;
  readonly trust: TopicTrust;
}

/** Who works off the inbox. Each has its own marks: a row goes when all that it was written for are done with it. */
export type Consumer = 'app' | 'bridge';

export interface Inbox {
  /** For whom rows are written from now on; at first for the application alone. At least one. */
  consumers(names: readonly Consumer[]): void;
  /** Rows behind `after` (default 0) that `consumer` (default `app`) is not done with, in order; at most `limit` (default 64). */
  read(options?: { after?: number; limit?: number; consumer?: Consumer }): Promise<InboxRow[]>;
  /** Marks rows done, by position: this consumer (default `app`) does not read them again. */
  done(positions: readonly number[], consumer?: Consumer): Promise<void>;
  /** New rows can be read. */
  on(event: 'inbox', listener: () => void): this;
  off(event: 'inbox', listener: () => void): this;
}

// ---- All together ----


export interface Registry extends DeviceDirectory, DeliveryStore, Inbox, AsyncDisposable {
  /** With `forget` the record of the device's messages is given out and leaves the database, until `receipt` writes it again. */
  takeover(identity: string, outbox: number, keyId?: number, options?: { forget?: boolean }): Promise<Takeover | undefined>;
  /** Writes the record of a lease whose messages went through: all up to `last` were taken. */
  receipt(lease: Lease, last: number): Promise<void>;

  /** As given to `openRegistry`, without a password. */
  readonly url: string;
  /** Name of this gateway in the rows of its leases. */
  readonly gateway: string;
  /** Absolute path of the file; undefined in memory and with PostgreSQL. */
  readonly path: string | undefined;

  /** Adds a device and returns its key, the only time it is shown. Rejected with DEVICE_EXISTS, BAD_IDENTITY, BAD_KEY. */
  add(identity: string, options?: AddOptions): Promise<Uint8Array>;
  /** Devices in order of identity, behind `after`; default limit 1,000. */
  list(options?: { after?: string; limit?: number }): Promise<DeviceEntry[]>;
  /** Ends its lease and lets it in no more; what waits for it goes on waiting. False: it was disabled already. Rejected with DEVICE_UNKNOWN. */
  disable(identity: string): Promise<boolean>;
  /** False: it was enabled already. Rejected with DEVICE_UNKNOWN. */
  enable(identity: string): Promise<boolean>;
  /** The keys of a device, oldest first; never their bytes. Rejected with DEVICE_UNKNOWN. */
  keys(identity: string): Promise<KeyEntry[]>;
  /**
   * Mints the next key of a device. Both open from now on. The old one ends by `retire`, or at a session under the new one once it has
   * not been used for 7 days; never by the first use of the new one. Rejected with DEVICE_UNKNOWN, KEY_STATE (there is a next one already).
   */
  rotate(identity: string): Promise<NextKey>;
  /**
   * All keys into another form, in one transaction: wrapped under this master key, or plain where it is undefined; then what lay there before is
   * cleared. Fulfilled with their number; `progress` tells how far it is. Rejected with DATABASE_CORRUPT where a key does not open: nothing has changed.
   */
  rewrap(masterKey: Uint8Array | undefined): Promise<number>;
  /** All devices with the keys that open; their bytes where `keys` is true, to be wiped by the caller. */
  exportDevices(options?: { keys?: boolean }): Promise<DeviceRecord[]>;
  /** Many devices in one transaction, all or none; `progress` tells how far it is. Rejected with BAD_IDENTITY, BAD_KEY, BAD_OPTION, DEVICE_EXISTS. */
  importDevices(records: readonly DeviceRecord[], options?: ImportOptions): Promise<Imported>;
  /** Ends a key whose follower opens; a session under it is closed. False: it had ended. Rejected with KEY_STATE. */
  retire(identity: string, keyId: number): Promise<boolean>;
  /** Ends a key that others may know, at once, also the only one. False: it had ended. Rejected with KEY_STATE. */
  revoke(identity: string, keyId: number): Promise<boolean>;
  /** Takes up what other processes changed at devices, and tells it by `device`. False: nothing; this costs one small read. */
  reload(): Promise<boolean>;

  /**
   * To be called once, before any gateway uses it, where the database is a copy from the past (a backup that was restored). It cannot know
   * what was taken, sent and numbered since: every queue draws a new outbox, all that waited is in doubt (or repeated, where its
   * sender asked for that), and no receipt counts any more, so that devices report what they have in doubt.
   */
  restored(): Promise<void>;

  /** What a bridge to a broker keeps. */
  readonly bridge: BridgeStore;
  /** What devices are to Home Assistant. */
  readonly entities: EntityStore;

  /** Whether the database is there. Away it is sought all the while; what is called waits at most `busyTimeout`. */
  readonly database: DatabaseState;

  info(): Promise<RegistryInfo>;
  /** Writes something that changes nothing, and commits it: whether the database takes writes, as readiness asks. Rejected with DATABASE_*. */
  probe(): Promise<void>;
  /** How the database is set up, where an operator should know. */
  remarks(): Promise<Remark[]>;
  /** Reads the whole database for damage. Rejected with DATABASE_CORRUPT. Slow on a large one. */
  check(): Promise<void>;

  on(event: 'device', listener: (event: DeviceEvent) => void): this;
  on(event: 'progress', listener: (done: number, of: number) => void): this;
  on(event: 'database', listener: (state: DatabaseState) => void): this;
  on(event: 'ended', listener: (ended: Ended) => void): this;
  on(event: 'inbox', listener: () => void): this;
  on(event: 'bridge', listener: (event: BridgeEvent) => void): this;
  /** What a device is to Home Assistant has changed. */
  on(event: 'entities', listener: (identity: string) => void): this;
  off(event: 'device', listener: (event: DeviceEvent) => void): this;
  off(event: 'progress', listener: (done: number, of: number) => void): this;
  off(event: 'database', listener: (state: DatabaseState) => void): this;
  off(event: 'ended', listener: (ended: Ended) => void): this;
  off(event: 'inbox', listener: () => void): this;
  off(event: 'bridge', listener: (event: BridgeEvent) => void): this;
  off(event: 'entities', listener: (identity: string) => void): this;

  /** Finishes what was called, closes the database and wipes the keys. A second call joins the first. */
  close(): Promise<void>;
}
