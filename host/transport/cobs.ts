/**
 * Consistent Overhead Byte Stuffing (Cheshire and Baker, IEEE/ACM Transactions on Networking 7(2), 1999): a frame without a
 * zero in it, so that 0x00 stands between frames and nowhere else. It costs a byte, and one more for each 254. Whatever was
 * lost or changed on a line, the next 0x00 begins a good frame again.
 */

/** Data bytes of a block that no zero ended. */
const BLOCK = 254;

/** Largest size of `bytes` bytes when they are encoded, without a delimiter. */
export function encodedBytes(bytes: number): number {
  return bytes + Math.floor(bytes / BLOCK) + 1;
}

/** Writes `frame`, encoded and with 0x00 behind it, to `out` from `at` on; returns where it ends. */
export function encodeCobs(frame: Uint8Array, out: Uint8Array, at: number): number {
  let code = at, end = at + 1, run = 1;
  for (let i = 0; i < frame.length; i++) {
    const byte = frame[i]!;
    if (byte !== 0) {
      out[end++] = byte;
      run += 1;
      // A full block needs no zero behind it, and what follows another block, unless the frame ends here.
      if (run <= BLOCK || i === frame.length - 1) continue;
    }
    out[code] = run;
    code = end++;
    run = 1;
  }
  out[code] = run;
  out[end++] = 0;
  return end;
}

/** Takes a line's bytes in any portions. Memory is bounded by the largest frame. */
export class CobsDecoder {
  /** Frames that were cut, changed, or too long: dropped. */
  spoiled = 0;
  readonly #out: Buffer;
  #length = 0;
  /** Data bytes that the present block still has. */
  #left = 0;
  /** Its end stands for a zero, unless the frame ends with it. */
  #zero = false;
  #begun = false;
  #bad = false;

  /** `largest`: bytes of a decoded frame. */
  constructor(largest: number) {
    this.#out = Buffer.allocUnsafe(largest);
  }

  /** Calls `take` for each whole frame, with a buffer of its own. Nothing between two delimiters is no frame. */
  push(chunk: Uint8Array, take: (frame: Buffer) => void): void {
    let at = 0;
    while (at < chunk.length) {
      const found = chunk.indexOf(0, at);
      const end = found < 0 ? chunk.length : found;
      if (end > at) {
        this.#begun = true;
        if (!this.#bad) this.#blocks(chunk, at, end);
      }
      if (found < 0) return;
      if (this.#begun) {
        if (this.#bad || this.#left > 0) this.spoiled += 1;
        else take(Buffer.from(this.#out.subarray(0, this.#length)));
      }
      this.reset();
      at = found + 1;
    }
  }

  /** Forgets an unfinished frame: the line is another one now. */
  reset(): void {
    this.#length = this.#left = 0;
    this.#zero = this.#begun = this.#bad = false;
  }

  /** Bytes from `at` to `end` have no zero among them. */
  #blocks(chunk: Uint8Array, at: number, end: number): void {
    while (at < end) {
      if (this.#left === 0) {
        if (this.#zero && !this.#put(ZERO, 0, 1)) return;
        const code = chunk[at++]!;
        this.#left = code - 1;
        this.#zero = code <= BLOCK;
        continue;
      }
      const run = Math.min(this.#left, end - at);
      if (!this.#put(chunk, at, at + run)) return;
      this.#left -= run;
      at += run;
    }
  }

  #put(from: Uint8Array, start: number, end: number): boolean {
    if (this.#length + end - start > this.#out.length) {
      this.#bad = true; // until the next delimiter
      return false;
    }
    this.#out.set(from.subarray(start, end), this.#length);
    this.#length += end - start;
    return true;
  }
}

const ZERO = Uint8Array.of(0);
