// Frames that must be refused, each with its reason, and what the receiver knew when it came.

import { REPEAT, TYPE, WANTED, writeAck, writeLed, writePing, writeReady } from './bodies.js';
import { ascii, concat, hex, uint } from './bytes.js';
import { type Part, writePart } from './fragments.js';
import { type Opened, type Receiver, open, seal, timeRule } from './frame.js';
import { readProtectedBody } from './receive.js';
import { Refusal } from './refusal.js';
import { writeDeliver, writeRoute } from './topics.js';
import { type Handshake, READY, WINDOW_MS, handshakes } from './vectors-handshake.js';
import { ReplayWindow } from './window.js';

const OWN = 100_000;
const COUNTER = 70_000n;
const GOOD = { counter: COUNTER, time: OWN, type: TYPE.DATA as number, body: ascii('21.5') };

/** All counters below COUNTER were accepted but these: 2, 63 and 64 behind the highest. */
const MISSED = [COUNTER - 3n, COUNTER - 64n, COUNTER - 65n];
const accepted = Array.from({ length: 80 }, (_, i) => COUNTER - 80n + BigInt(i)).filter((counter) => !MISSED.includes(counter));

export function receiverOf(handshake: Handshake): Receiver {
  return {
    ...handshake.toGateway,
    next: COUNTER,
    window: new ReplayWindow(new Set(accepted)),
    own: OWN,
    life: READY.life * 1000,
    largest: 512,
  };
}

const flip = (bytes: Uint8Array, at: number, bit: number) =>
  bytes.map((byte, i) => (i === (at < 0 ? bytes.length + at : at) ? byte ^ bit : byte));

type Input = [name: string, bytes: Uint8Array];

