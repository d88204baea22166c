/**
 * Rows of a table on their way into the lanes: read ahead up to a bound, each once at a time, and marked when they are settled. The table is the
 * store: what is in memory is lost without loss.
 */
import type { Clock } from '../clock.js';
import { outlasting } from '../gateway/outlast.js';
import type { Registry } from '../registry/types.js';
import type { Lanes } from './lanes.js';
import type { Item } from './lane.js';

/** Rows, and bytes of their bodies, that may be in memory. */
const MOST_HELD = 4_096;
const MOST_BYTES = 8 << 20;
const AT_ONCE = 256;
/** ms until what failed is tried again. */
const PAUSE = 1_000;

export interface FeedRow {
  readonly position: number;
  readonly identity: string;
  readonly bytes: number;
}

export interface FeedSource<R extends FeedRow> {
  read(after: number, limit: number): Promise<R[]>;
  /** Marks rows: they do not come again. */
  done(positions: readonly number[]): Promise<void>;
  item(row: R): Item;
  /** False: not now; `again` asks for it later. */
  takes(row: R): boolean;
  failed(error: unknown): void;
  readonly clock: Clock;
}

export class Feed<R extends FeedRow> {
  readonly #registry: Registry;
  readonly #source: FeedSource<R>;
  readonly #lanes: Lanes;
  readonly #over = new AbortController();
  /** Positions in memory, and those whose mark is not committed yet. */
  readonly #held = new Map<number, number>();
  #bytes = 0;
  #after = 0;
  #more = true;
  #reading = false;
  #paused = false;
  #marks: number[] = [];
  #marking = false;
  #idle: (() => void) | undefined;
  #drained: (() => void) | undefined;

  constructor(registry: Registry, lanes: Lanes, source: FeedSource<R>) {
    this.#registry = registry;
    this.#lanes = lanes;
    this.#source = source;
  }

  get held(): number {
    return this.#held.size;
  }

  /** There may be new rows. */
  wake(): void {
    this.#more = true;
    this.#fill();
  }

  /** There may be rows from this position on that were passed over. */
  again(position: number): void {
    this.#after = Math.min(this.#after, position - 1);
    this.wake();
  }

  /** The row is settled for good: it is marked. */
  settled({ position }: FeedRow): void {
    this.#marks.push(position);
    if (!this.#marking) {
      this.#marking = true;
      setImmediate(() => void this.#mark());
    }
    this.#fill();
  }

  /** The row is not settled, and is to be read again when `again` asks for it. */
  dropped({ position }: FeedRow): void {
    this.#forget(position);
    this.#fill();
  }

  /** Fulfilled once everything that there was has been settled; at once where it is so now. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve;
      this.wake();
    });
  }

  /** Reads no more; fulfilled when the marks under way are committed. */
  close(): Promise<void> {
    this.#paused = true;
    this.#over.abort();
    if (!this.#marking) return Promise.resolve();
    return new Promise((resolve) => (this.#idle = resolve));
  }

  #fill(): void {
    if (this.#reading || this.#paused || !this.#more || this.#held.size > MOST_HELD - AT_ONCE || this.#bytes > MOST_BYTES) return;
    this.#reading = true;
    this.#more = false;
    const after = this.#after;
    outlasting(this.#registry, this.#over.signal, () => this.#source.read(after, AT_ONCE)).then((rows) => {
      this.#reading = false;
      if (this.#paused) return;
      // `again` may have gone back meanwhile.
      if (rows.length > 0 && this.#after === after) this.#after = rows.at(-1)!.position;
      if (rows.length >= AT_ONCE || this.#after < after) this.#more = true;
      for (const row of rows) this.#take(row);
      if (!this.#more && this.#held.size === 0) this.#drained?.();
      this.#fill();
    }, (error: unknown) => {
      this.#reading = false;
      if (this.#over.signal.aborted) return;
      this.#more = true; // there may be rows: nobody may take it for empty meanwhile
      this.#source.failed(error);
      this.#later(() => this.#fill());
    });
  }

  #take(row: R): void {
    if (this.#held.has(row.position) || !this.#source.takes(row)) return;
    this.#held.set(row.position, row.bytes);
    this.#bytes += row.bytes;
    this.#lanes.of(row.identity).push(this.#source.item(row));
  }

  #later(run: () => void): void {
    this.#source.clock.after(PAUSE, run, false);
  }

  #forget(position: number): void {
    this.#bytes -= this.#held.get(position) ?? 0;
    this.#held.delete(position);
  }

  /** Joined: while one call is under way the next collects. */
  async #mark(): Promise<void> {
    while (this.#marks.length > 0) {
      const positions = this.#marks;
      this.#marks = [];
      try {
        await outlasting(this.#registry, this.#over.signal, () => this.#source.done(positions));
      } catch (error) {
        // They go again, under the same names.
        if (!this.#over.signal.aborted) {
          this.#source.failed(error);
          const first = positions.reduce((least, position) => Math.min(least, position));
          this.#later(() => this.again(first));
        }
      }
      for (const position of positions) this.#forget(position);
      this.#fill();
    }
    this.#marking = false;
    this.#idle?.();
    if (!this.#more && !this.#reading && this.#held.size === 0) this.#drained?.();
  }
}
