/** The classic capture file of tcpdump (draft-ietf-opsawg-pcap): a header of 24 bytes, then records of 16 bytes and the packet. */
import { CaptureReader, LARGEST_RECORD, type CaptureSink } from './reader.js';

const HEADER = 24;
const RECORD = 16;

/** Magic numbers as a big-endian word: byte order and unit of the time stamps' fraction. */
const MAGIC = new Map<number, { little: boolean; unit: number }>([
  [0xa1b2c3d4, { little: false, unit: 1e6 }],
  [0xd4c3b2a1, { little: true, unit: 1e6 }],
  [0xa1b23c4d, { little: false, unit: 1e9 }],
  [0x4d3cb2a1, { little: true, unit: 1e9 }],
]);

export function isPcap(bytes: Buffer): boolean {
  return bytes.length >= 4 && MAGIC.has(bytes.readUInt32BE(0));
}

export class PcapReader extends CaptureReader {
  #form: { little: boolean; unit: number } | undefined;
  #linkType = 0;

  constructor(sink: CaptureSink) {
    super(sink);
  }

  protected take(): number {
    if (this.#form === undefined) return this.#header();
    const can = this.#plausible(0);
    if (can === undefined) return 0;
    if (!can) {
      return this.skip('no record of a capture begins here', 1, (i) => this.#plausible(i));
    }
    const bytes = this.#word(8);
    if (this.rest.length < RECORD + bytes) return 0;
    this.skipping = false;
    this.packets += 1;
    this.sink.packet({
      number: this.packets,
      offset: this.offset,
      at: this.#word(0) * 1000 + (this.#word(4) * 1000) / this.#form.unit,
      linkType: this.#linkType,
      bytes: this.rest.subarray(RECORD, RECORD + bytes),
      cut: this.#word(12) > bytes,
    });
    return RECORD + bytes;
  }

  #header(): number {
    if (this.rest.length < HEADER) return 0;
    this.#form = MAGIC.get(this.rest.readUInt32BE(0)) ?? { little: true, unit: 1e6 };
    this.#linkType = this.#word(20) & 0xffff; // the upper bits tell of the frame check sequence
    return HEADER;
  }

  #word(at: number): number {
    return this.#form!.little ? this.rest.readUInt32LE(at) : this.rest.readUInt32BE(at);
  }

  /** Lengths that fit each other and a fraction of a second that is one; behind a fault a second record must follow, or the end. */
  #plausible(at: number): boolean | undefined {
    if (this.rest.length < at + RECORD) return undefined;
    if (!this.#sane(at)) return false;
    if (!this.skipping) return true;
    const next = at + RECORD + this.#word(at + 8);
    if (this.rest.length < next + RECORD) return this.ended ? this.rest.length === next : undefined;
    return this.#sane(next);
  }

  #sane(at: number): boolean {
    const bytes = this.#word(at + 8), original = this.#word(at + 12);
    return bytes > 0 && bytes <= LARGEST_RECORD && bytes <= original && original <= 0x1000000 && this.#word(at + 4) < this.#form!.unit;
  }
}
