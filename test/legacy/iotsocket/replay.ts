// Runs conversations against the core of one build: what the host does around it is as little as can be.

import { IotsocketCore, type IotsocketSink } from 'tidelock/core';
import { strict as assert } from 'node:assert';
import type { Conversation, Step } from './conversations.js';
import { ACCOUNTS, ID, KEY, stamp } from './frames.js';

const START = 1_700_000_000_000;

class Line implements IotsocketSink {
  readonly slot: number;
  readonly taken: Buffer[] = [];
  identity = '';
  closed: number | undefined;

  constructor(readonly world: World) {
    this.slot = world.core.open(this, world.device, false, world.unix);
    if (world.device) assert.ok(world.core.device(this.slot, ID, KEY));
  }

  login(identity: string): void {
    const { core, lines, unix } = this.world;
    const other = lines.some((line) => line !== this && line.closed === undefined && line.identity === identity);
    const key = ACCOUNTS[identity];
    if (other) this.refused(-1);
    else {
      this.identity = identity;
      core.key(this.slot, key === undefined ? undefined : core.digest(identity, key), -1, unix);
    }
  }

  message(chunk: Buffer, start: number, end: number): void {
    this.taken.push(Buffer.from(chunk.subarray(start, end)));
  }

  refused(reason: number): void {
    this.closed = reason;
    this.world.core.free(this.slot);
  }
}

export class World {
  unix = START;
  readonly lines: Line[] = [];
  private readonly named: Record<string, Line> = {};

  constructor(readonly core: IotsocketCore, readonly device: boolean, private readonly cut: (bytes: Buffer) => Buffer[]) {}

  private line(who: string): Line {
    const known = this.named[who];
    if (known !== undefined) return known;
    const line = new Line(this);
    this.lines.push(line);
    return (this.named[who] = line);
  }

  step({ wait = 0, who = 'a', say, times, taken = [], closed = false }: Step): void {
    const line = this.line(who), before = line.taken.length;
    for (let i = 0; i < (times ?? 1); i++) {
      this.unix += wait * 1_000;
      if (wait > 0 && line.closed === undefined) this.core.tick(line.slot, this.unix);
      const bytes = Buffer.from(say?.((off = 0) => stamp(this.unix, off + i * 0.0001)) ?? '');
      for (const part of this.cut(bytes)) this.core.receive(line.slot, part, this.unix);
    }
    const got = line.taken.slice(before);
    if (times !== undefined) assert.equal(got.length, times);
    else assert.deepEqual(got, taken.map((body) => Buffer.from(body)));
    assert.equal(line.closed !== undefined, closed, closed ? 'it stays open' : `it was closed: ${line.closed}`);
  }

  end(): void {
    for (const line of this.lines) this.core.free(line.slot);
  }
}

/** Throws where one does not go as it should. `cut`: how each write comes. */
export function replay(core: IotsocketCore, device: boolean, { name, steps }: Conversation, cut: (bytes: Buffer) => Buffer[] = (bytes) => [bytes]): void {
  const world = new World(core, device, cut);
  steps.forEach((step, i) => {
    try {
      world.step(step);
    } catch (error) {
      throw new Error(`${name}, step ${i + 1}: ${(error as Error).message}`);
    }
  });
  world.end();
}
