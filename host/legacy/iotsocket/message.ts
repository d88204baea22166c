/** A message of IoTSocket that was received. */
import type { IotsocketMessage } from './types.js';

export class ReceivedMessage implements IotsocketMessage {
  readonly device: string;
  readonly time: number;
  readonly trust: 'tls' | 'none';
  readonly #chunk: Buffer;
  readonly #start: number;
  readonly #end: number;

  constructor(device: string, time: number, trust: 'tls' | 'none', chunk: Buffer, start: number, end: number) {
    this.device = device;
    this.time = time;
    this.trust = trust;
    this.#chunk = chunk;
    this.#start = start;
    this.#end = end;
  }

  get body(): Buffer {
    return this.#chunk.subarray(this.#start, this.#end);
  }

  text(): string {
    return this.#chunk.toString('utf8', this.#start, this.#end);
  }
}
