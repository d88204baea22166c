/** How a registry is opened. */

/** Bounds of what devices and senders can make grow. */
export interface RegistryLimits {
  /** Undone inbox rows and the bytes of their bodies, of all and of one device. Default 1,000,000, 256 MiB; 100,000, 32 MiB. */
  inboxRows?: number;
  inboxBytes?: number;
  inboxRowsPerDevice?: number;
  inboxBytesPerDevice?: number;
  /** Waiting messages and bytes, of all and of one device. Default 100,000, 64 MiB; 1,000, 1 MiB. */
  queueMessages?: number;
  queueBytes?: number;
  queueMessagesPerDevice?: number;
  queueBytesPerDevice?: number;
  /** Longest lifetime, ms. Default 7 days. */
  queueLifetime?: number;
  /** How long (ms) and how many ends of messages are remembered. Default 24 h, 100,000. */
  keepEnds?: number;
  keepEndsCount?: number;
  /** Messages that the broker does not take, and the bytes of their bodies; beyond it they stay in the inbox. Default 10,000, 64 MiB. */
  deadLetters?: number;
  deadLetterBytes?: number;
  /** Results that wait for the broker; beyond it no command is taken in. Default 100,000. */
  results?: number;
  /** Commands remembered for 24 hours as taken. Default 1,000,000. */
  taken?: number;
}

export interface RegistryOptions {
  /** False: a database that does not exist is an error. Default true. */
  create?: boolean;
  /**
   * False (default): the database is this process's alone while it is open; another that opens it gets DATABASE_LOCKED.
   * True: others may open it too (with this option); `reload` shows their changes to devices.
   */
  shared?: boolean;
  /** ms to wait for another process's lock, and for a server that went away. Default 5,000. */
  busyTimeout?: number;
  /** Default `auto`: node:sqlite where this Node has it, else better-sqlite3. */
  driver?: 'auto' | 'node:sqlite' | 'better-sqlite3';
  /** True (default): SQL runs in a thread of its own, so that no flush to the disk stalls the event loop. */
  thread?: boolean;
  /** Name of this gateway in the rows of its leases. Default `local`. */
  gateway?: string;
  limits?: RegistryLimits;
  /**
   * 32 bytes under which the keys of devices lie wrapped in the database; a copy is taken, the caller's stays the caller's to wipe. Needed where
   * they are wrapped; a database without a key is wrapped from now on; one whose keys are plain is refused (KEYS_NOT_WRAPPED).
   */
  masterKey?: Uint8Array;
  /** Unix ms; tests own the time through it. */
  unix?: () => number;
}
