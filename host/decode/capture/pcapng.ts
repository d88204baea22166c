/** Wireshark's capture file (draft-ietf-opsawg-pcapng): blocks that tell their length at both ends, sections of either byte order. */
import { CaptureReader, LARGEST_RECORD, type CaptureSink } from './reader.js';

const SECTION = 0x0a0d0d0a; // the same in both byte orders
const INTERFACE = 1;
const OLD_PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
const BYTE_ORDER = 0x1a2b3c4d;
/** The types that are looked for behind a fault: the drafts' own, from name resolution to secrets. */
const KNOWN = new Set([SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, 4, 5, ENHANCED_PACKET, 10]);
const LEAST_BLOCK = 12;
/** A packet with its options; a block of secrets or names may be as long. */
const LARGEST_BLOCK = LARGEST_RECORD + 65_536;
/** A section may name as many interfaces as it likes; what is beyond gets no packets. */
const MOST_INTERFACES = 1_024;
const IF_TSRESOL = 9;

interface Interface {
  linkType: number;
  /** Units of the time stamps a second. */
  perSecond: number;
}

export function isPcapng(bytes: Buffer): boolean {
  return bytes.length >= 4 && bytes.readUInt32BE(0) === SECTION;
}

export class PcapngReader extends CaptureReader {
  #little = true;
  #interfaces: Interface[] = [];

  constructor(sink: CaptureSink) {
    super(sink);
  }

  protected take(): number {
    const can = this.#plausible(0);
    if (can === undefined) return 0;
    const { rest } = this;
    // A section tells its byte order behind its length.
    if (can && rest.readUInt32BE(0) === SECTION) {
      if (rest.length < LEAST_BLOCK) return 0;
      this.#little = rest.readUInt32LE(8) === BYTE_ORDER;
    }
    const bytes = can ? this.#word(4) : 0;
    if (can && rest.length < bytes) return 0;
    if (!can || this.#word(bytes - 4) !== bytes) return this.skip('no block of a capture begins here', 4, (i) => this.#plausible(i));
    this.skipping = false;
    this.#block(this.#word(0), rest.subarray(8, bytes - 4));
    return bytes;
  }

  #word(at: number): number {
    return this.#little ? this.rest.readUInt32LE(at) : this.rest.readUInt32BE(at);
  }

  #plausible(at: number): boolean | undefined {
    const { rest } = this;
    if (rest.length < at + LEAST_BLOCK) return undefined;
    const section = rest.readUInt32BE(at) === SECTION;
    const order = section ? [rest.readUInt32LE(at + 8), rest.readUInt32BE(at + 8)].indexOf(BYTE_ORDER) : 0;
    if (order < 0) return false;
    const little = section ? order === 0 : this.#little;
    const bytes = little ? rest.readUInt32LE(at + 4) : rest.readUInt32BE(at + 4);
    if (bytes < LEAST_BLOCK || bytes % 4 !== 0 || bytes > LARGEST_BLOCK) return false;
    if (!this.skipping) return true;
    if (!KNOWN.has(little ? rest.readUInt32LE(at) : rest.readUInt32BE(at))) return false;
    if (rest.length < at + bytes) return this.ended ? false : undefined;
    return (little ? rest.readUInt32LE(at + bytes - 4) : rest.readUInt32BE(at + bytes - 4)) === bytes;
  }

  #block(type: number, body: Buffer): void {
    const u32 = (at: number): number => (this.#little ? body.readUInt32LE(at) : body.readUInt32BE(at));
    const u16 = (at: number): number => (this.#little ? body.readUInt16LE(at) : body.readUInt16BE(at));
    if (type === SECTION) this.#interfaces = [];
    else if (type === INTERFACE && body.length >= 8) {
      if (this.#interfaces.length < MOST_INTERFACES) this.#interfaces.push({ linkType: u16(0), perSecond: resolution(body, u16) });
    } else if (type === ENHANCED_PACKET && body.length >= 20) {
      this.#packet(body, 20, u32(12), u32(16), this.#interfaces[u32(0)], u32(4) * 0x100000000 + u32(8));
    } else if (type === OLD_PACKET && body.length >= 20) {
      this.#packet(body, 20, u32(12), u32(16), this.#interfaces[u16(0)], u32(4) * 0x100000000 + u32(8));
    } else if (type === SIMPLE_PACKET && body.length >= 4) {
      this.#packet(body, 4, Math.min(u32(0), body.length - 4), u32(0), this.#interfaces[0], undefined);
    } else if (type <= ENHANCED_PACKET && type !== 4 && type !== 5) {
      this.sink.fault(this.offset, 'a block of a capture that is too short for its type');
    }
  }

  #packet(body: Buffer, from: number, bytes: number, original: number, on: Interface | undefined, stamp: number | undefined): void {
    this.packets += 1;
    if (on === undefined) return this.sink.fault(this.offset, `packet ${this.packets} is of an interface that the capture does not describe`);
    if (bytes > body.length - from) return this.sink.fault(this.offset, `packet ${this.packets} is longer than its block`);
    this.sink.packet({
      number: this.packets,
      offset: this.offset,
      at: stamp === undefined ? undefined : (stamp / on.perSecond) * 1000,
      linkType: on.linkType,
      bytes: body.subarray(from, from + bytes),
      cut: original > bytes,
    });
  }
}

/** Option if_tsresol: a power of 10, or with its highest bit of 2; without it microseconds. */
function resolution(body: Buffer, u16: (at: number) => number): number {
  for (let at = 8; at + 4 <= body.length; ) {
    const code = u16(at), bytes = u16(at + 2);
    if (code === 0) break;
    if (code === IF_TSRESOL && bytes >= 1 && at + 4 < body.length) {
      const value = body[at + 4]!, power = Math.min(value & 0x7f, 63);
      return value & 0x80 ? 2 ** power : 10 ** power;
    }
    at += 4 + ((bytes + 3) & ~3);
  }
  return 1e6;
}