/** Frames under the right keys that break a rule behind the tag, or keep it by a hair. */
function underRightKeys(handshake: Handshake): Input[] {
  const make = (name: string, change: Partial<typeof GOOD>): Input => [name, seal(handshake.toGateway, { ...GOOD, ...change })];
  const wanted = TYPE.DATA | WANTED, fragment = TYPE.FRAGMENT | WANTED;
  /** The first of three parts of 3 bytes, the last has 2. */
  const part = (change: Partial<Part>) =>
    writeLed(1, 0, writePart({ type: TYPE.DATA, count: 3, total: 8, index: 0, bytes: ascii('123'), ...change }));
  return [
    make('good', {}),
    make('as old as may be', { time: OWN - WINDOW_MS }),
    make('too old by 1 ms', { time: OWN - WINDOW_MS - 1 }),
    make('as far ahead as may be', { time: OWN + WINDOW_MS }),
    make('too far ahead by 1 ms', { time: OWN + WINDOW_MS + 1 }),
    make('old PING', { time: 0, type: TYPE.PING, body: writePing(1n) }),
    make('type 0', { type: 0 }),
    make('type 31', { type: 31 }),
    make('type 31 that wants an ACK', { type: 31 | WANTED, body: writeLed(1, 0, ascii('x')) }),
    make('READY to a gateway', { type: TYPE.READY, body: writeReady(READY) }),
    make('ACK of 4 bytes', { type: TYPE.ACK, body: uint(1, 4) }),
    make('ACK of 6 bytes', { type: TYPE.ACK, body: concat(writeAck({ id: 1, status: 0 }), uint(0, 1)) }),
    make('ACK that wants an ACK', { type: TYPE.ACK | WANTED, body: writeAck({ id: 1, status: 0 }) }),
    make('PING of 7 bytes', { type: TYPE.PING, body: uint(1, 7) }),
    make('PONG of 15 bytes', { type: TYPE.PONG, body: uint(1, 15) }),
    make('CLOSE of 2 bytes', { type: TYPE.CLOSE, body: uint(1, 2) }),
    make('SKIP without an id', { type: TYPE.SKIP, body: new Uint8Array() }),
    make('SKIP with a body', { type: TYPE.SKIP | WANTED, body: writeLed(1, 0, ascii('x')) }),
    make('id 0', { type: wanted, body: writeLed(0, 0, ascii('x')) }),
    make('no age', { type: wanted, body: uint(1, 4) }),
    make('age not in its shortest form', { type: wanted, body: concat(uint(1, 4), uint(0x8000, 2)) }),
    make('age of 5 bytes', { type: wanted, body: concat(uint(1, 4), uint(0x8080808001, 5)) }),
    make('PING longer than 8 bytes', { type: TYPE.PING, body: concat(writePing(1n), new Uint8Array(40)) }),
    make('FRAGMENT', { type: fragment, body: part({}) }),
    make('FRAGMENT, the last and shorter part', { type: fragment, body: part({ index: 2, bytes: ascii('45') }) }),
    make('FRAGMENT without an id', { type: TYPE.FRAGMENT, body: part({}).slice(5) }),
    make('FRAGMENT of 5 bytes behind the age', { type: fragment, body: part({ bytes: new Uint8Array() }) }),
    make('FRAGMENT of one part', { type: fragment, body: part({ count: 1, total: 3 }) }),
    make('FRAGMENT of 65 parts', { type: fragment, body: part({ count: 65, total: 195 }) }),
    make('FRAGMENT behind the last', { type: fragment, body: part({ index: 3 }) }),
    make('FRAGMENT whose parts would be longer', { type: fragment, body: part({ total: 11 }) }),
    make('FRAGMENT whose last part would be empty', { type: fragment, body: part({ count: 4, total: 5, bytes: ascii('12') }) }),
    make('FRAGMENT that is longer than its place', { type: fragment, body: part({ bytes: ascii('1234') }) }),
    make('FRAGMENT of SKIP', { type: fragment, body: part({ type: TYPE.SKIP }) }),
    make('FRAGMENT of FRAGMENTs', { type: fragment, body: part({ type: TYPE.FRAGMENT }) }),
    make('FRAGMENT of a type with flags', { type: fragment, body: part({ type: TYPE.DATA | WANTED }) }),
    make('FRAGMENT of a message as long as may be', { type: fragment, body: part({ total: 507, bytes: new Uint8Array(169) }) }),
    make('FRAGMENT of a message longer by a byte', { type: fragment, body: part({ total: 508, bytes: new Uint8Array(170) }) }),
    make('ROUTE', { type: TYPE.ROUTE, body: writeRoute(0, 'a/b', ascii('x')) }),
    make('ROUTE of an empty payload', { type: TYPE.ROUTE, body: writeRoute(0, 'a/b', new Uint8Array()) }),
    make('ROUTE without a body', { type: TYPE.ROUTE, body: new Uint8Array() }),
    make('ROUTE shorter than its topic', { type: TYPE.ROUTE, body: writeRoute(0, 'a/b', new Uint8Array()).slice(0, -1) }),
    make('ROUTE to an id', { type: TYPE.ROUTE, body: concat(uint(0, 2), uint(1, 1), uint(1, 1), ascii('a')) }),
    make('ROUTE to no topic', { type: TYPE.ROUTE, body: writeRoute(0, '', ascii('x')) }),
    make('ROUTE to a pattern', { type: TYPE.ROUTE, body: writeRoute(0, 'a/+', ascii('x')) }),
    make('ROUTE to a topic with NUL', { type: TYPE.ROUTE, body: writeRoute(0, 'a\0', ascii('x')) }),
    make('ROUTE to a topic that is no UTF-8', { type: TYPE.ROUTE, body: writeRoute(0, Uint8Array.of(0xc3), ascii('x')) }),
    make('ROUTE to a pattern that wants an ACK', { type: TYPE.ROUTE | WANTED, body: writeLed(1, 0, writeRoute(0, '#', ascii('x'))) }),
    make('DELIVER to a gateway', { type: TYPE.DELIVER, body: writeDeliver('a', 2, ascii('x')) }),
    make('DELIVER to a gateway that wants an ACK', { type: TYPE.DELIVER | WANTED, body: writeLed(1, 0, writeDeliver('a', 2, ascii('x'))) }),
    make('FRAGMENT of a ROUTE', { type: fragment, body: part({ type: TYPE.ROUTE, total: 14, bytes: writeRoute(0, 'a', new Uint8Array()) }) }),
    make('repeat without an id', { type: TYPE.DATA | REPEAT }),
  ];
}

