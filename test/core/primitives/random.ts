// Random inputs that a printed seed repeats.
import { createCipheriv, randomBytes } from 'node:crypto';

const POOL_BYTES = 1 << 20;

export class RandomInputs {
  private pool: Buffer;
  private at = 0;
  private readonly stream: ReturnType<typeof createCipheriv>;

  /** @param seed  32 hexadecimal digits */
  constructor(readonly seed = randomBytes(16).toString('hex')) {
    this.stream = createCipheriv('aes-128-ctr', Buffer.from(seed, 'hex'), Buffer.alloc(16));
    this.pool = this.stream.update(Buffer.alloc(POOL_BYTES));
  }

  bytes(length: number): Buffer {
    if (this.at + length > POOL_BYTES) {
      this.pool = this.stream.update(Buffer.alloc(POOL_BYTES));
      this.at = 0;
    }
    this.at += length;
    return this.pool.subarray(this.at - length, this.at);
  }

  /** 0 … below - 1. */
  below(limit: number): number {
    return this.bytes(4).readUInt32LE() % limit;
  }

  /** 0 to 1,000: half of them up to 150, a third at the border of a block or of its padding. */
  length(): number {
    const kind = this.below(6);
    if (kind < 2) return Math.min(1_000, Math.max(0, 64 * this.below(17) + [-9, -8, -1, 0, 1, 15][this.below(6)]!));
    return this.below(kind < 5 ? 151 : 1_001);
  }

  /** Up to three ascending positions in a message. */
  cuts(length: number): number[] {
    return Array.from({ length: this.below(4) }, () => this.below(length + 1)).sort((a, b) => a - b);
  }
}
