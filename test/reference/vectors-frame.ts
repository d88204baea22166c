// The frames of the test vectors: each type, with and without id, at the borders of length, age, time and counter.

import { sha256 } from '@noble/hashes/sha2.js';
import { REPEAT, STATUS, TYPE, WANTED, writeAck, writeClose, writeLed, writePing, writePong } from './bodies.js';
import { ascii, concat, hex } from './bytes.js';
import { split, writePart } from './fragments.js';
import { type Sealed, sealSteps } from './frame.js';
import { type Handshake, handshakes, run } from './vectors-handshake.js';
import { LONGEST, OLDEST } from './numbers.js';
import { sealedNonce } from './suites.js';
import { TRUST, writeDeliver, writeRoute } from './topics.js';

/** Bodies above this are not written out: `pattern` says how to make them. */
const WRITTEN_OUT = 300;
/** Byte i is i mod 251, a prime, so that no block of 64 is like the one before. */
export const pattern = (bytes: number) => Uint8Array.from({ length: bytes }, (_, i) => i % 251);

interface Case extends Sealed {
  name: string;
  id?: number;
  age?: number;
}

const plain = (name: string, type: number, body: Uint8Array, counter = 1n, time = 1_000): Case => ({
  name, type, body, counter, time,
});

const led = (name: string, id: number, age: number, payload: Uint8Array, type: number = TYPE.DATA): Case => ({
  ...plain(name, type | WANTED, writeLed(id, age, payload)),
  id,
  age,
});

const lengths = [0, 1, 2, 3, 63, 64, 127, 128, 129, 1_024, 16_382, LONGEST];
const ages = [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, OLDEST - 1, OLDEST, OLDEST + 1, 2 ** 31];
const times = [0, 1, 2 ** 16, 2 ** 23 - 1, 2 ** 23, 2 ** 24 - 1, 2 ** 24, 2 ** 24 + 1, 86_400_000, 2_000_000_000];
const counters = [0n, 1n, 255n, 256n, 65_535n, 65_536n, 65_537n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 63n - 2n];

const threeParts = split(TYPE.DATA, ascii('valve open'), 3);

const everyType: Case[] = [
  plain('DATA', TYPE.DATA, ascii('21.5')),
  led('DATA that wants an ACK', 1, 0, ascii('21.5')),
  led('DATA that may have been acted on before', 2, 40, ascii('valve open'), TYPE.DATA | REPEAT),
  led('SKIP', 3, 0, new Uint8Array(), TYPE.SKIP),
  ...Object.entries(STATUS).map(([name, status]) => plain(`ACK ${name}`, TYPE.ACK, writeAck({ id: 7, status }))),
  led('FRAGMENT, the first of three', 4, 0, writePart(threeParts[0]!), TYPE.FRAGMENT),
  led('FRAGMENT, the last of three', 4, 0, writePart(threeParts[2]!), TYPE.FRAGMENT),
  plain('PING', TYPE.PING, writePing(0x0102030405060708n)),
  plain('PONG', TYPE.PONG, writePong({ t1: 0x0102030405060708n, receive: 999, send: 1_000 })),
  plain('CLOSE', TYPE.CLOSE, writeClose(2, 30)),
  plain('CLOSE with text', TYPE.CLOSE, writeClose(6, 0, 'disabled by the operator')),
];

const longName = 'ü/'.repeat(85);
const toGatewayOnly: Case[] = [
  plain('ROUTE', TYPE.ROUTE, writeRoute(0, 'temp/inlet', ascii('21.5'))),
  led('ROUTE that wants an ACK', 1, 8, writeRoute(60, 'temp/inlet', ascii('21.5')), TYPE.ROUTE),
  plain('ROUTE with the longest topic and no payload', TYPE.ROUTE, writeRoute(65_535, longName, new Uint8Array())),
  led('FRAGMENT, the first of two of a ROUTE', 4, 0, writePart(split(TYPE.ROUTE, writeRoute(0, 'a', ascii('21.5 C')), 2)[0]!), TYPE.FRAGMENT),
];
const toDeviceOnly: Case[] = [
  plain('DELIVER', TYPE.DELIVER, writeDeliver('valve/set', TRUST.none, ascii('open'))),
  led('DELIVER that wants an ACK', 1, 8, writeDeliver('valve/set', TRUST.proved, ascii('open')), TYPE.DELIVER),
  led('DELIVER with the longest topic', 2, 0, writeDeliver(longName, TRUST.tls, ascii('x')), TYPE.DELIVER | REPEAT),
  led('FRAGMENT, the first of two of a DELIVER', 4, 0, writePart(split(TYPE.DELIVER, writeDeliver('a', 2, ascii('open')), 2)[0]!), TYPE.FRAGMENT),
];

const borders: Case[] = [
  ...lengths.map((bytes) => plain(`length ${bytes}`, TYPE.DATA, pattern(bytes))),
  // Id and age count as body: 5 bytes, so the length field grows at a payload of 123.
  ...[122, 123, LONGEST - 5].map((bytes) => led(`length ${bytes + 5} with id`, 9, 0, pattern(bytes))),
  ...ages.map((age) => led(`age ${age}`, 9, age, ascii('old'))),
  ...[1, 2 ** 31, 2 ** 32 - 1].map((id) => led(`id ${id}`, id, 0, ascii('id'))),
  ...times.map((time) => plain(`time ${time}`, TYPE.DATA, ascii('time'), 1n, time)),
  ...counters.map((counter) => plain(`counter ${counter}`, TYPE.DATA, ascii('counter'), counter)),
  plain('64 bytes, the frame of the measurements', TYPE.DATA, run(0x30, 64)),
];

function vector(handshake: Handshake, toGateway: boolean, each: Case): Record<string, unknown> {
  const direction = toGateway ? handshake.toGateway : handshake.toDevice;
  const steps = sealSteps(direction, each);
  const short = each.body.length <= WRITTEN_OUT;
  return {
    name: each.name,
    session: handshake.name,
    direction: toGateway ? 'to gateway' : 'to device',
    counter: String(each.counter),
    time: each.time,
    type: each.type,
    ...(each.id !== undefined && { id: each.id, age: each.age }),
    // With an id the pattern stands behind the 5 bytes of id and age.
    ...(short ? { body: hex(each.body) } : { bodyHead: hex(each.body.slice(0, 8)), bodyBytes: each.body.length }),
    aad: hex(steps.aad),
    ...(direction.suite === 'sealed' && { nonce: hex(sealedNonce(direction.keys.iv, each.counter)) }),
    ...(short
      ? { frame: hex(steps.frame) }
      : { header: hex(steps.header), tag: hex(steps.tag), frameSha256: hex(sha256(concat(steps.frame))) }),
  };
}

/** Every type both ways; the borders only towards the gateway, since the directions differ by their keys alone. */
export function frames(): Record<string, unknown>[] {
  return handshakes.flatMap((handshake) => [
    ...[...everyType, ...toGatewayOnly, ...borders].map((each) => vector(handshake, true, each)),
    ...[...everyType, ...toDeviceOnly].map((each) => vector(handshake, false, each)),
  ]);
}
