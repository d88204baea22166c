/** NTP's epoch, its eras, and Unix time. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fromNtp, isUnknown, sameTimestamp, toNtp } from '../../dist/host/time/timestamp.js';

/** RFC 5905 figure 4: date, era, seconds in it. */
const DATES: [string, number, number][] = [
  ['1900-01-01', 0, 0],
  ['1970-01-01', 0, 2_208_988_800],
  ['1972-01-01', 0, 2_272_060_800],
  ['1999-12-31', 0, 3_155_587_200],
  ['2036-02-08', 1, 63_104],
];

for (const [date, era, seconds] of DATES) {
  test(`RFC 5905 figure 4: ${date} is second ${seconds} of era ${era}`, () => {
    const unix = Date.parse(`${date}T00:00:00Z`);
    assert.equal(toNtp(unix), { seconds, fraction: 0 });
    assert.is(fromNtp({ seconds, fraction: 0 }, unix), unix);
  });
}

const ROLL_OVER = Date.parse('2036-02-07T06:28:16Z'); // RFC 4330 section 3

test('the roll-over of 2036: the last and the first instant, whichever side of it this machine is on', () => {
  const last = { seconds: 0xffff_ffff, fraction: 0x8000_0000 }, first = { seconds: 0, fraction: 0x8000_0000 };
  assert.equal(toNtp(ROLL_OVER - 500), last);
  assert.equal(toNtp(ROLL_OVER + 500), first);
  assert.equal(toNtp(ROLL_OVER), { seconds: 0, fraction: 0 });
  for (const here of [ROLL_OVER - 86_400_000, ROLL_OVER - 1, ROLL_OVER, ROLL_OVER + 1, ROLL_OVER + 86_400_000]) {
    assert.is(fromNtp(last, here), ROLL_OVER - 500);
    assert.is(fromNtp(first, here), ROLL_OVER + 500);
  }
});

test('RFC 4330 section 3: bit 0 set is 1968 to 2036, bit 0 clear 2036 to 2104, for who lives in between', () => {
  const now = Date.UTC(2026, 0, 1);
  assert.is(new Date(fromNtp({ seconds: 0x8000_0000, fraction: 0 }, now)).toISOString(), '1968-01-20T03:14:08.000Z');
  assert.is(new Date(fromNtp({ seconds: 0, fraction: 0 }, now)).toISOString(), '2036-02-07T06:28:16.000Z');
  // RFC 4330's rule is for one span of time for ever, ours goes on: in 2100 the next era is near.
  assert.is(fromNtp({ seconds: 0, fraction: 0 }, Date.UTC(2172, 0, 1)), ROLL_OVER + 2 ** 32 * 1_000);
});

test('a Unix time comes back, to the microsecond, for anyone within 68 years of it', () => {
  const years = 365.25 * 86_400_000;
  fc.assert(fc.property(
    fc.double({ min: Date.UTC(1900, 0, 1), max: Date.UTC(2500, 0, 1), noNaN: true }),
    fc.double({ min: -68 * years, max: 68 * years, noNaN: true }),
    (unix, away) => {
      const back = fromNtp(toNtp(unix), unix + away);
      assert.ok(Math.abs(back - unix) < 0.01, `${back - unix} ms`);
    },
  ));
});

test('both halves are 32 bits without a sign', () => {
  fc.assert(fc.property(fc.double({ min: -8.64e15, max: 8.64e15, noNaN: true }), (unix) => {
    const { seconds, fraction } = toNtp(unix);
    for (const half of [seconds, fraction]) assert.ok(Number.isInteger(half) && half >= 0 && half <= 0xffff_ffff, `${unix}: ${half}`);
  }));
});

test('unknown, and the same', () => {
  assert.ok(isUnknown({ seconds: 0, fraction: 0 }));
  assert.not(isUnknown({ seconds: 0, fraction: 1 }));
  assert.ok(sameTimestamp({ seconds: 1, fraction: 2 }, { seconds: 1, fraction: 2 }));
  assert.not(sameTimestamp({ seconds: 1, fraction: 2 }, { seconds: 1, fraction: 3 }));
  assert.not(sameTimestamp({ seconds: 1, fraction: 2 }, { seconds: 0, fraction: 2 }));
});

test.run();
