/**
 * The gateway's side of IoTSocket: input and output around the core, which has the rules. It knows who is connected, so
 * that an identity has one connection, and keeps the stamps of one that has just left for the next.
 */
import type { Clock } from '../../clock.js';
import { IotsocketCore } from '../../core/index.js';
import type { Link } from '../../transport/link.js';
import { Connection } from './connection.js';

/** A stamp can be accepted for 3 s around the clock: after 6 s none of those used can be again. */
const RESTING_MS = 6_000;
const TICK_MS = 1_000;

/** The digest of a device's key (see `iotsocketKey`); undefined: unknown, disabled, or of another protocol; busy: ask later. */
export type IotsocketFound = Uint8Array | undefined | 'busy';

/** What the gateway does for connections of this kind. */
export interface IotsocketHost {
  readonly clock: Clock;
  find(identity: string): IotsocketFound | Promise<IotsocketFound>;
  /** A message: the bytes from `start` to `end` of `chunk`; `time`: when its device says that it was made, Unix ms. */
  message(connection: Connection, chunk: Buffer, start: number, end: number, time: number): void;
  /** Its first message was accepted. */
  connected(connection: Connection): void;
  /** It was connected, and is gone; `lost` pushes waited for it. */
  gone(connection: Connection, reason: string, lost: number): void;
  /** It was connected, and sent what is no good; `gone` follows. */
  refused(connection: Connection, reason: string, off: number): void;
  /** There is room for pushes again. */
  drain(device: string): void;
  lookupFailed(identity: string, error: unknown): void;
}

/** Where a connection came in: told when it has logged in, or is turned away before. */
export interface Entry {
  proved(): void;
  reject(reason: string): void;
}

interface Resting {
  readonly slot: number;
  readonly until: number;
}

export class IotsocketServer {
  readonly core: IotsocketCore;
  readonly host: IotsocketHost;
  readonly queue: number;
  closing = false;
  #sessions = 0;
  readonly #open = new Set<Connection>();
  readonly #online = new Map<string, Connection>();
  /** Whose last connection has just ended: its slot has the stamps that it used. */
  readonly #resting = new Map<string, Resting>();
  #ticked = -Infinity;

  /** `rate`: messages of a device in 3 s; `queue`: frames that may wait for one. */
  constructor(host: IotsocketHost, rate: number, queue: number) {
    this.host = host;
    this.queue = queue;
    this.core = new IotsocketCore(rate);
  }

  /** A link whose first bytes are these. */
  accept(link: Link, entry: Entry, first: Buffer): void {
    const connection = new Connection(this, link, entry);
    this.#open.add(connection);
    link.owner = connection;
    connection.linkReceived(first);
  }

  get(identity: string): Connection | undefined {
    return this.#online.get(identity);
  }

  /** Those that have logged in. */
  connections(): IterableIterator<Connection> {
    return this.#online.values();
  }

  get online(): number {
    return this.#online.size;
  }

  /** Its device was disabled, or the operator wants it gone. False: it was not connected. */
  disconnect(identity: string, reason: string): boolean {
    const connection = this.#online.get(identity);
    connection?.close(reason);
    return connection !== undefined;
  }

  /** Once a tick of the gateway's. */
  tick(now: number): void {
    for (const [identity, { slot, until }] of this.#resting) {
      if (until > now) continue;
      this.#resting.delete(identity);
      this.core.free(slot);
    }
    if (now - this.#ticked < TICK_MS) return;
    this.#ticked = now;
    for (const connection of this.#open) connection.tick();
  }

  close(): void {
    this.closing = true;
    for (const connection of [...this.#open]) connection.close('going away');
    for (const { slot } of this.#resting.values()) this.core.free(slot);
    this.#resting.clear();
  }

  // ---- What connections tell ----

  /** The first frame names its device. The first connection of an identity stays, as in the original. */
  login(connection: Connection, identity: string): void {
    if (this.#online.has(identity)) {
      connection.refuse('already connected', 0);
      return;
    }
    const found = this.host.find(identity);
    if (!(found instanceof Promise)) {
      this.#key(connection, identity, found);
      return;
    }
    connection.pause();
    found.then(
      (answer) => {
        this.#key(connection, identity, answer);
        connection.resume();
      },
      (error: unknown) => {
        this.host.lookupFailed(identity, error);
        connection.refuse('lookup failed', 0);
      },
    );
  }

  #key(connection: Connection, identity: string, found: IotsocketFound): void {
    if (connection.over) return;
    if (found === 'busy' || this.#online.has(identity)) {
      connection.refuse(found === 'busy' ? 'too many lookups' : 'already connected', 0);
      return;
    }
    const resting = this.#resting.get(identity);
    this.#resting.delete(identity);
    if (resting !== undefined) connection.inherits = resting.until;
    this.core.key(connection.slot, found, resting?.slot ?? -1, this.host.clock.unix());
  }

  /** Its first message was accepted. */
  accepted(connection: Connection): void {
    this.#online.set(connection.id, connection);
    connection.session = ++this.#sessions;
    this.host.connected(connection);
  }

  /** It is over. */
  ended(connection: Connection, reason: string, lost: number): void {
    this.#open.delete(connection);
    const { id, slot, claimed, inherits } = connection;
    const online = id !== '' && this.#online.get(id) === connection;
    // Whoever has not the key must not be able to take the stamps of the device away.
    const until = online ? this.host.clock.now() + RESTING_MS : inherits;
    if (until === 0) {
      this.core.free(slot);
    } else {
      this.core.retire(slot);
      this.#resting.set(claimed, { slot, until });
    }
    if (!online) return;
    this.#online.delete(id);
    this.host.gone(connection, reason, lost);
  }
}
