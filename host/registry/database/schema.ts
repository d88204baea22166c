/** The tables. Integers are whole numbers below 2^53, instants Unix ms. docs/registry.md explains each column; migrations.ts makes them. */
import type { Generated } from 'kysely';

export interface Tables {
  tidelock: { name: string; value: number };
  devices: DeviceTable;
  keys: KeyTable;
  inbox: InboxTable;
  queue: QueueTable;
  ends: EndTable;
  wrapping: WrappingTable;
  dead_letters: DeadLetterTable;
  commands: CommandTable;
  results: ResultTable;
  taken: { name: string; at: number };
  keepers: KeeperTable;
  subscriptions: { identity: string; filter: string };
  /** What devices are to Home Assistant; `config` is JSON, `removed` 1: it is to be taken back. */
  entities: { identity: string; entity: string; config: string; removed: number };
  rules: { filter: string; identities: string };
  /** PostgreSQL only. */
  commits: { writer: string; count: number; since: number };
}

/** One row, `master`: how the bytes of all keys lie in their rows. */
export interface WrappingTable {
  name: string;
  /** Empty: as they are. */
  salt: Uint8Array;
  /** What the right master key gives with the salt. */
  check_value: Uint8Array;
  /** 1: the form has changed, and the database may still hold the bytes of before. */
  scrub: number;
}

export interface KeyTable {
  identity: string;
  key_id: number;
  /** 32 bytes, or 61 where it is wrapped; empty once it opens nothing any more. */
  key: Uint8Array;
  created: number;
  /** current, next, retired, revoked. */
  state: string;
  /** When a session last began under it, to the hour. */
  used: number | null;
}

/** One row an identity: who may connect, the lease, the receipts of both directions and the queue's counter together. */
export interface DeviceTable {
  identity: string;
  created: number;
  disabled: number;
  gateway: string | null;
  epoch: number;
  since: number | null;
  in_outbox: number;
  in_last: number;
  out_outbox: number;
  out_low: number;
  out_sent: number;
  out_next: number;
  /** What it speaks: `tidelock` or `iotsocket`. Only the listener of that protocol lets it in. */
  protocol: string;
}

export interface InboxTable {
  position: Generated<number>;
  identity: string;
  outbox: number;
  id: number;
  time: number;
  repeat: number;
  body: Uint8Array;
  /** What the device named it, and until when it is worth carrying on. */
  topic: string | null;
  expires: number | null;
  /** Bits of the consumers that are not done with it: see CONSUMERS in engine/operations.ts. */
  pending: Generated<number>;
  /** Bit of the suite that it came under; 0: not known. */
  suite: Generated<number>;
  /** Number of its trust (TRUSTS of core/topic.ts). */
  trust: Generated<number>;
}

export interface QueueTable {
  position: Generated<number>;
  identity: string;
  /** Its number in the present outbox. */
  id: number;
  /** Outbox and number that it got first: its name. */
  first_outbox: number;
  first_id: number;
  made: number;
  deadline: number;
  /** 1: where it is in doubt it is sent again. */
  again: number;
  repeat: number;
  body: Uint8Array;
  /** Under which it goes down, and the number of its source's trust. */
  topic: string | null;
  trust: number | null;
}

export interface EndTable {
  /** That of the message in the queue. */
  position: number;
  identity: string;
  outbox: number;
  id: number;
  how: string;
  at: number;
}

/** Messages that the broker does not take. */
export interface DeadLetterTable {
  position: Generated<number>;
  identity: string;
  outbox: number;
  id: number;
  time: number;
  repeat: number;
  suite: number;
  trust: Generated<number>;
  topic: string | null;
  expires: number | null;
  body: Uint8Array;
  reason: string;
  at: number;
}

/** Who wants to hear how a message of the queue ends. */
export interface CommandTable {
  /** That of the message in the queue. */
  position: number;
  identity: string;
  /** Empty: the device's own topic of results. */
  response: string;
  correlation: Uint8Array;
  tl_id: string;
  /** What it and others supersede one another under; empty: nothing. */
  replaces: string;
}

/** Results on their way to the broker. */
export interface ResultTable {
  position: Generated<number>;
  identity: string;
  /** Name of the message; empty: it never was in a queue. */
  message: string;
  response: string;
  correlation: Uint8Array;
  tl_id: string;
  how: string;
  reason: string;
  at: number;
}

/** Who takes commands in: one row for each lease. `seen`: when its holder was last known to take what the broker had. */
export interface KeeperTable {
  name: string;
  gateway: string;
  epoch: number;
  renewed: number;
  seen: number;
}
