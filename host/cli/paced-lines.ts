/** Lines of a stream, handled in order, only so many at once: what is beyond is not read, and so waits where it comes from. */
import type { Readable } from 'node:stream';
import { LineSplitter } from './lines.js';

export interface PacedOptions {
  /** Bytes of the longest line. */
  largest: number;
  /** Lines in hand at once. */
  most: number;
  /** A line is in hand until its promise is fulfilled; it must not be rejected. `number` counts from 1. */
  line(bytes: Buffer, number: number): Promise<void> | void;
  tooLong(number: number): void;
  /** After the last line was begun. */
  ended(): void;
  /** Nothing is in hand (any more). */
  idle?(): void;
}

export class PacedLines {
  readonly #input: Readable;
  readonly #options: PacedOptions;
  /** Of one chunk at most. Undefined: too long. */
  #waiting: (Buffer | undefined)[] = [];
  #number = 0;
  #running = 0;
  #held = false;
  #over = false;
  #told = false;
  #stopped = false;

  constructor(input: Readable, options: PacedOptions) {
    this.#input = input;
    this.#options = options;
    const splitter = new LineSplitter(options.largest, {
      line: (line) => this.#waiting.push(line),
      tooLong: () => this.#waiting.push(undefined),
    });
    const end = (): void => {
      if (this.#over) return;
      this.#over = true;
      splitter.end();
      this.#next();
    };
    input.on('data', (chunk: Buffer) => {
      splitter.push(chunk);
      this.#next();
    });
    input.on('end', end);
    input.on('close', end);
    input.on('error', () => undefined); // 'close' follows
  }

  get idle(): boolean {
    return this.#running === 0 && this.#waiting.length === 0;
  }

  /** Begins no line while it is on. */
  hold(on: boolean): void {
    if (this.#held === on) return;
    this.#held = on;
    this.#next();
  }

  /** Takes no further line. */
  stop(): void {
    this.#stopped = true;
    this.#waiting = [];
  }

  #next(): void {
    const { most, line, tooLong } = this.#options;
    while (!this.#held && !this.#stopped && this.#running < most && this.#waiting.length > 0) {
      const bytes = this.#waiting.shift();
      const number = (this.#number += 1);
      if (bytes === undefined) tooLong(number);
      else this.#watch(line(bytes, number));
    }
    if (this.#stopped) this.#waiting = [];
    if (this.#waiting.length > 0 || this.#held) this.#input.pause();
    else if (this.#input.isPaused()) this.#input.resume();
    if (this.#over && this.#waiting.length === 0 && !this.#told) {
      this.#told = true;
      this.#options.ended();
    }
    if (this.idle) this.#options.idle?.();
  }

  #watch(handled: Promise<void> | void): void {
    if (handled === undefined) return;
    this.#running += 1;
    void handled.finally(() => {
      this.#running -= 1;
      this.#next();
    });
  }
}
