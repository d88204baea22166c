// Bytes and numbers of the reference: big-endian everywhere, as docs/protocol.md says.

import { bytesToHex, concatBytes, hexToBytes } from '@noble/hashes/utils.js';

export const hex = bytesToHex;
export const unhex = hexToBytes;
export const concat = concatBytes;

/** `value` as `bytes` big-endian bytes; throws RangeError where it does not fit. */
export function uint(value: number | bigint, bytes: number): Uint8Array {
  let rest = BigInt(value);
  if (rest < 0n || rest >= 1n << BigInt(8 * bytes)) throw new RangeError(`${value} does not fit ${bytes} bytes`);
  const out = new Uint8Array(bytes);
  for (let i = bytes - 1; i >= 0; i--) {
    out[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return out;
}

/** The big-endian number in all of `bytes`. */
export function number(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Reads fields from the front; throws Short where the bytes end early. */
export class Reader {
  constructor(
    private readonly bytes: Uint8Array,
    private at = 0,
  ) {}

  take(count: number): Uint8Array {
    if (this.at + count > this.bytes.length) throw new Short();
    this.at += count;
    return this.bytes.slice(this.at - count, this.at);
  }

  int(bytes: number): number {
    return Number(number(this.take(bytes)));
  }

  big(bytes: number): bigint {
    return number(this.take(bytes));
  }

  rest(): Uint8Array {
    return this.take(this.bytes.length - this.at);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  get position(): number {
    return this.at;
  }
}

export class Short extends Error {}
