/** A message from a device, as the application gets it. */
import { FLAG_REPEAT, SKIP, TYPE_MASK } from '../../assembly/abi.js';
import { hasHead, readHead } from '../core/topic.js';
import { messageName } from '../registry/names.js';
import type { Message, Trust } from './types.js';

/**
 * Made for every message that somebody listens for, a million a second at best: so it keeps the chunk and makes
 * a view of it only for those who look at the body.
 */
export class GatewayMessage implements Message {
  readonly device: string;
  readonly time: number;
  /** Its number in the device's outbox, and that outbox; 0 where no acknowledgement is wanted. */
  readonly number: number;
  readonly outbox: number;
  readonly trust: Trust;
  readonly topic: string | undefined;
  readonly expires: number | undefined;
  readonly #flags: number;
  readonly #start: number;
  readonly #end: number;
  readonly #chunk: Buffer;
  #body: Buffer | undefined;

  constructor(device: string, time: number, outbox: number, number: number, flags: number, chunk: Buffer, start: number, end: number, trust: Trust = 'proved') {
    this.device = device;
    this.time = time;
    this.outbox = outbox;
    this.trust = trust;
    this.number = number;
    this.#flags = flags;
    this.#chunk = chunk;
    if (hasHead(flags)) {
      const { topic, lifetime, bytes } = readHead(flags, chunk, start);
      this.topic = topic;
      this.expires = lifetime === 0 ? undefined : time + lifetime * 1000;
      start += bytes;
    } else {
      this.topic = this.expires = undefined;
    }
    this.#start = start;
    this.#end = end;
  }

  get id(): string {
    return this.number === 0 ? '' : messageName(this.device, this.outbox, this.number);
  }

  get body(): Buffer {
    return (this.#body ??= this.#chunk.subarray(this.#start, this.#end));
  }

  get length(): number {
    return this.#end - this.#start;
  }

  get repeat(): boolean {
    return (this.#flags & FLAG_REPEAT) !== 0;
  }

  /** It takes the place of one that the device gave up: a receipt without a message. */
  get skipped(): boolean {
    return (this.#flags & TYPE_MASK) === SKIP;
  }

  text(): string {
    return this.#chunk.toString('utf8', this.#start, this.#end);
  }
}
