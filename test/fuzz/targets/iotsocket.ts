// The core's IoTSocket connections, in both roles: what comes in pieces must have the effect of what comes at once.

import { strict as assert } from 'node:assert';
import { IotsocketCore } from 'tidelock/core';
import { fromClient, ID, KEY, stamp } from '../../legacy/iotsocket/frames.js';
import type { Open, Target } from '../target.js';

/** The stamps of the corpus are of this moment. */
const UNIX = 1_700_000_000_000;

function target(name: string, device: boolean): Target {
  return {
    name,
    async open(): Promise<Open> {
      const core = new IotsocketCore();
      const digest = core.digest(ID, KEY)!;
      /** What a connection tells of these pieces. */
      const told = (pieces: readonly Buffer[]): string[] => {
        const all: string[] = [];
        const slot = core.open({
          login: (identity) => core.key(slot, identity === ID ? digest : undefined, -1, UNIX),
          message: (chunk, start, end, time) => void all.push(`message ${time} ${chunk.toString('hex', start, end)}`),
          refused: (reason, off) => {
            all.push(`refused ${reason} ${off}`);
            core.free(slot);
          },
        }, device, false, UNIX);
        if (device) core.device(slot, ID, KEY);
        for (const piece of pieces) core.receive(slot, piece, UNIX);
        core.free(slot);
        return all;
      };
      return {
        feed(input) {
          const half = input.length === 0 ? 0 : (input[input.length - 1]! * 7919) % input.length;
          assert.deepEqual(told([input.subarray(0, half), input.subarray(half)]), told([input]));
        },
        check() {
          if (!device) assert.match(told([Buffer.from(fromClient({ time: stamp(UNIX) }, 'still there'))]).join(), /^message \d+ /);
        },
        close: () => undefined,
      };
    },
  };
}

export const targets = [target('iotsocket-gateway', false), target('iotsocket-device', true)];
