/** What is believed of an answer: RFC 4330 section 5, each rule with an answer that breaks it alone. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { NtpPacket } from '../../dist/host/time/packet.js';
import { answers, boundNow, judge, type Exchange, type Sample } from '../../dist/host/time/sample.js';
import { toNtp, UNKNOWN } from '../../dist/host/time/timestamp.js';
import { goodAnswer, letters } from './support.js';

const UNIX = Date.UTC(2026, 0, 1);
const SENT = { seconds: 0x1234_5678, fraction: 0x9abc_def0 };
/** Sent at 1,000 of the monotonic clock, answered 40 ms later; then the wall clock shows UNIX. */
const EXCHANGE: Exchange = { sent: SENT, sentAt: 1_000, receivedAt: 1_040, unix: UNIX };
const REQUEST = { version: 4, transmit: SENT } as NtpPacket;
const GOOD = goodAnswer(REQUEST, UNIX);

function sample(packet: NtpPacket, exchange = EXCHANGE): Sample {
  const verdict = judge(packet, exchange);
  if (verdict.kind !== 'sample') throw new Error(JSON.stringify(verdict));
  return verdict.sample;
}

test('the arithmetic of RFC 5905 section 8: half of the round trip, without the time that the server had it', () => {
  const { base, delay, bound } = sample({ ...GOOD, receive: toNtp(UNIX + 100), transmit: toNtp(UNIX + 110) });
  assert.ok(Math.abs(base - (UNIX + 105 - 1_020)) < 0.01);
  assert.ok(Math.abs(delay - 30) < 0.01);
  assert.ok(bound > 15 + 5 + 2 && bound < 15 + 5 + 2 + 0.1, `${bound}`); // half the trip, half the root delay, the dispersion
});

test('the bound grows by 15 ppm', () => {
  const one = sample(GOOD);
  assert.is(boundNow(one, one.at), one.bound);
  assert.ok(Math.abs(boundNow(one, one.at + 1_000_000) - one.bound - 15) < 1e-6);
});

test('an hour off is no reason to refuse: it is what this is for; also across the eras', () => {
  assert.ok(Math.abs(sample(goodAnswer(REQUEST, UNIX + 3_600_000)).base - (UNIX + 3_600_000 - 1_020)) < 0.01);
  const before = Date.parse('2036-02-07T06:28:15.900Z'), after = before + 200;
  const over = sample({ ...goodAnswer(REQUEST, after), updated: toNtp(before) }, { ...EXCHANGE, unix: before });
  assert.ok(Math.abs(over.base - (after - 1_020)) < 0.01);
});

test('only an answer in server mode that repeats all 64 bits of our request is an answer', () => {
  assert.ok(answers(GOOD, EXCHANGE));
  assert.not(answers({ ...GOOD, mode: 5 }, EXCHANGE));
  assert.not(answers({ ...GOOD, mode: 3 }, EXCHANGE));
  for (let bit = 0; bit < 32; bit++) {
    assert.not(answers({ ...GOOD, origin: { ...SENT, seconds: (SENT.seconds ^ (1 << bit)) >>> 0 } }, EXCHANGE));
    assert.not(answers({ ...GOOD, origin: { ...SENT, fraction: (SENT.fraction ^ (1 << bit)) >>> 0 } }, EXCHANGE));
  }
});

const WRONG: [string, Partial<NtpPacket>, RegExp][] = [
  ['leap 3', { leap: 3 }, /not synchronised/],
  ['stratum 16', { stratum: 16 }, /not synchronised/],
  ['stratum 0 without a code', { stratum: 0, reference: 0 }, /not synchronised/],
  ['version 0', { version: 0 }, /version 0/],
  ['version 5', { version: 5 }, /version 5/],
  ['no transmit time', { transmit: UNKNOWN }, /no time/],
  ['no receive time', { receive: UNKNOWN }, /no time/],
  ['a negative root delay', { rootDelay: -0.001 }, /too far/],
  ['a root delay of a second', { rootDelay: 1 }, /too far/],
  ['a root dispersion of a second', { rootDispersion: 1 }, /too far/],
  ['sent before it came', { receive: toNtp(UNIX + 1) }, /backwards/],
  ['set in the future', { updated: toNtp(UNIX + 1_000) }, /future/],
  ['more time than passed', { transmit: toNtp(UNIX + 60) }, /more time/],
  ['a clock that ticks by the second', { precision: 0 }, /too long/],
];
for (const [name, change, reason] of WRONG) {
  test(`refused: ${name}`, () => {
    const verdict = judge({ ...GOOD, ...change }, EXCHANGE);
    assert.is(verdict.kind, 'refused');
    assert.match((verdict as { reason: string }).reason, reason);
  });
}

test('refused: a round trip of more than two seconds, and one just below it with a far server', () => {
  assert.is(judge(GOOD, { ...EXCHANGE, receivedAt: 3_001 }).kind, 'refused');
  assert.is(judge(GOOD, { ...EXCHANGE, receivedAt: 2_900 }).kind, 'sample');
  assert.is(judge({ ...GOOD, rootDispersion: 0.1 }, { ...EXCHANGE, receivedAt: 2_900 }).kind, 'refused');
});

test('the borders that are still good', () => {
  assert.is(judge({ ...GOOD, stratum: 15 }, EXCHANGE).kind, 'sample');
  assert.is(judge({ ...GOOD, stratum: 1 }, EXCHANGE).kind, 'sample');
  assert.is(judge({ ...GOOD, version: 3, leap: 2 }, EXCHANGE).kind, 'sample');
  assert.is(judge({ ...GOOD, updated: GOOD.transmit }, EXCHANGE).kind, 'sample');
  assert.is(judge({ ...GOOD, updated: UNKNOWN }, EXCHANGE).kind, 'sample');
});

for (const code of ['DENY', 'RSTR', 'RATE']) {
  test(`a kiss-o'-death: ${code}`, () => {
    assert.equal(judge({ ...GOOD, stratum: 0, leap: 3, reference: letters(code) }, EXCHANGE), { kind: 'kiss', code });
  });
}

test.run();
