// Bytes made from a seed: the same number gives the same input, so that a failure is seen again by its numbers alone.

/** mulberry32: a small generator of good enough 32-bit numbers. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 … below − 1 */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return Math.floor((((x ^ (x >>> 14)) >>> 0) / 2 ** 32) * below);
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.below(256)));
  }
}

/** Values at which parsers turn. */
const EDGES = [0, 1, 0x7f, 0x80, 0x81, 0x82, 0x83, 0xff];
/** Longer inputs find nothing that shorter ones do not, and cost more. */
const LONGEST = 20_000;

/** An input made of these: now and then random bytes, mostly one of them changed in one to six places, sometimes two joined. */
export function makeInput(random: Random, seeds: readonly Buffer[]): Buffer {
  const pick = (): Buffer => seeds[random.below(seeds.length)]!;
  if (random.below(16) === 0) return random.bytes(random.below(300));
  let bytes: Buffer = Buffer.from(pick());
  for (let i = 1 + random.below(6); i > 0; i--) bytes = change(random, bytes, pick);
  return bytes.subarray(0, LONGEST);
}

function change(random: Random, bytes: Buffer, pick: () => Buffer): Buffer {
  if (bytes.length === 0) return random.bytes(1 + random.below(8));
  // Often near the front: what comes first decides most.
  const at = random.below(random.below(3) === 0 ? Math.min(bytes.length, 40) : bytes.length);
  const some = 1 + random.below(random.below(4) === 0 ? 200 : 8);
  const front = bytes.subarray(0, at), back = bytes.subarray(at);
  switch (random.below(9)) {
    case 0:
    case 1:
      bytes[at]! ^= 1 << random.below(8);
      return bytes;
    case 2:
      bytes[at] = EDGES[random.below(EDGES.length)]!;
      return bytes;
    case 3: {
      // A number of two or four bytes, of either order.
      const value = [0, 1, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0xffffffff, bytes.length][random.below(8)]!;
      if (back.length >= 4 && random.below(2) === 0) {
        if (random.below(2) === 0) bytes.writeUInt32BE(value >>> 0, at);
        else bytes.writeUInt32LE(value >>> 0, at);
      } else if (back.length >= 2) bytes.writeUInt16BE(value & 0xffff, at);
      return bytes;
    }
    case 4:
      return Buffer.concat([front, back.subarray(some)]);
    case 5:
      return Buffer.concat([front, random.bytes(some % 32), back]);
    case 6:
      return Buffer.concat([front, back.subarray(0, some), back]);
    case 7:
      return Buffer.from(front);
    default: {
      const other = pick();
      return Buffer.concat([front, other.subarray(random.below(other.length + 1))]);
    }
  }
}
