/** A short run of test/fuzz/udp.ts, which makes long ones. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fuzzUdp } from '../fuzz/udp.js';

test('4,000 mutated datagrams at a port: none is taken, none makes or moves a session, none is answered with more than it had', async () => {
  const { inputs, failures, refused } = await fuzzUdp(4_000, 8_433);
  assert.equal(failures, []);
  assert.is(inputs, 4_000);
  assert.ok(Object.values(refused).filter((count) => count > 0).length >= 5, 'they come as far as many reasons to refuse them');
});

test.run();
