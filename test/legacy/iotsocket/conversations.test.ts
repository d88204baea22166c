// Every conversation on every build of the core, in one piece, byte by byte, and cut anywhere.

import fc from 'fast-check';
import { test } from 'uvu';
import { IotsocketCore } from 'tidelock/core';
import { towardsDevice, towardsGateway, type Conversation } from './conversations.js';
import { replay } from './replay.js';

const builds = ['core-gateway', 'core-gateway-nosimd', 'core-legacy'] as const;
const bytewise = (bytes: Buffer): Buffer[] => Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));

for (const build of builds) {
  const legacy = build === 'core-legacy';
  const core = new IotsocketCore(0, build);
  const all: [boolean, Conversation][] = [
    ...(legacy ? [] : towardsGateway.map((one): [boolean, Conversation] => [false, one])),
    ...towardsDevice.map((one): [boolean, Conversation] => [true, one]),
  ];
  const fits = all.filter(([, { long }]) => !legacy || long !== true);
  for (const [device, one] of fits) {
    test(`${build}, ${device ? 'device' : 'gateway'}: ${one.name}`, () => replay(core, device, one));
  }
  test(`${build}: cut at every byte, nothing changes`, () => {
    for (const [device, one] of fits) replay(core, device, one, bytewise);
  });
  test(`${build}: cut anywhere, nothing changes`, () => {
    fc.assert(fc.property(fc.nat(fits.length - 1), fc.array(fc.nat(), { maxLength: 4 }), (i, places) => {
      const [device, one] = fits[i]!;
      replay(core, device, one, (bytes) => {
        const cuts = [0, ...places.map((place) => place % (bytes.length + 1)).sort((x, y) => x - y), bytes.length];
        return cuts.slice(1).map((end, n) => bytes.subarray(cuts[n], end));
      });
    }), { numRuns: 200, seed: 1 });
  });
}

test.run();
