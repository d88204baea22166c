/** The packet of NTP: its fields where RFC 5905 figure 8 has them, and whatever else comes. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodePacket, encodePacket, kissCode, PACKET_BYTES } from '../../dist/host/time/packet.js';
import { answers, judge } from '../../dist/host/time/sample.js';
import { ip, letters } from './support.js';

/** Field by field after RFC 5905 figure 8: LI 0, VN 4, mode 4; stratum 2; poll 6; precision −20; … */
const EXAMPLE = {
  hex: '240206ec' + '00000290' + '00000083' + 'c0000201' + 'e0d24f0080000000' + 'e0d24f1e00000001' + 'e0d24f1e40000000' + 'e0d24f1e40100000',
  packet: {
    leap: 0, version: 4, mode: 4, stratum: 2, poll: 6, precision: -20, rootDelay: 656 / 65_536, rootDispersion: 131 / 65_536, reference: ip('192.0.2.1'),
    updated: { seconds: 0xe0d2_4f00, fraction: 0x8000_0000 }, origin: { seconds: 0xe0d2_4f1e, fraction: 1 },
    receive: { seconds: 0xe0d2_4f1e, fraction: 0x4000_0000 }, transmit: { seconds: 0xe0d2_4f1e, fraction: 0x4010_0000 },
  },
};

test('each field stands where RFC 5905 has it', () => {
  assert.equal(decodePacket(Buffer.from(EXAMPLE.hex, 'hex')), EXAMPLE.packet);
  assert.is(encodePacket(EXAMPLE.packet).toString('hex'), EXAMPLE.hex);
});

test('the extremes: all ones, a negative root delay, LI 3', () => {
  const packet = decodePacket(Buffer.alloc(PACKET_BYTES, 0xff))!;
  assert.equal([packet.leap, packet.version, packet.mode, packet.stratum, packet.poll, packet.precision], [3, 7, 7, 255, -1, -1]);
  assert.is(packet.rootDelay, -1 / 65_536);
  assert.is(packet.rootDispersion, 65_535 + 65_535 / 65_536);
  assert.equal(packet.transmit, { seconds: 0xffff_ffff, fraction: 0xffff_ffff });
});

test('too short is none; what follows the packet is not read', () => {
  for (let length = 0; length < PACKET_BYTES; length++) assert.is(decodePacket(Buffer.alloc(length)), undefined);
  const bytes = Buffer.from(EXAMPLE.hex, 'hex');
  assert.equal(decodePacket(Buffer.concat([bytes, Buffer.alloc(20, 7)])), EXAMPLE.packet);
  assert.equal(decodePacket(Buffer.concat([Buffer.alloc(3), bytes]).subarray(3)), EXAMPLE.packet, 'a view that begins within its buffer');
});

test('any 48 bytes come back as they were', () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: PACKET_BYTES, maxLength: PACKET_BYTES }), (bytes) => {
    assert.is(encodePacket(decodePacket(bytes)!).toString('hex'), Buffer.from(bytes).toString('hex'));
  }), { numRuns: 2_000 });
});

test('any bytes, with the origin that was asked for: a verdict, never an error, and no sample that is not finite and bounded', () => {
  const exchange = { sent: { seconds: 1, fraction: 2 }, sentAt: 1_000, receivedAt: 1_020, unix: Date.UTC(2026, 0, 1) };
  let samples = 0;
  const bytes = fc.uint8Array({ minLength: PACKET_BYTES, maxLength: PACKET_BYTES });
  fc.assert(fc.property(bytes, fc.boolean(), (raw, tame) => {
    const packet = decodePacket(raw)!;
    // Half of the inputs are made to look good in all that random bytes would hardly ever get right.
    const looks = tame ? { ...packet, leap: 0, version: 4, stratum: 1 + (packet.stratum & 7), rootDelay: 0.1, rootDispersion: 0.1, precision: -20, receive: packet.transmit, updated: packet.transmit } : packet;
    answers(looks, exchange);
    const verdict = judge({ ...looks, mode: 4, origin: exchange.sent }, exchange);
    if (verdict.kind !== 'sample') return;
    samples += 1;
    const { base, bound, delay } = verdict.sample;
    assert.ok(Number.isFinite(base) && bound > 0 && bound <= 1_000 && delay >= 0 && delay <= 20, JSON.stringify(verdict));
  }), { numRuns: 20_000 });
  assert.ok(samples > 1_000, `${samples} samples`);
});

test('kiss codes are four letters, whatever the bytes', () => {
  assert.is(kissCode(letters('RATE')), 'RATE');
  assert.is(kissCode(letters('DENY')), 'DENY');
  assert.is(kissCode(0x1b5b_324a), '??2J');
});

test.run();