/** Frames that are refused before their tag, or by it. */
function spoiled(handshake: Handshake): Input[] {
  const stream = handshake.link === 'stream';
  const good = seal(handshake.toGateway, GOOD);
  const make = (name: string, change: Partial<typeof GOOD>): Input => [name, seal(handshake.toGateway, { ...GOOD, ...change })];
  const headerBytes = stream ? 5 : 10;
  const common: Input[] = [
    ['last bit of the tag', flip(good, -1, 1)],
    ['first bit of the body', flip(good, headerBytes, 0x80)],
    ['repeat flag', flip(good, 0, REPEAT)],
    ['time 1 ms on', flip(good, headerBytes - 1, 1)],
    ['bit 7 of the type', flip(good, 0, 0x80)],
    ['the other direction', seal(handshake.toDevice, GOOD)],
    make('body of 512 bytes', { body: new Uint8Array(512) }),
    make('body of 513 bytes', { body: new Uint8Array(513) }),
    make('before the session began', { time: 2 ** 24 + OWN - 2 ** 23 }),
  ];
  if (stream) {
    return [
      ...common,
      ['length in a longer form', concat(good.slice(0, 1), uint(0x8400, 2), good.slice(2))],
      ['length of three bytes', concat(good.slice(0, 1), uint(0x848000, 3), good.slice(2))],
      make('a counter back', { counter: COUNTER - 1n }),
      make('a counter on', { counter: COUNTER + 1n }),
    ];
  }
  return [
    ...common,
    ['another session', flip(good, 4, 1)],
    ['shorter than header and tag', good.slice(0, good.length - GOOD.body.length - 1)],
    make('seen', { counter: COUNTER - 1n }),
    make('missed so far', { counter: MISSED[0]! }),
    make('missed so far, 63 behind the highest', { counter: MISSED[1]! }),
    make('missed so far, 64 behind the highest', { counter: MISSED[2]! }),
    make('32,767 ahead of the next', { counter: COUNTER + 32_767n }),
    make('32,768 ahead of the next', { counter: COUNTER + 32_768n }),
  ];
}

/** 'taken' or the reason; on a stream a refusal without a valid tag ends the link. */
function verdict(receiver: Receiver, bytes: Uint8Array): Record<string, unknown> {
  try {
    const opened: Opened | undefined = open(receiver, bytes);
    if (!opened) return { verdict: 'more bytes are needed' };
    timeRule(receiver.own, opened.time, WINDOW_MS, opened.type);
    readProtectedBody(opened, receiver);
    return { verdict: 'taken' };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { verdict: error.reason, endsStream: receiver.link === 'stream' && !error.authentic };
  }
}

export function refused(): { receiver: Record<string, unknown>; frames: Record<string, unknown>[] } {
  return {
    receiver: {
      note: 'of each frame alone: direction to gateway; every counter below next was accepted but the missed ones',
      next: String(COUNTER), missed: MISSED.map(String), own: OWN, life: READY.life * 1000, largest: 512, window: WINDOW_MS,
    },
    frames: handshakes.flatMap((handshake) =>
      [...underRightKeys(handshake), ...spoiled(handshake)].map(([name, bytes]) => ({
        name,
        session: handshake.name,
        frame: hex(bytes),
        ...verdict(receiverOf(handshake), bytes),
      })),
    ),
  };
}
