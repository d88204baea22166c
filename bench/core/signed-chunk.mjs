/** core.signed-chunk: 64 signed frames in one call, per frame: what the gateway does with one read of a busy socket. */

import { compare } from '../lib/compare.mjs';
import { chunkOfFrames, nodeHmac } from './sides.mjs';
import { coreRounds } from '../lib/sizes.mjs';

export async function run({ name, quick, emit, row }) {
  const { rounds, count } = coreRounds(quick);
  row(await compare({
    name, unit: 'ns', better: 'low', rounds, goal: 5,
    ours: await chunkOfFrames('signed', count, 64),
    peer: nodeHmac(count), peerName: 'node:crypto createHmac',
  }, emit));
}
