import * as assert from 'uvu/assert';
import { HelloBuckets } from '../../dist/host/gateway/buckets.js';
import { addressPrefix } from '../../dist/host/transport/address.js';
import { test } from './support.js';

const RATES = { rate: 2, burst: 4, rateTotal: 1_000, burstTotal: 1_000 };

function takes(buckets: HelloBuckets, prefix: string, now: number, tries: number): number {
  let taken = 0;
  for (let i = 0; i < tries; i++) if (buckets.take(prefix, now)) taken += 1;
  return taken;
}

test('a bucket gives its burst, then its rate, and never more than its burst', () => {
  const buckets = new HelloBuckets(RATES, 0);
  assert.is(takes(buckets, 'a', 0, 10), 4);
  assert.is(takes(buckets, 'a', 499, 10), 0);
  assert.is(takes(buckets, 'a', 500, 10), 1);
  assert.is(takes(buckets, 'a', 1_500, 10), 2);
  assert.is(takes(buckets, 'a', 3_600_000, 10), 4);
  assert.is(takes(buckets, 'b', 3_600_000, 10), 4);
});

test('a clock that goes back gives nothing', () => {
  const buckets = new HelloBuckets(RATES, 10_000);
  assert.is(takes(buckets, 'a', 10_000, 10), 4);
  assert.is(takes(buckets, 'a', 0, 10), 0);
});

test('the total bounds all prefixes together', () => {
  const buckets = new HelloBuckets({ rate: 100, burst: 100, rateTotal: 10, burstTotal: 40 }, 0);
  let taken = 0;
  for (let i = 0; i < 1_000; i++) if (buckets.take(`p${i}`, 0)) taken += 1;
  assert.is(taken, 40);
});

test('one loud network leaves the last quarter of the total to quiet ones', () => {
  const buckets = new HelloBuckets({ rate: 100, burst: 1_000, rateTotal: 1, burstTotal: 400 }, 0);
  assert.is(takes(buckets, 'loud', 0, 2_000), 300);
  assert.is(takes(buckets, 'quiet', 0, 10), 10);
});

test('the prefixes remembered are bounded', () => {
  const buckets = new HelloBuckets(RATES, 0);
  for (let i = 0; i < 100_000; i++) buckets.take(`p${i}`, 0);
  assert.ok(buckets.size <= 16_384, `${buckets.size}`);
});

test('prefixes: /24 of IPv4, /56 of IPv6, in every way of writing', () => {
  assert.is(addressPrefix('192.0.2.7'), addressPrefix('192.0.2.200'));
  assert.is.not(addressPrefix('192.0.2.7'), addressPrefix('192.0.3.7'));
  assert.is(addressPrefix('::ffff:192.0.2.7'), addressPrefix('192.0.2.9'));
  assert.is(addressPrefix('2001:db8:1:2aa::1'), addressPrefix('2001:db8:1:2ff:1:2:3:4'));
  assert.is.not(addressPrefix('2001:db8:1:2aa::1'), addressPrefix('2001:db8:1:3aa::1'));
  assert.is(addressPrefix('fe80::1%eth0'), addressPrefix('fe80:0:0:ff::2'));
  assert.is(addressPrefix('::1'), addressPrefix('::2'));
  assert.is.not(addressPrefix('::1'), addressPrefix('0:0:0:100::1'));
});

test.run();
