/** What the readers of capture files share: bytes that come in pieces, and what a packet is. */

export interface Packet {
  /** From 1, as Wireshark counts. */
  number: number;
  /** Of its record in the file. */
  offset: number;
  /** Unix ms, with its fraction; undefined where the file does not tell. */
  at: number | undefined;
  linkType: number;
  bytes: Buffer;
  /** It was longer on the wire. */
  cut: boolean;
}

export interface CaptureSink {
  packet(packet: Packet): void;
  fault(offset: number, text: string): void;
}

/** No record of a capture is longer: tcpdump's largest snapshot. */
export const LARGEST_RECORD = 262_144;

/** Takes the bytes of a file in pieces; `take` handles one record at the front and says how many bytes that was, 0: more are wanted. */
export abstract class CaptureReader {
  protected rest: Buffer = Buffer.alloc(0);
  /** Of the first byte of `rest` in the file. */
  protected offset = 0;
  protected ended = false;
  protected packets = 0;

  constructor(protected readonly sink: CaptureSink) {}

  protected abstract take(): number;

  push(chunk: Buffer): void {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    this.drain();
  }

  /** The file is over; a record that is cut off is a fault. */
  end(): void {
    this.ended = true;
    this.drain();
    if (this.rest.length > 0) this.sink.fault(this.offset, `the file ends within a record, ${this.rest.length} bytes of it are there`);
    this.rest = Buffer.alloc(0);
  }

  private drain(): void {
    let at = 0;
    const all = this.rest, start = this.offset;
    while (at < all.length) {
      this.rest = all.subarray(at);
      this.offset = start + at;
      const took = this.take();
      if (took === 0) break;
      at += took;
    }
    // A copy: what is left must not hold the whole piece.
    this.rest = Buffer.from(all.subarray(at));
    this.offset = start + at;
  }

  /** Bytes are being skipped: the fault was told. */
  protected skipping = false;

  /**
   * How many bytes to skip to the next place that can be a record. The fault is told once, where it began.
   * @param plausible  of the place at `i` of `rest`: undefined where too few bytes are there to say
   */
  protected skip(what: string, step: number, plausible: (i: number) => boolean | undefined): number {
    if (!this.skipping) this.sink.fault(this.offset, `${what}; going on at the next place that can be a record`);
    this.skipping = true;
    for (let i = step; i < this.rest.length; i += step) if (plausible(i) !== false) return i;
    return this.rest.length;
  }
}
