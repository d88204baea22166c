/** One direction of a TCP connection put into order (RFC 9293): segments that come late, twice, or never. Bounded. */

export interface Bytes<M> {
  bytes: Buffer;
  meta: M;
}

export interface Half<M> {
  data(bytes: Buffer, meta: M): void;
  /** `lost` bytes are not in the capture. */
  gap(lost: number, meta: M): void;
}

/** What one direction may hold back while it waits for a segment. */
const MOST_BYTES = 262_144;
const MOST_SEGMENTS = 512;

export class Reassembly<M> {
  /** Sequence number of the next byte; undefined before the first segment. */
  #next: number | undefined;
  #waiting: { seq: number; bytes: Buffer; meta: M }[] = [];
  #waitingBytes = 0;

  constructor(private readonly half: Half<M>) {}

  /** Bytes that wait for others. */
  get held(): number {
    return this.#waitingBytes;
  }

  segment(seq: number, syn: boolean, payload: Buffer, meta: M): void {
    if (syn) seq = (seq + 1) >>> 0;
    this.#next ??= seq;
    if (payload.length === 0) return;
    const ahead = (seq - this.#next) | 0;
    if (ahead > 0) {
      this.#hold({ seq, bytes: payload, meta });
      return;
    }
    this.#deliver(seq, payload, meta);
    this.#drain();
  }

  /** No more comes: what waits is given on, with its gaps. */
  flush(): void {
    while (this.#waiting.length > 0) this.#jump();
  }

  /** Gives on what is new of it. */
  #deliver(seq: number, bytes: Buffer, meta: M): void {
    const known = (this.#next! - seq) | 0;
    if (known >= bytes.length) return; // sent again
    this.#next = (seq + bytes.length) >>> 0;
    this.half.data(known > 0 ? bytes.subarray(known) : bytes, meta);
  }

  #hold(segment: { seq: number; bytes: Buffer; meta: M }): void {
    // A copy: the packet's buffer is a piece of the file's.
    const own = { ...segment, bytes: Buffer.from(segment.bytes) };
    let at = this.#waiting.length;
    while (at > 0 && ((this.#waiting[at - 1]!.seq - own.seq) | 0) > 0) at--;
    if (at > 0 && this.#waiting[at - 1]!.seq === own.seq && this.#waiting[at - 1]!.bytes.length >= own.bytes.length) return;
    this.#waiting.splice(at, 0, own);
    this.#waitingBytes += own.bytes.length;
    while (this.#waitingBytes > MOST_BYTES || this.#waiting.length > MOST_SEGMENTS) this.#jump();
  }

  #drain(): void {
    while (this.#waiting.length > 0 && ((this.#waiting[0]!.seq - this.#next!) | 0) <= 0) {
      const { seq, bytes, meta } = this.#waiting.shift()!;
      this.#waitingBytes -= bytes.length;
      this.#deliver(seq, bytes, meta);
    }
  }

  /** Gives up what is missing before the first segment that waits. */
  #jump(): void {
    const { seq, meta } = this.#waiting[0]!;
    this.half.gap((seq - this.#next!) >>> 0, meta);
    this.#next = seq;
    this.#drain();
  }
}
