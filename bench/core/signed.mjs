/** core.signed: bytes of one frame in, verdict out, in one call; against createHmac over the bytes that the tag covers. */

import { compare } from '../lib/compare.mjs';
import { oneFrame, nodeHmac } from './sides.mjs';
import { coreRounds } from '../lib/sizes.mjs';

export async function run({ name, quick, emit, row }) {
  const { rounds, count } = coreRounds(quick);
  row(await compare({
    name, unit: 'ns', better: 'low', rounds, goal: 2.5,
    ours: await oneFrame('signed', count),
    peer: nodeHmac(count), peerName: 'node:crypto createHmac',
  }, emit));
}
