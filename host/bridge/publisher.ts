/**
 * PUBLISH packets of one connection, made here and not by the library: its way costs five times as much CPU a message, a write each, and a
 * copy in its own store. What is published in one turn of the event loop leaves in one write.
 */
import type { Writable } from 'node:stream';
import { Fifo } from './fifo.js';
import { DROPPED, type PublishProperties } from './packets.js';

/** Who waits for the broker's answer to a PUBLISH at QoS 1. */
export interface Answered {
  /** Called once. 0x00 and 0x10 are success; from 0x80 on it is none; DROPPED: the connection went before there was an answer. */
  answered(reason: number): void;
}

export const NOBODY_WAITS: Answered = { answered: () => undefined };

/** Packet identifiers up to this one are ours; those above are for the library's own SUBSCRIBE and UNSUBSCRIBE. */
export const LAST_ID = 65_000;
/** Bytes of the buffer in which packets are put together; a larger packet has one of its own. */
const SLAB = 64 << 10;

// Properties of MQTT 5.0, section 2.2.2.2.
const MESSAGE_EXPIRY = 0x02;
const CORRELATION_DATA = 0x09;
const USER_PROPERTY = 0x26;

/** What may not go yet. */
interface Pending {
  readonly topic: string;
  readonly payload: Buffer | string;
  readonly retain: boolean;
  readonly properties: PublishProperties | undefined;
  readonly answer: Answered;
}

