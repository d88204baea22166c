/** Messages without acknowledgement on their way to a reader. They wait nowhere, so one that is too slow misses some; how many is logged. */
import type pino from 'pino';
import type { Output } from './output.js';

/** Bytes of such lines that may wait for the reader; what is beyond is dropped and counted. */
const LARGEST_BACKLOG = 1 << 20;

export class Unkept {
  readonly #output: Output;
  readonly #log: pino.Logger;
  readonly #reader: string;
  #waiting = 0;
  #dropped = 0;

  /** `reader`: who it is, for the log. */
  constructor(output: Output, log: pino.Logger, reader: string) {
    this.#output = output;
    this.#log = log;
    this.#reader = reader;
  }

  /** False: it was dropped. */
  write(line: string): boolean {
    if (this.#waiting + line.length > LARGEST_BACKLOG) {
      if ((this.#dropped += 1) === 1) this.#log.warn(`${this.#reader} is read too slowly: messages without acknowledgement are dropped`);
      return false;
    }
    this.#waiting += line.length;
    const written = (): void => {
      this.#waiting -= line.length;
      if (this.#dropped === 0 || this.#waiting > LARGEST_BACKLOG / 2) return;
      this.#log.warn({ dropped: this.#dropped }, 'messages without acknowledgement were dropped');
      this.#dropped = 0;
    };
    this.#output.line(line).then(written, written);
    return true;
  }
}
