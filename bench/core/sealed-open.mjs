/** core.sealed-open: bytes of one sealed frame in, its body in clear out, in one call; against createDecipheriv. */

import { compare } from '../lib/compare.mjs';
import { nodeChaCha, oneFrame } from './sides.mjs';
import { coreRounds } from '../lib/sizes.mjs';

export async function run({ name, quick, emit, row }) {
  const { rounds, count } = coreRounds(quick);
  row(await compare({
    name, unit: 'ns', better: 'low', rounds, goal: 4,
    ours: await oneFrame('sealed', count),
    peer: nodeChaCha(count), peerName: 'node:crypto chacha20-poly1305',
  }, emit));
}
