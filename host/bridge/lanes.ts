/** The connections for what goes up. All of one identity goes by the same, so its order is kept. */
import type { Lane } from './lane.js';

export class Lanes {
  readonly list: readonly Lane[];

  constructor(list: readonly Lane[]) {
    this.list = list;
  }

  /** FNV-1a over the identity: even, and the same in every run. */
  of(identity: string): Lane {
    let hash = 0x811c9dc5;
    for (let i = 0; i < identity.length; i++) hash = Math.imul(hash ^ identity.charCodeAt(i), 0x01000193);
    return this.list[(hash >>> 0) % this.list.length]!;
  }

  get size(): number {
    let size = 0;
    for (const lane of this.list) size += lane.size;
    return size;
  }

  get connected(): number {
    let count = 0;
    for (const { connection } of this.list) if (connection.isUp) count += 1;
    return count;
  }
}
