// HELLO, CHALLENGE, PROOF: built and parsed. READY is a protected frame (bodies.ts, frame.ts).

import { NATIVE, TYPE, whole } from './bodies.js';
import { Reader, Short, concat, same, uint } from './bytes.js';
import type { Link } from './frame.js';
import { leb128, readLeb128 } from './numbers.js';
import { Refusal } from './refusal.js';
import { SUITES, SUITE_BIT, type Suite, suiteOfBit } from './suites.js';

export const VERSION = 1;
export const LINK_DATAGRAM = 1;
export const LINK_TLS = 2;
const C_BYTES = 32;
const PROOF_BYTES = 16;
/** A datagram HELLO is at least as long as the CHALLENGE that answers it. */
const LEAST_HELLO = C_BYTES + PROOF_BYTES;

export interface Hello {
  version: number;
  /** LINK_* bits. */
  link: number;
  /** SUITE_BIT of all that the device takes. */
  suites: number;
  nonce: Uint8Array;
  /** The device's outbox. */
  outbox: number;
  /** Largest body that the device takes, bytes. */
  largest: number;
  keyId: number;
  /** UTF-8, 1 to 64 bytes. */
  identity: Uint8Array;
}

export interface Challenge {
  version: number;
  suite: number;
  session: number;
  /** ms. */
  window: number;
  nonce: Uint8Array;
  /** Unix ms: the session's epoch. */
  time: bigint;
}

/** H: what both sides hash. */
export function writeHello(hello: Hello): Uint8Array {
  return concat(
    uint(hello.version, 1),
    uint(hello.link, 1),
    uint(hello.suites, 1),
    hello.nonce,
    uint(hello.outbox, 4),
    uint(hello.largest, 2),
    uint(hello.keyId, 1),
    uint(hello.identity.length, 1),
    hello.identity,
  );
}

/** C: what both sides hash. */
export function writeChallenge(c: Challenge): Uint8Array {
  return concat(uint(c.version, 1), uint(c.suite, 1), uint(c.session, 4), uint(c.window, 2), c.nonce, uint(c.time, 8));
}

/** C as it goes into the nonce of a datagram's CHALLENGE. */
export function challengeWithoutNonce(c: Challenge): Uint8Array {
  return writeChallenge({ ...c, nonce: new Uint8Array() });
}

function readHelloFields(reader: Reader): Hello {
  const hello = {
    version: reader.int(1),
    link: reader.int(1),
    suites: reader.int(1),
    nonce: reader.take(16),
    outbox: reader.int(4),
    largest: reader.int(2),
    keyId: reader.int(1),
    identity: reader.take(reader.int(1)),
  };
  if (hello.identity.length < 1 || hello.identity.length > 64) throw new Refusal('hello');
  return hello;
}

function readChallengeFields(reader: Reader): Challenge {
  return {
    version: reader.int(1),
    suite: reader.int(1),
    session: reader.int(4),
    window: reader.int(2),
    nonce: reader.take(16),
    time: reader.big(8),
  };
}

/** Reads a HELLO body; `listener` is the link byte that the gateway's listener stands for. */
export function readHello(body: Uint8Array, listener: number): Hello {
  const hello = parse('hello', body, (reader) => {
    const fields = readHelloFields(reader);
    const padding = reader.rest();
    const padded = (listener & LINK_DATAGRAM) !== 0;
    if (padded ? body.length < LEAST_HELLO || padding.some((byte) => byte !== 0) : padding.length > 0) {
      throw new Refusal('hello');
    }
    return fields;
  });
  if (hello.version !== VERSION || hello.link !== listener) throw new Refusal('hello');
  return hello;
}

/** The strongest suite that is offered and allowed. */
export function pickSuite(offered: number, allowed: number): Suite {
  const suite = SUITES.find((each) => (offered & allowed & SUITE_BIT[each]) !== 0);
  if (!suite) throw new Refusal('no suite');
  return suite;
}

export interface Answer {
  challenge: Challenge;
  /** The bytes C. */
  c: Uint8Array;
  proof: Uint8Array;
}

/** Reads a CHALLENGE body as a device that offered `suites`. The proof is the caller's to check. */
export function readChallengeBody(body: Uint8Array, suites: number): Answer {
  const answer = parse('malformed', body, (reader) => ({
    challenge: readChallengeFields(reader),
    c: body.slice(0, C_BYTES),
    proof: reader.take(PROOF_BYTES),
  }));
  const { version, suite } = answer.challenge;
  if (version !== VERSION || !suiteOfBit(suite) || (suite & suites) === 0) throw new Refusal('challenge');
  return answer;
}

/** What a datagram's PROOF brings back to a gateway that kept nothing. */
export interface Proof {
  h: Uint8Array;
  hello: Hello;
  c: Uint8Array;
  challenge: Challenge;
  proof: Uint8Array;
}

export function readDatagramProof(body: Uint8Array): Proof {
  return parse('hello', body, (reader) => {
    const hello = readHelloFields(reader);
    const h = body.slice(0, reader.position);
    const challenge = readChallengeFields(reader);
    const c = body.slice(h.length, reader.position);
    return { h, hello, c, challenge, proof: reader.take(PROOF_BYTES) };
  });
}

function parse<T>(reason: Refusal['reason'], body: Uint8Array, read: (reader: Reader) => T): T {
  try {
    return whole(body, read);
  } catch (error) {
    if (error instanceof Refusal) throw new Refusal(reason);
    throw error;
  }
}

/** A handshake frame: on a stream with its length, in a datagram without. */
export function handshakeFrame(link: Link, type: number, body: Uint8Array): Uint8Array {
  const lead = uint(type | NATIVE, 1);
  return link === 'stream' ? concat(lead, leb128(body.length), body) : concat(lead, body);
}

export const helloFrame = (link: Link, h: Uint8Array) =>
  handshakeFrame(link, TYPE.HELLO, link === 'stream' ? h : concat(h, new Uint8Array(Math.max(0, LEAST_HELLO - h.length))));

export const challengeFrame = (link: Link, c: Uint8Array, proof: Uint8Array) =>
  handshakeFrame(link, TYPE.CHALLENGE, concat(c, proof));

export const proofFrame = (link: Link, h: Uint8Array, c: Uint8Array, proof: Uint8Array) =>
  handshakeFrame(link, TYPE.PROOF, link === 'stream' ? proof : concat(h, c, proof));

export interface HandshakeFrame {
  type: number;
  body: Uint8Array;
  size: number;
}

/** Takes a handshake frame off the front of a stream; undefined: more bytes are needed. */
export function readHandshakeFrame(bytes: Uint8Array): HandshakeFrame | undefined {
  const reader = new Reader(bytes);
  try {
    const typeByte = reader.int(1);
    if (typeByte < NATIVE) throw new Refusal('malformed');
    const body = reader.take(readLeb128(reader, 2, 'too long'));
    return { type: typeByte, body, size: reader.position };
  } catch (error) {
    if (error instanceof Short) return undefined;
    throw error;
  }
}

/** True where the proof is the expected one. (The reference does not care about time; implementations must.) */
export const proves = same;