export class Publisher {
  readonly #stream: Writable;
  readonly #properties: boolean;
  readonly #most: number;
  readonly #pending = new Fifo<Pending>();
  readonly #waiting = new Map<number, Answered>();
  #id = 0;
  #slab = Buffer.allocUnsafeSlow(SLAB);
  /** What has been written to the stream, and what is to follow. */
  #from = 0;
  #at = 0;
  #flushing = false;
  readonly #flush = (): void => {
    this.#flushing = false;
    this.#leave();
  };

  /**
   * `properties`: the connection speaks MQTT 5. `most`: answers that may be missing, which are the broker's Receive Maximum, of all that goes by this
   * connection whoever publishes it (MQTT 5.0, section 3.3.4); LAST_ID at most.
   */
  constructor(stream: Writable, properties: boolean, most = LAST_ID) {
    this.#stream = stream;
    this.#properties = properties;
    this.#most = most;
  }

  /** `answer` undefined: QoS 0. What is one too many waits for an answer to another. */
  publish(topic: string, payload: Buffer | string, retain: boolean, properties: PublishProperties | undefined, answer: Answered | undefined): void {
    if (answer !== undefined && (this.#waiting.size >= this.#most || this.#pending.size > 0)) this.#pending.push({ topic, payload, retain, properties, answer });
    else this.#publish(topic, payload, retain, properties, answer);
  }

  #publish(topic: string, payload: Buffer | string, retain: boolean, properties: PublishProperties | undefined, answer: Answered | undefined): void {
    this.#room(mostBytes(topic, payload, properties));
    const start = this.#at;
    this.#slab[start] = 0x30 | (answer === undefined ? 0 : 2) | (retain ? 1 : 0);
    this.#at = start + 3; // a length of two bytes is the likely one
    this.#text(topic);
    if (answer !== undefined) {
      const id = this.#nextId();
      this.#waiting.set(id, answer);
      this.#at = this.#slab.writeUInt16BE(id, this.#at);
    }
    if (this.#properties) this.#write(properties);
    if (typeof payload === 'string') this.#at += this.#slab.write(payload, this.#at);
    else this.#at += payload.copy(this.#slab, this.#at);
    this.#length(start + 1, 2);
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(this.#flush);
  }

  /** Answers that are missing. */
  get missing(): number {
    return this.#waiting.size;
  }

  /** False: it answers to nothing of ours. */
  acknowledged(id: number, reason: number): boolean {
    const answer = this.#waiting.get(id);
    if (answer === undefined) return false;
    this.#waiting.delete(id);
    while (this.#pending.size > 0 && this.#waiting.size < this.#most) {
      const { topic, payload, retain, properties, answer: next } = this.#pending.shift()!;
      this.#publish(topic, payload, retain, properties, next);
    }
    answer.answered(reason);
    return true;
  }

  /** Other bytes, behind what was published before. */
  write(bytes: Buffer): void {
    this.#leave();
    this.#stream.write(bytes);
  }

  /** Writes what was published. */
  flush(): void {
    this.#leave();
  }

  /** The connection has gone. */
  lost(): void {
    this.#from = this.#at;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) waiting.push(next.answer);
    for (const answer of waiting) answer.answered(DROPPED);
  }

  #leave(): void {
    if (this.#from === this.#at) return;
    const bytes = this.#slab.subarray(this.#from, this.#at);
    this.#from = this.#at;
    if (this.#stream.writable) this.#stream.write(bytes);
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#slab.length) return;
    this.#leave();
    // The stream may still hold what was written: that stays as it is.
    this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB, bytes));
    this.#from = this.#at = 0;
  }

  #nextId(): number {
    do this.#id = this.#id === LAST_ID ? 1 : this.#id + 1;
    while (this.#waiting.has(this.#id));
    return this.#id;
  }

  #write(properties: PublishProperties | undefined): void {
    const start = this.#at;
    this.#at = start + 1;
    if (properties !== undefined) {
      const { userProperties, correlationData, messageExpiryInterval } = properties;
      if (messageExpiryInterval !== undefined) {
        this.#slab[this.#at] = MESSAGE_EXPIRY;
        this.#at = this.#slab.writeUInt32BE(messageExpiryInterval, this.#at + 1);
      }
      if (correlationData !== undefined) {
        this.#slab[this.#at] = CORRELATION_DATA;
        this.#at = this.#slab.writeUInt16BE(correlationData.length, this.#at + 1);
        this.#at += correlationData.copy(this.#slab, this.#at);
      }
      for (const name in userProperties) {
        this.#slab[this.#at++] = USER_PROPERTY;
        this.#text(name);
        this.#text(userProperties[name]!);
      }
    }
    this.#length(start, 1);
  }

  /** A UTF-8 string behind its length. Most are short and of one byte a character: then a loop costs less than a call into the engine. */
  #text(text: string): void {
    const slab = this.#slab, start = this.#at + 2, { length } = text;
    let bytes = 0;
    for (; bytes < length; bytes++) {
      const code = text.charCodeAt(bytes);
      if (code >= 0x80) break;
      slab[start + bytes] = code;
    }
    if (bytes < length) bytes = slab.write(text, start);
    slab.writeUInt16BE(bytes, start - 2);
    this.#at = start + bytes;
  }

  /** Puts the length of what follows, as a variable byte integer, at `at`, where `reserved` bytes were left for it. */
  #length(at: number, reserved: number): void {
    const slab = this.#slab;
    let length = this.#at - at - reserved;
    const needed = length < 0x80 ? 1 : length < 0x4000 ? 2 : length < 0x20_0000 ? 3 : 4;
    if (needed !== reserved) {
      slab.copyWithin(at + needed, at + reserved, this.#at);
      this.#at += needed - reserved;
    }
    for (let i = at; ; i++) {
      slab[i] = length & 0x7f;
      length >>>= 7;
      if (i === at + needed - 1) return;
      slab[i]! |= 0x80;
    }
  }
}

/** Never less than it takes. A character of UTF-16 has three bytes at most. */
export function mostBytes(topic: string, payload: Buffer | string, properties: PublishProperties | undefined): number {
  // Fixed header, length of the topic, packet id, length of the properties, expiry.
  let bytes = 5 + 2 + 3 * topic.length + 2 + 4 + 5 + (typeof payload === 'string' ? 3 * payload.length : payload.length);
  if (properties === undefined) return bytes;
  const { userProperties, correlationData } = properties;
  for (const name in userProperties) bytes += 5 + 3 * (name.length + userProperties[name]!.length);
  return correlationData === undefined ? bytes : bytes + 3 + correlationData.length;
}
