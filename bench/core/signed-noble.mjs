/** core.signed-noble: one signed frame against noble's HMAC, as it is called by most and in its form with a cached key. */

import { compare } from '../lib/compare.mjs';
import { nobleClone, nobleHmac, oneFrame } from './sides.mjs';
import { coreRounds } from '../lib/sizes.mjs';

export async function run({ name, quick, emit, row }) {
  const { rounds, count } = coreRounds(quick);
  const ours = await oneFrame('signed', count);
  const plan = { unit: 'ns', better: 'low', rounds, ours };
  row(await compare({ ...plan, name, goal: 7, peer: nobleHmac(count), peerName: '@noble/hashes hmac' }, emit));
  row(await compare({ ...plan, name: `${name}-clone`, peer: nobleClone(count), peerName: '@noble/hashes hmac, cached key' }, emit));
}
