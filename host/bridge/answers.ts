/**
 * The broker's answers, PUBACKs, taken out of what comes by a connection before the library sees it: its way with each (a packet of its own, a
 * turn of the loop, a search in its store) was a fifth of the gateway's CPU in bridge.through. All else is the library's, byte for byte and in order.
 */
import type { Readable } from 'node:stream';

/** Fixed header without flags (MQTT 5.0, section 3.4.1). */
const PUBACK = 0x40;
/** Longest remaining length that is one byte: a longer PUBACK, with words in it, is left to the library. */
const SHORT = 0x7f;
const NOTHING = Buffer.alloc(0);

export interface AnswersOwner {
  answered(id: number, reason: number): void;
  /** Bytes for the library. */
  other(bytes: Buffer): void;
}

export class Answers {
  readonly #owner: AnswersOwner;
  readonly #reasons: boolean;
  /** Bytes that are still to come of a packet of the library's. */
  #left = 0;
  /** Begun, and too little yet to tell what it is: at most a PUBACK. */
  #begun = NOTHING;

  /** `reasons`: MQTT 5, where a PUBACK may have a reason code. */
  constructor(reasons: boolean, owner: AnswersOwner) {
    this.#reasons = reasons;
    this.#owner = owner;
  }

  take(chunk: Buffer): void {
    const bytes = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk]);
    this.#begun = NOTHING;
    // `from`: what stands before `at` and is not the library's yet.
    let from = 0, at = Math.min(this.#left, bytes.length);
    this.#left -= at;
    while (at < bytes.length) {
      const end = endOf(bytes, at), answer = bytes[at] === PUBACK && this.#known(bytes[at + 1]);
      if (end === undefined || (answer && end > bytes.length)) {
        this.#begun = Buffer.from(bytes.subarray(at)); // a copy: the chunk may be large
        break;
      }
      if (answer) {
        this.#other(bytes, from, at);
        this.#owner.answered((bytes[at + 2]! << 8) | bytes[at + 3]!, end - at > 4 ? bytes[at + 4]! : 0);
        from = end;
      } else if (end > bytes.length) {
        this.#left = end - bytes.length;
      }
      at = Math.min(end, bytes.length);
    }
    this.#other(bytes, from, at);
  }

  #known(length: number | undefined): boolean {
    return length !== undefined && (length === 2 || (this.#reasons && length > 2 && length <= SHORT));
  }

  #other(bytes: Buffer, from: number, to: number): void {
    if (from < to) this.#owner.other(bytes.subarray(from, to));
  }
}

/** Where the packet that begins at `at` ends (MQTT 5.0, section 2.1.4). Undefined: that has not come yet. Infinity: never, for its length is malformed. */
function endOf(bytes: Buffer, at: number): number | undefined {
  let length = 0;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + 1 + i];
    if (byte === undefined) return undefined;
    length |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return at + 2 + i + length;
  }
  return Infinity; // the library tells it, and ends the connection
}

/** Stands between a stream and the one who reads it by `pipe`. Call it before anything has come. */
export function takeAnswers(stream: Readable, reasons: boolean, answered: (id: number, reason: number) => void): void {
  const readers = stream.listeners('data') as ((chunk: Buffer) => void)[];
  const answers = new Answers(reasons, {
    answered,
    other: (bytes) => {
      for (const reader of readers) reader.call(stream, bytes);
    },
  });
  for (const reader of readers) stream.off('data', reader);
  stream.on('data', (chunk: Buffer) => answers.take(chunk));
}
