import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseTimeAddress } from '../../dist/host/time/address.js';

for (const [text, host, port] of [
  ['pool.ntp.org', 'pool.ntp.org', 123], ['192.0.2.1', '192.0.2.1', 123], ['192.0.2.1:1123', '192.0.2.1', 1123], ['[2001:db8::1]:5', '2001:db8::1', 5],
  ['2001:db8::1', '2001:db8::1', 123], ['[::]', '::', 123], ['fe80::1%eth0', 'fe80::1%eth0', 123], ['localhost:0', 'localhost', 0],
] as const) {
  test(text, () => assert.equal(parseTimeAddress('sntp', text), { host, port }));
}

for (const text of ['', ':', ':123', 'a:', 'a:b', 'a:65536', 'udp://a', 'a/b', 'a b', '[a', '[]:1', 'user@host', 'a,b', 7]) {
  test(`no address: ${JSON.stringify(text)}`, () => assert.throws(() => parseTimeAddress('sntp', text as string), /option sntp is /));
}

test.run();
