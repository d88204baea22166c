/** Captures of every form: file formats, link headers, TCP as networks deliver it, and files that are spoiled. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Captured, connection, type LinkName, linked, LINKS, pcap, pcapng, tcp, udp } from './captures.js';
import { brief, DEVICE, EPOCH, frames, GATEWAY, keyOf, notes, ofInput, sealedDatagram, sealedStream, session, WHOLE } from './support.js';

const key = keyOf(sealedStream);
const packets = connection(session(sealedStream), DEVICE, GATEWAY);
const on = (link: LinkName, all: readonly Captured[], vlan = false): Captured[] => all.map(({ at, bytes }) => ({ at, bytes: linked(link, bytes, vlan) }));
const decoded = (all: readonly Captured[]): string => brief(ofInput(key, pcap(on('ethernet', all))));

for (const [name, write] of [['pcap', pcap], ['pcapng', pcapng]] as const) {
  for (const little of [true, false]) {
    for (const nano of [true, false]) {
      test(`${name}, ${little ? 'little' : 'big'}-endian, ${nano ? 'nanoseconds' : 'microseconds'}: every frame, with its time`, () => {
        const file = write(on('ethernet', packets), { little, nano });
        for (const piece of [1, 7, 65_536]) {
          const all = ofInput(key, file, piece);
          assert.is(brief(all), WHOLE);
          const last = frames(all).at(-1)!;
          assert.ok(Math.abs(last.at! - (EPOCH + 100)) < 1);
          assert.is(last.from, '198.51.100.1:8433');
          assert.is(last.direction, 'to device');
          assert.is(last.fields['means'], 'taken over: a later session of this identity stands');
          assert.is(last.fields['retryAfter'], 5);
        }
      });
    }
  }
}

for (const link of Object.keys(LINKS) as LinkName[]) {
  test(`link header ${link}`, () => assert.is(brief(ofInput(key, pcap(on(link, packets), { link }))), WHOLE));
}

test('a VLAN tag, and IPv6', () => {
  assert.is(brief(ofInput(key, pcap(on('ethernet', packets, true)))), WHOLE);
  const six = connection(session(sealedStream), { address: '2001:db8::7', port: 50_000 }, { address: '2001:db8:0:1::1', port: 8433 });
  const all = ofInput(key, pcap(on('ethernet', six)));
  assert.is(brief(all), WHOLE);
  assert.is(frames(all)[0]!.from, '[2001:db8::7]:50000');
  assert.is(frames(all)[0]!.to, '[2001:db8:0:1::1]:8433');
});

test('UDP: the same session as datagrams, one of them twice and one out of order', () => {
  const sent = session(sealedDatagram).map(({ up, bytes, at }) => ({ at, bytes: up ? udp(DEVICE, GATEWAY, bytes) : udp(GATEWAY, DEVICE, bytes) }));
  const all = ofInput(keyOf(sealedDatagram), pcap(on('ethernet', sent)));
  assert.is(brief(all), WHOLE);
  const swapped = [...sent.slice(0, 4), sent[5]!, sent[4]!, sent[4]!, ...sent.slice(6)];
  const again = ofInput(keyOf(sealedDatagram), pcap(on('ethernet', swapped)));
  assert.is(brief(again), 'HELLO? CHALLENGE PROOF READY DATA DATA DATA! ACK PING DATA ACK CLOSE');
  assert.match(frames(again)[6]!.why, /^replay/);
});

test('UDP: a device whose address changed is known by the number of its session', () => {
  const moved = { address: '192.0.2.99', port: 1_024 }, nat = { address: '203.0.113.5', port: 9 };
  const sent = session(sealedDatagram).map(({ up, bytes, at }, i) => {
    const device = i < 6 ? DEVICE : moved, gateway = i < 6 ? GATEWAY : nat;
    return { at, bytes: up ? udp(device, gateway, bytes) : udp(gateway, device, bytes) };
  });
  const all = ofInput(keyOf(sealedDatagram), pcap(on('ethernet', sent)));
  assert.is(brief(all), WHOLE);
  assert.equal(frames(all).slice(-2).map(({ direction }) => direction), ['to gateway', 'to device']);
});

test('TCP however it is cut, mixed up and repeated: the same frames', () => {
  const said = session(sealedStream);
  fc.assert(
    fc.property(fc.array(fc.nat(60), { minLength: 30, maxLength: 60 }), fc.array(fc.nat(5), { minLength: 80, maxLength: 80 }), (cuts, order) => {
      // The handshake stands, since what a peer answers cannot overtake what it answers; behind it segments go astray.
      const start = said.slice(0, 4), rest = said.slice(4);
      const all = connection(start, DEVICE, GATEWAY).slice(0, -2);
      const end = { up: 0xfffffff1 + sum(start, true), down: 6 + sum(start, false) };
      const astray: Captured[] = [];
      let cut = 0;
      for (const up of [true, false]) {
        const bytes = Buffer.concat(rest.filter((each) => each.up === up).map((each) => each.bytes));
        for (let at = 0; at < bytes.length; ) {
          const size = 1 + cuts[cut++ % cuts.length]!;
          const [from, to, seq] = up ? [DEVICE, GATEWAY, end.up] : [GATEWAY, DEVICE, end.down];
          const packet = { at: EPOCH + 100, bytes: tcp(from, to, seq + at, bytes.subarray(at, at + size)) };
          // Sent again as it was, or a byte longer.
          astray.push(packet, ...(size % 5 === 0 ? [packet, { at: EPOCH + 100, bytes: tcp(from, to, seq + at, bytes.subarray(at, at + size + 1)) }] : []));
          at += size;
        }
      }
      order.forEach((distance, i) => {
        const a = i % astray.length, b = Math.min(astray.length - 1, a + distance);
        [astray[a], astray[b]] = [astray[b]!, astray[a]!];
      });
      const got = frames(ofInput(key, pcap(on('ethernet', [...all, ...astray]))));
      for (const up of [true, false]) {
        const way = up ? 'to gateway' : 'to device';
        const wanted = frames(ofInput(key, pcap(on('ethernet', packets)))).filter(({ direction }) => direction === way);
        assert.equal(got.filter(({ direction }) => direction === way).map(({ type, verdict, counter }) => [type, verdict, counter]), wanted.map(({ type, verdict, counter }) => [type, verdict, counter]));
      }
    }),
    { numRuns: 60, seed: 8_433 },
  );
  function sum(all: readonly { up: boolean; bytes: Buffer }[], way: boolean): number {
    return all.filter(({ up }) => up === way).reduce((total, { bytes }) => total + bytes.length, 0);
  }
});

test('a segment that is missing is a gap, and the frames behind it are opened all the same', () => {
  const without = packets.filter((_, i) => i !== 6); // DATA "21.5"
  const all = ofInput(key, pcap(on('ethernet', without)));
  assert.match(brief(all), /\[gap\]/);
  assert.equal(frames(all).filter(({ verdict }) => verdict === 'refused'), []);
  assert.equal(frames(all).filter(({ direction }) => direction === 'to gateway').map(({ counter }) => counter), [undefined, undefined, 1, 2, 3]);
  assert.match(notes(all)[0]!.text, /^25 bytes are not in the capture/);
});

test('a capture that begins in the middle shows what is clear, and why no more', () => {
  const all = ofInput(key, pcap(on('ethernet', packets.slice(6))));
  assert.is(brief(all), 'DATA? DATA? ACK? PING? DATA? ACK? CLOSE?');
  assert.ok(frames(all).every(({ why }) => why === 'its handshake was not seen'));
  assert.equal(frames(all).map(({ direction }) => direction).slice(0, 3), ['to gateway', 'to gateway', 'to device']); // by the port
});

test('a stale frame, one from the future, and a changed bit', () => {
  const said = session(sealedStream);
  const late = said.map((each, i) => (i === 5 ? { ...each, at: each.at + 2_101 } : each)).slice(0, 6);
  const all = ofInput(key, pcap(on('ethernet', connection(late, DEVICE, GATEWAY))));
  assert.match(frames(all).at(-1)!.why, /^stale/);
  assert.is(frames(all).at(-1)!.off, 2_101);
  const early = said.map((each, i) => (i === 5 ? { ...each, at: each.at - 2_101 } : each)).slice(0, 6);
  assert.match(frames(ofInput(key, pcap(on('ethernet', connection(early, DEVICE, GATEWAY))))).at(-1)!.why, /^from the future/);
  const spoiled = said.map((each, i) => (i === 5 ? { ...each, bytes: Buffer.from(each.bytes.map((byte, at) => (at === 9 ? byte ^ 1 : byte))) } : each));
  const told = ofInput(key, pcap(on('ethernet', connection(spoiled, DEVICE, GATEWAY))));
  assert.is(brief(told), 'HELLO? CHALLENGE PROOF READY DATA DATA! ACK PING DATA ACK CLOSE');
  assert.match(frames(told)[5]!.why, /^bad tag/);
});

for (const [name, write] of [['pcap', pcap], ['pcapng', pcapng]] as const) {
  test(`${name}: bytes that are no record are skipped, with the place, and what follows is read`, () => {
    const file = write(on('ethernet', packets));
    const whole = write(on('ethernet', packets.slice(0, 6)));
    const at = whole.length; // between two records
    const spoiled = Buffer.concat([file.subarray(0, at), Buffer.alloc(44, 0xff), file.subarray(at)]);
    for (const piece of [11, 65_536]) {
      const all = ofInput(key, spoiled, piece);
      assert.is(brief(all), WHOLE.replace('READY', 'READY [fault]'));
      assert.is(notes(all)[0]!.offset, at);
    }
    const cut = ofInput(key, file.subarray(0, at + 30));
    assert.is(brief(cut), 'HELLO? CHALLENGE PROOF READY [fault]');
    assert.match(notes(cut)[0]!.text, /ends within a record, 30 bytes/);
  });
}

test('what is left out is said once: fragments, other links, short snapshots', () => {
  const fragment = Buffer.from(packets[6]!.bytes);
  fragment[6] = 0x20; // more fragments
  const all = ofInput(key, pcap(on('ethernet', [...packets, { at: EPOCH, bytes: fragment }, { at: EPOCH, bytes: fragment }])));
  assert.is(notes(all).filter(({ text }) => /fragment/.test(text)).length, 1);
  const other = pcap(on('ethernet', packets));
  other.writeUInt32LE(147, 20);
  const told = ofInput(key, other);
  assert.is(told.length, 1);
  assert.match(notes(told)[0]!.text, /link type 147 is not known here/);
});

test('TLS, IoTSocket and other text on a connection are told by the first byte', () => {
  const first = (bytes: Buffer) => decodedNotes(connection([{ up: true, bytes, at: EPOCH }, { up: true, bytes, at: EPOCH }], DEVICE, GATEWAY));
  assert.match(first(Buffer.from('160301020001', 'hex')), /^the stream begins with 0x16: TLS \(a record of type handshake\)/);
  assert.match(first(Buffer.from('IOT:1.1\r\n')), /IoTSocket/);
  assert.match(first(Buffer.from('GET / HTTP/1.1')), /text of another protocol/);
  function decodedNotes(all: readonly Captured[]): string {
    const told = ofInput(key, pcap(on('ethernet', all)));
    assert.is(told.length, 1, 'said once');
    return notes(told)[0]!.text;
  }
});

test('a second HELLO on a stream is refused, and spoils nothing of the session', () => {
  const said = session(sealedStream);
  const all = ofInput(key, pcap(on('ethernet', connection([...said.slice(0, 5), { ...said[0]!, at: said[4]!.at }, ...said.slice(5)], DEVICE, GATEWAY))));
  assert.is(brief(all), 'HELLO? CHALLENGE PROOF READY DATA HELLO! DATA ACK PING DATA ACK CLOSE');
  assert.match(frames(all)[5]!.why, /^state/);
});

test('UDP: a stranger\'s CHALLENGE and a HELLO that comes again, from the address of the device, change nothing', () => {
  const sent = session(sealedDatagram).map(({ up, bytes, at }) => ({ at, bytes: up ? udp(DEVICE, GATEWAY, bytes) : udp(GATEWAY, DEVICE, bytes) }));
  const forged = Buffer.from(session(sealedDatagram)[1]!.bytes);
  forged.fill(0xaa, 3);
  const all = ofInput(keyOf(sealedDatagram), pcap(on('ethernet', [...sent.slice(0, 2), { at: EPOCH, bytes: udp(GATEWAY, DEVICE, forged) }, ...sent.slice(2, 6), sent[0]!, ...sent.slice(6)])));
  assert.is(brief(all), 'HELLO? CHALLENGE CHALLENGE? PROOF READY DATA DATA HELLO? ACK PING DATA ACK CLOSE');
});

test('UDP: handshakes without end are forgotten, the oldest first', () => {
  const hello = Buffer.from(session(sealedDatagram)[0]!.bytes), challenge = Buffer.from(session(sealedDatagram)[1]!.bytes);
  const many = Array.from({ length: 6_000 }, (_, i) => {
    const device = { address: `10.0.${i >> 8}.${i & 255}`, port: 1 };
    const answer = Buffer.from(challenge);
    answer.writeUInt32BE(i, 3);
    return [{ at: EPOCH, bytes: udp(device, GATEWAY, hello) }, { at: EPOCH, bytes: udp(GATEWAY, device, answer) }];
  }).flat();
  const all = ofInput({}, pcap(on('ethernet', many)));
  assert.is(all.length, 12_000);
});

test('a port that is used again is another connection', () => {
  assert.is(decoded([...packets, ...connection(session(sealedStream), DEVICE, GATEWAY)]), `${WHOLE} ${WHOLE}`);
});

test('more connections at once than are kept, and segments that never join: bounded, and said', () => {
  const many = Array.from({ length: 2_100 }, (_, i) => ({ at: EPOCH, bytes: tcp({ address: '192.0.2.1', port: 1_000 + i }, GATEWAY, 1, Buffer.from([0x88, 4])) }));
  assert.ok(notes(ofInput(key, pcap(on('ethernet', many)))).some(({ text }) => /more than 2048 connections/.test(text)));
  // Each a byte, with a hole before it.
  const holes = Array.from({ length: 2_000 }, (_, i) => ({ at: EPOCH, bytes: tcp(DEVICE, GATEWAY, 1 + 2 * i, Buffer.from([0x88])) }));
  const told = ofInput(key, pcap(on('ethernet', holes)));
  assert.ok(notes(told).filter(({ about }) => about === 'gap').length > 1_000);
});

test.run();
