/** What the registry asks of its engine. Plain data both ways, so that it can go to a thread of its own. */
import type { Remark } from '../database/connection.js';
import type { BridgeOperationMap } from './bridge/operations.js';
import type { EntityOperationMap } from './entities.js';
import type { Imported, PackedRecords } from '../records.js';
import type { Consumer, DeviceEntry, DeviceProtocol, End, Ended, KeyEntry, Outbound, Queued, RegistryInfo, Receipts, Waiting } from '../types.js';

/** A lease as it is written in rows. */
export interface LeaseRow {
  identity: string;
  epoch: number;
  outbox: number;
}

/** Messages of any number of leases, in order of arrival, packed: one array a field, all bodies in one. */
export interface Batch {
  leases: LeaseRow[];
  /** Index in `leases`. */
  lease: Uint32Array;
  id: Uint32Array;
  time: Float64Array;
  flags: Uint8Array;
  /** Where each body ends; it begins where the one before ends. */
  end: Uint32Array;
  bodies: Uint8Array;
  topic: (string | null)[];
  expires: (number | null)[];
  /** Who is to be done with them: bits of CONSUMERS. */
  pending: number;
}

export const BATCH_REPEAT = 1;
export const BATCH_SKIP = 2;
/** The suite stands from this bit on, in three bits, and the trust behind it. */
export const BATCH_SUITE = 2;
export const BATCH_TRUST = 5;

/** Verdicts by number. */
export const VERDICTS = ['durable', 'full', 'gap', 'superseded'] as const;
export const DURABLE = 0;
export const FULL = 1;
export const GAP = 2;
export const SUPERSEDED = 3;

/** Whoever works off the inbox, each by its bit. A row goes when all that it was written for are done with it. */
export const CONSUMERS = { app: 1, bridge: 2 } as const satisfies Record<Consumer, number>;

/** Protocols by number. */
export const PROTOCOLS = ['tidelock', 'iotsocket'] as const satisfies readonly DeviceProtocol[];

/** Devices and keys, packed. */
export interface DirectoryPage {
  /** The change counter that this is the state of. */
  version: number;
  identities: string[];
  disabled: Uint8Array;
  /** Index in PROTOCOLS; 255: one of a version to come. */
  protocols: Uint8Array;
  /** Keys: index of the identity, number, and 32 bytes each. */
  of: Uint32Array;
  keyIds: Uint8Array;
  keys: Uint8Array;
}

export interface InboxData {
  position: number;
  identity: string;
  outbox: number;
  id: number;
  body: Uint8Array;
  time: number;
  repeat: boolean;
  topic: string | null;
  expires: number | null;
  suite: number;
  trust: number;
}

/** Parameters and result of each. `now` is Unix ms. */
export interface OperationMap extends BridgeOperationMap, EntityOperationMap {
  /** Undefined: nothing has changed since version `known`. */
  directory: [params: { known: number }, result: DirectoryPage | undefined];
  /** `key` is wiped afterwards. Fulfilled with the change counter. */
  add: [params: { identity: string; keyId: number; key: Uint8Array; protocol: DeviceProtocol; now: number }, result: number];
  /** Undefined: it was so already. */
  disable: [params: { identity: string; disabled: boolean }, result: number | undefined];
  list: [params: { after: string; limit: number }, result: DeviceEntry[]];
  /** `rotating`: it has more than one key that opens. `ended`: by this use another of them does not any more. */
  takeover: [
    params: { identity: string; outbox: number; keyId: number | undefined; rotating: boolean; forget: boolean; gateway: string; now: number },
    result: { epoch: number; receipts: Receipts; ended: boolean } | undefined,
  ];
  keys: [params: { identity: string }, result: KeyEntry[]];
  /** `key` is wiped afterwards. `version`: the change counter. */
  rotate: [params: { identity: string; key: Uint8Array; now: number }, result: { keyId: number; version: number }];
  /** `to`: the master key from now on; undefined: none. The engine keeps it. `keys`: how many there are that open. */
  rewrap: [params: { to: Uint8Array | undefined }, result: { keys: number; version: number }];
  export: [params: { withKeys: boolean }, result: PackedRecords];
  /** The records' keys are wiped afterwards. */
  import: [params: { records: PackedRecords; existing: 'refuse' | 'skip' | 'replace'; dryRun: boolean; now: number }, result: Imported];
  /** Undefined: it opened nothing before. */
  endKey: [params: { identity: string; keyId: number; state: 'retired' | 'revoked' }, result: number | undefined];
  receipt: [params: { lease: LeaseRow; last: number }, result: void];
  /** `rows`: how many entered the inbox. */
  commit: [params: Batch, result: { verdicts: Uint8Array; rows: number }];
  /** `trust`: its number. */
  enqueue: [
    params: { identity: string; body: Uint8Array; topic: string | null; trust: number | null; lifetime: number; again: boolean; now: number }, result: Queued,
  ];
  take: [params: { lease: LeaseRow; first: number; count: number; now: number }, result: Outbound[] | undefined];
  delivered: [params: { lease: LeaseRow; id: number; now: number }, result: number | undefined];
  refused: [params: { lease: LeaseRow; id: number; how: End; now: number }, result: number | undefined];
  untaken: [params: { lease: LeaseRow; id: number }, result: void];
  renew: [params: { lease: LeaseRow; doubt: number; now: number }, result: void];
  cancel: [params: { identity: string; outbox: number; id: number; now: number }, result: 'cancelled' | 'sent' | 'unknown'];
  expire: [params: { now: number }, result: number | undefined];
  waiting: [params: { identity: string | undefined; after: { identity: string; outbox: number; id: number } | undefined; limit: number }, result: Waiting[]];
  outcome: [params: { identity: string; outbox: number; id: number }, result: Ended | Waiting | undefined];
  restored: [params: { now: number }, result: void];
  read: [params: { after: number; limit: number; consumer: number }, result: InboxData[]];
  done: [params: { positions: readonly number[]; consumer: number }, result: void];
  info: [params: Record<string, never>, result: RegistryInfo];
  probe: [params: Record<string, never>, result: void];
  check: [params: Record<string, never>, result: void];
  remarks: [params: Record<string, never>, result: Remark[]];
}

export type Name = keyof OperationMap;
export type Params<N extends Name> = OperationMap[N][0];
export type Result<N extends Name> = OperationMap[N][1];

export interface Operation<N extends Name = Name> {
  name: N;
  params: Params<N>;
}

/** A `TidelockError` as plain data. */
export interface Fault {
  code: string;
  details: Readonly<Record<string, string | number>>;
  /** What the driver said. */
  cause: string | undefined;
}

export type Outcome = { value: unknown } | { fault: Fault };

/** One group's reply: an outcome for each operation, in order, and what ended in the queues. */
export interface Reply {
  outcomes: Outcome[];
  ended: Ended[];
  /** Results for the broker were written. */
  told: boolean;
}
