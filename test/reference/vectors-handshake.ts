// The handshakes of the test vectors: fixed keys, nonces and times, every step in hex.

import { type Ready, TYPE, writeReady } from './bodies.js';
import { ascii, concat, hex, uint } from './bytes.js';
import { type Direction, type Link, sealSteps } from './frame.js';
import {
  type Challenge, type Hello, LINK_DATAGRAM, LINK_TLS, VERSION, challengeFrame, challengeWithoutNonce, helloFrame,
  pickSuite, proofFrame, writeChallenge, writeHello,
} from './handshake.js';
import { countedNonce, datagramNonce, fakeKey, schedule } from './keys.js';
import { SUITE_BIT, type Suite } from './suites.js';

/** `count` bytes that count up from `first`. */
export const run = (first: number, count: number) => Uint8Array.from({ length: count }, (_, i) => (first + i) & 255);

export const KEY = run(0x00, 32);
export const GATEWAY_SECRET = run(0x60, 32);
/** ::ffff:192.0.2.1, an address for documentation (RFC 5737), as IPv6 writes it. */
const ADDRESS = concat(new Uint8Array(10), uint(0xffff, 2), Uint8Array.of(192, 0, 2, 1));
const PORT = 50_000;
export const EPOCH = 1_750_000_000_000n;
export const WINDOW_MS = 2_000;
export const READY: Ready = { life: 2_000_000, idle: 90, spread: 0, largest: 16_383, outbox: 0x9a8b7c6d };
/** Session time of READY. */
const READY_TIME = 23;
/** First frame of the device, behind PROOF: its clock stands at half the round trip. */
const FIRST = { counter: 0n, time: 11, type: TYPE.DATA as number, body: ascii('21.5') };

interface Case {
  name: string;
  link: Link;
  tls?: boolean;
  /** SUITE_BIT of all that is offered and allowed. */
  offered: number;
  allowed: number;
  identity: string;
  keyId: number;
}

const { sealed, signed, 'signed-8': signed8 } = SUITE_BIT;
const CASES: Case[] = [
  { name: 'stream sealed', link: 'stream', offered: sealed, allowed: sealed, identity: 'pump-00007', keyId: 0 },
  { name: 'stream signed', link: 'stream', tls: true, offered: 7, allowed: signed, identity: 'plant/pump-7', keyId: 1 },
  { name: 'stream signed-8', link: 'stream', offered: signed8, allowed: 7, identity: 'p', keyId: 255 },
  { name: 'datagram sealed', link: 'datagram', offered: 7, allowed: 7, identity: 'pump-00007', keyId: 0 },
  { name: 'datagram signed', link: 'datagram', offered: signed | signed8, allowed: 7, identity: 'p'.repeat(64), keyId: 7 },
  { name: 'datagram signed-8', link: 'datagram', offered: signed8, allowed: signed8, identity: 'h\u00f6he/m\u00fchle-1', keyId: 2 },
];

export interface Handshake {
  /** What the file holds. */
  json: Record<string, unknown>;
  name: string;
  link: Link;
  suite: Suite;
  toGateway: Direction;
  toDevice: Direction;
}

function handshake(each: Case): Handshake {
  const { link, keyId } = each;
  const datagram = link === 'datagram';
  const identity = new TextEncoder().encode(each.identity);
  const suite = pickSuite(each.offered, each.allowed);
  const hello: Hello = {
    version: VERSION,
    link: (datagram ? LINK_DATAGRAM : 0) | (each.tls ? LINK_TLS : 0),
    suites: each.offered,
    nonce: run(0x20, 16),
    outbox: 0x0a0b0c0d,
    largest: 512,
    keyId,
    identity,
  };
  const h = writeHello(hello);
  const challenge: Challenge = {
    version: VERSION,
    suite: SUITE_BIT[suite],
    session: 0xc0ffee01,
    window: WINDOW_MS,
    nonce: run(0x40, 16),
    time: EPOCH,
  };
  if (datagram) {
    challenge.nonce = datagramNonce(GATEWAY_SECRET, ADDRESS, PORT, h, challengeWithoutNonce(challenge));
  }
  const c = writeChallenge(challenge);
  const keys = schedule(KEY, h, c);
  const base = { link, suite, session: challenge.session };
  const toGateway = { ...base, keys: keys.toGateway };
  const toDevice = { ...base, keys: keys.toDevice };
  const readyBody = writeReady(READY);
  const ready = sealSteps(toDevice, { counter: 0n, time: READY_TIME, type: TYPE.READY, body: readyBody });
  const first = sealSteps(toGateway, FIRST);
  const frames = {
    hello: helloFrame(link, h),
    challenge: challengeFrame(link, c, keys.gatewayProof),
    proof: proofFrame(link, h, c, keys.deviceProof),
    ready: ready.frame,
    first: first.frame,
  };
  const json = {
    name: each.name,
    link,
    suite,
    deviceKey: hex(KEY),
    hello: {
      version: VERSION, link: hello.link, suites: each.offered, nonce: hex(hello.nonce), outbox: hello.outbox,
      largest: hello.largest, keyId, identity: each.identity,
    },
    ...(datagram && { gatewaySecret: hex(GATEWAY_SECRET), address: hex(ADDRESS), port: PORT }),
    allowed: each.allowed,
    challenge: {
      version: VERSION, suite: challenge.suite, session: challenge.session, window: WINDOW_MS,
      nonce: hex(challenge.nonce), time: String(EPOCH),
    },
    H: hex(h),
    C: hex(c),
    transcript: hex(keys.transcript),
    prk: hex(keys.prk),
    gatewayProof: hex(keys.gatewayProof),
    deviceProof: hex(keys.deviceProof),
    toGateway: { key: hex(keys.toGateway.key), iv: hex(keys.toGateway.iv) },
    toDevice: { key: hex(keys.toDevice.key), iv: hex(keys.toDevice.iv) },
    ready: { ...READY, counter: '0', time: READY_TIME, body: hex(readyBody), aad: hex(ready.aad) },
    first: { counter: '0', time: FIRST.time, type: FIRST.type, body: hex(FIRST.body), aad: hex(first.aad) },
    frames: Object.fromEntries(Object.entries(frames).map(([name, bytes]) => [name, hex(bytes)])),
  };
  return { json, name: each.name, link, suite, toGateway, toDevice };
}

export const handshakes: Handshake[] = CASES.map(handshake);

/** Keys and nonces that are derived outside a handshake's own transcript. */
export function derived(): Record<string, unknown>[] {
  const identity = ascii('nobody');
  return [
    { what: 'device nonce from a boot counter', key: hex(KEY), boots: '1', result: hex(countedNonce(KEY, 1n)) },
    { what: 'device nonce from a boot counter', key: hex(KEY), boots: '4294967296', result: hex(countedNonce(KEY, 2n ** 32n)) },
    { what: 'key of an unknown identity', gatewaySecret: hex(GATEWAY_SECRET), identity: 'nobody', result: hex(fakeKey(GATEWAY_SECRET, identity)) },
  ];
}
