/** Splits a stream of bytes into lines of bounded length. */

export interface LineHandler {
  /** One line without its end (\n or \r\n); a view that stays valid. */
  line(bytes: Buffer): void;
  /** A line of more than the bound; it is skipped up to its end. Called once a line. */
  tooLong(): void;
}

export class LineSplitter {
  readonly #largest: number;
  readonly #handler: LineHandler;
  #parts: Buffer[] = [];
  #held = 0;
  #skipping = false;

  /** `largest`: bytes of the longest line, its end not counted. */
  constructor(largest: number, handler: LineHandler) {
    this.#largest = largest;
    this.#handler = handler;
  }

  push(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(10, from); end >= 0; end = chunk.indexOf(10, from)) {
      this.#hold(chunk.subarray(from, end));
      this.#finish();
      from = end + 1;
    }
    if (from < chunk.length) this.#hold(chunk.subarray(from));
  }

  /** The stream has ended: what stands without a line end is the last line. */
  end(): void {
    if (this.#held > 0) this.#finish();
    this.#skipping = false;
  }

  #hold(part: Buffer): void {
    if (this.#skipping || part.length === 0) return;
    // One byte more, because the carriage return of \r\n is not counted.
    if (this.#held + part.length > this.#largest + 1) {
      this.#skipping = true;
      this.#clear();
      this.#handler.tooLong();
      return;
    }
    this.#parts.push(part);
    this.#held += part.length;
  }

  #finish(): void {
    if (this.#skipping) {
      this.#skipping = false;
      return;
    }
    let line = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    this.#clear();
    if (line.at(-1) === 13) line = line.subarray(0, -1);
    if (line.length > this.#largest) this.#handler.tooLong();
    else this.#handler.line(line);
  }

  #clear(): void {
    this.#parts = [];
    this.#held = 0;
  }
}
