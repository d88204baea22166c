/** What a UDP link is made of: the search for a path's size, sources as the core wants them, a raw port and a raw link. */
import { createSocket } from 'node:dgram';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PROBE_PATH } from '../../assembly/abi.js';
import { formatAddress, parseAddress } from '../../host/transport/address.js';
import { BASE_BYTES, MOST_BYTES, PathMtu } from '../../host/transport/mtu.js';
import { pathNumber, sourceBytes } from '../../host/transport/source.js';
import { connectUdp } from '../../host/transport/udp-client.js';
import { turns, until } from '../gateway/support.js';
import { bound } from './udp-relay.js';

/** Runs a search over a path that carries `most` bytes, until `end`; returns the sizes that were asked. */
function search(mtu: PathMtu, most: number, from: number, end: number): number[] {
  const asked: number[] = [];
  for (let now = from; now < end; now += 250) {
    const bytes = mtu.next(now);
    if (bytes === 0) continue;
    asked.push(bytes);
    if (bytes <= most) mtu.answered(bytes, now + 20);
  }
  return asked;
}

test('a path that carries the most there is, is known after one probe, and asked no more', () => {
  const mtu = new PathMtu(0);
  assert.is(mtu.size, BASE_BYTES);
  assert.equal(search(mtu, 9_000, 0, 3_600_000), [MOST_BYTES]);
  assert.is(mtu.size, MOST_BYTES);
  assert.is(mtu.deadline, Infinity);
});

test('any path: what is used comes through, the search ends within 16 bytes of the most, each size asked three times at most', () => {
  fc.assert(
    fc.property(fc.integer({ min: BASE_BYTES, max: 1_600 }), (most) => {
      const mtu = new PathMtu(0);
      const asked = search(mtu, most, 0, 60_000);
      assert.ok(mtu.size <= most && mtu.size > Math.min(most, MOST_BYTES) - 17, `${mtu.size} of ${most}`);
      assert.ok(asked.length <= 15);
      for (const size of asked) assert.ok(asked.filter((each) => each === size).length <= 3);
    }),
  );
});

test('every other probe lost: the same end', () => {
  const mtu = new PathMtu(0);
  let lost = false;
  for (let now = 0; now < 60_000; now += 250) {
    const bytes = mtu.next(now);
    if (bytes > 0 && (lost = !lost) && bytes <= 1_300) continue;
    if (bytes > 0 && bytes <= 1_300) mtu.answered(bytes, now);
  }
  assert.ok(mtu.size <= 1_300 && mtu.size > 1_283, `${mtu.size}`);
});

test('a black hole: three unanswered probes of what it carried, and it is back at 1,200; it looks again after ten minutes', () => {
  const mtu = new PathMtu(0);
  search(mtu, MOST_BYTES, 0, 1_000);
  assert.is(mtu.size, MOST_BYTES);
  mtu.suspect(10_000);
  mtu.suspect(10_100); // once is enough
  assert.equal(search(mtu, BASE_BYTES, 10_000, 13_000), [MOST_BYTES, MOST_BYTES, MOST_BYTES]);
  search(mtu, BASE_BYTES, 13_000, 13_250);
  assert.is(mtu.size, BASE_BYTES);
  search(mtu, BASE_BYTES, 13_250, 60_000);
  assert.equal(search(mtu, BASE_BYTES, 60_000, 600_000), []);
  search(mtu, MOST_BYTES, 600_000, 700_000);
  assert.is(mtu.size, MOST_BYTES);
});

test('loss that is no black hole changes nothing; an old answer is none; another path begins anew', () => {
  const mtu = new PathMtu(0);
  search(mtu, MOST_BYTES, 0, 1_000);
  mtu.suspect(5_000);
  assert.equal(search(mtu, MOST_BYTES, 5_000, 60_000), [MOST_BYTES]);
  assert.is(mtu.size, MOST_BYTES);
  mtu.suspect(70_000);
  mtu.next(70_000);
  mtu.answered(BASE_BYTES + 1, 70_100);
  assert.is(mtu.next(71_000), MOST_BYTES, 'it is still asked');
  mtu.reset(80_000);
  assert.is(mtu.size, BASE_BYTES);
  assert.is(mtu.next(80_000), MOST_BYTES);
  mtu.limit();
  assert.is(mtu.next(90_000), 0);
});

test('sources: 16 bytes of address, IPv4 mapped, and the port', () => {
  const hex = (address: string, port: number) => sourceBytes(address, port).toString('hex');
  assert.is(hex('192.0.2.1', 50_000), '00000000000000000000ffffc0000201c350');
  assert.is(hex('::ffff:192.0.2.1', 50_000), hex('192.0.2.1', 50_000));
  assert.is(hex('2001:db8::1', 1), '20010db80000000000000000000000010001');
  assert.is(hex('::', 1), '000000000000000000000000000000000001');
  assert.is(hex('::1', 1), '000000000000000000000000000000010001');
  assert.is(hex('fe80::1:2%eth0', 1), 'fe8000000000000000000000000100020001');
  assert.is(hex('1:2:3:4:5:6:7:8', 65_535), '00010002000300040005000600070008ffff');
});

test('the number of a path: the same for the same source, with the bit of a path, and not soon the same for others', () => {
  const seen = new Set<number>();
  for (let port = 1; port <= 20_000; port++) {
    const number = pathNumber('192.0.2.1', port);
    assert.is(number, pathNumber('192.0.2.1', port));
    assert.ok(number >= PROBE_PATH && number <= 0xffffffff);
    seen.add(number);
  }
  assert.ok(seen.size > 19_900, `${seen.size} of 20,000`);
});

test('addresses of UDP', () => {
  const address = parseAddress('tidelock+udp://[::1]:99');
  assert.equal(address, { kind: 'udp', host: '::1', port: 99 });
  assert.is(formatAddress(address), 'tidelock+udp://[::1]:99');
  assert.is(parseAddress('tidelock+udp://gateway.example').port, 8433);
});

test("a device's link takes datagrams of its gateway alone, drops nothing that it sends before it is closed, and counts", async () => {
  const gateway = await bound(), stranger = createSocket('udp4');
  const heard: string[] = [], totals = { bytesIn: 0, bytesOut: 0, writes: 0 };
  let up = false, closed = false;
  const owner = { linkReceived: (chunk: Buffer) => void heard.push(String(chunk)), linkEnded() {}, linkDrained() {}, linkGone: () => assert.unreachable() };
  const { port } = gateway.address();
  const link = connectUdp({ kind: 'udp', host: '127.0.0.1', port }, owner, totals, () => (up = true));
  await until('up', () => up);
  const got: { text: string; port: number }[] = [];
  gateway.on('message', (bytes, from) => got.push({ text: String(bytes), port: from.port }));
  link.write(Buffer.from('one'));
  link.write(Buffer.from('two'));
  await turns(3);
  assert.equal(got, []);
  assert.is(link.waiting, 6);
  link.flush();
  await until('both', () => got.length === 2);
  assert.equal(got.map(({ text }) => text), ['one', 'two']);
  stranger.send('stranger', got[0]!.port, '127.0.0.1');
  gateway.send('gateway', got[0]!.port, '127.0.0.1');
  await until('heard', () => heard.length > 0);
  assert.equal(heard, ['gateway']);
  link.write(Buffer.from('last'));
  link.end(() => (closed = true));
  await until('the last words', () => got.length === 3 && closed);
  assert.equal(totals, { bytesIn: 7, bytesOut: 10, writes: 3 });
  gateway.close();
  stranger.close();
});

test.run();
