/** Any bytes in, items out: hexadecimal text, binary, pcap or pcapng, in pieces of any size. Every input gives an answer. */
import { Observer } from '../core/observer.js';
import { Capture } from './capture/capture.js';
import { isPcap, PcapReader } from './capture/pcap.js';
import { isPcapng, PcapngReader } from './capture/pcapng.js';
import type { CaptureReader } from './capture/reader.js';
import { Context } from './context.js';
import { DatagramConversation } from './datagrams.js';
import { looksLikeHex, readHex } from './hex.js';
import { StreamConversation } from './stream.js';
import type { DecodeOptions, Item } from './types.js';

const DEFAULT_PORT = 8433;
/** Enough to tell what an input is. */
const PROBE = 4_096;
/** Hexadecimal text is read as a whole. */
const MOST_TEXT = 4 * 1024 * 1024;
/** No UDP payload is longer. */
const LONGEST_DATAGRAM = 65_535;

export class Decoder {
  readonly #context: Context;
  readonly #datagram: boolean;
  readonly #port: number;
  /** One link for all that is no capture. */
  #stream: StreamConversation | undefined;
  #datagrams: DatagramConversation | undefined;

  /** @param observer  to use again: an instance of the core that no other decoder uses at the time */
  constructor({ datagram = false, keys = () => [], port = DEFAULT_PORT }: DecodeOptions, tell: (item: Item) => void, observer = new Observer()) {
    this.#context = new Context(observer, keys, tell);
    this.#datagram = datagram;
    this.#port = port;
  }

  /** Hexadecimal text: on a stream the lines follow each other, as datagrams each is one. */
  hex(text: string): void {
    const fault = ({ line, column, text: what }: { line: number; column: number; text: string }): void =>
      this.#context.note('fault', {}, `line ${line}, column ${column}: ${what}; the line is left out`);
    for (const { bytes, direction } of readHex(text, fault)) {
      if (this.#datagram) this.#loose().datagram(bytes, { offset: 0 }, direction);
      else this.#line().data(undefined, bytes, { offset: 0 }, direction);
    }
  }

  /** An input that comes in pieces: what it is its beginning tells. */
  input(): Input {
    return new Input(this, this.#context, this.#port);
  }

  /** @internal Bytes as they are. */
  binary(bytes: Buffer): void {
    this.#line().data(undefined, bytes, { offset: 0 });
  }

  /** @internal */
  get datagram(): boolean {
    return this.#datagram;
  }

  /** @internal One datagram. */
  one(bytes: Buffer): void {
    this.#loose().datagram(bytes, { offset: 0 });
  }

  /** Tells what is left. Nothing may follow. */
  end(): void {
    this.#stream?.end();
    this.#datagrams?.end();
  }

  #line(): StreamConversation {
    return (this.#stream ??= new StreamConversation(this.#context));
  }

  #loose(): DatagramConversation {
    return (this.#datagrams ??= new DatagramConversation(this.#context));
  }
}

function isCapture(held: readonly Buffer[]): boolean {
  const first = Buffer.concat(held.slice(0, 4)); // pieces are not empty
  return isPcap(first) || isPcapng(first);
}

export class Input {
  #held: Buffer[] = [];
  #heldBytes = 0;
  #form: 'unknown' | 'capture' | 'hex' | 'binary' = 'unknown';
  #reader: CaptureReader | undefined;
  #capture: Capture | undefined;

  constructor(
    private readonly decoder: Decoder,
    private readonly context: Context,
    private readonly port: number,
  ) {}

  push(chunk: Buffer): void {
    if (this.#form === 'unknown') {
      this.#hold(chunk);
      // A capture that is piped in says so at once, and may be long without a packet.
      if (this.#heldBytes >= PROBE || isCapture(this.#held)) this.#decide();
    } else this.#pass(chunk);
  }

  end(): void {
    if (this.#form === 'unknown') this.#decide();
    if (this.#form === 'hex' || (this.#form === 'binary' && this.decoder.datagram)) {
      const all = Buffer.concat(this.#held);
      if (this.#form === 'hex') this.decoder.hex(all.toString('latin1'));
      else if (all.length > 0) this.decoder.one(all);
    }
    this.#reader?.end();
    this.#capture?.end();
    this.#held = [];
  }

  #hold(chunk: Buffer): void {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
  }

  #decide(): void {
    const all = Buffer.concat(this.#held);
    const capture = isPcap(all) ? PcapReader : isPcapng(all) ? PcapngReader : undefined;
    this.#held = [];
    this.#heldBytes = 0;
    if (capture) {
      this.#form = 'capture';
      const packets = new Capture(this.context, this.port);
      this.#capture = packets;
      this.#reader = new capture({
        packet: (packet) => packets.packet(packet),
        fault: (offset, text) => this.context.note('fault', { offset }, `in the file: ${text}`),
      });
    } else this.#form = looksLikeHex(all.subarray(0, PROBE).toString('latin1')) ? 'hex' : 'binary';
    this.#pass(all);
  }

  #pass(chunk: Buffer): void {
    if (this.#form === 'capture') this.#reader!.push(chunk);
    else if (this.#form === 'binary' && !this.decoder.datagram) this.decoder.binary(chunk);
    else {
      const most = this.#form === 'hex' ? MOST_TEXT : LONGEST_DATAGRAM;
      const room = most - this.#heldBytes;
      if (room > 0) this.#hold(chunk.subarray(0, room));
      if (room >= 0 && chunk.length > room) this.context.note('limit', {}, `${this.#form === 'hex' ? 'hexadecimal text' : 'a datagram'} of more than ${most} bytes: the rest is left out`);
      if (chunk.length > room) this.#heldBytes = most + 1;
    }
  }
}
