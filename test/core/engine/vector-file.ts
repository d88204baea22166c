// test/vectors/tidelock-1.json, typed, and sessions on the bare engine that have its keys.

import { readFileSync } from 'node:fs';
import { unhex } from '../../reference/bytes.js';
import { EngineDevice } from './device.js';
import { type Event, abi } from './engine.js';
import { EngineGateway, NO_RECEIPTS, type Receipts } from './gateway.js';

export interface HandshakeVector {
  name: string;
  link: 'stream' | 'datagram';
  suite: 'sealed' | 'signed' | 'signed-8';
  deviceKey: string;
  hello: { link: number; suites: number; nonce: string; outbox: number; largest: number; keyId: number; identity: string };
  gatewaySecret?: string;
  allowed: number;
  challenge: { suite: number; session: number; window: number; nonce: string; time: string };
  H: string;
  C: string;
  transcript: string;
  prk: string;
  gatewayProof: string;
  deviceProof: string;
  toGateway: { key: string; iv: string };
  toDevice: { key: string; iv: string };
  ready: { life: number; idle: number; spread: number; largest: number; outbox: number; time: number; body: string; aad: string };
  first: { time: number; type: number; body: string; aad: string };
  frames: { hello: string; challenge: string; proof: string; ready: string; first: string };
}

export interface FrameVector {
  name: string;
  session: string;
  direction: 'to gateway' | 'to device';
  counter: string;
  time: number;
  type: number;
  id?: number;
  age?: number;
  body?: string;
  bodyBytes?: number;
  bodyHead?: string;
  aad: string;
  nonce?: string;
  frame?: string;
  header?: string;
  tag?: string;
  frameSha256?: string;
}

export interface RefusedVector {
  name: string;
  session: string;
  frame: string;
  verdict: string;
  endsStream?: boolean;
}

interface Truncated {
  own: string;
  field: number;
  value: string;
}

export interface Vectors {
  numbers: {
    times: Truncated[];
    counters: Truncated[];
    replay: { counters: string[]; taken: boolean[] }[];
    challenge: { roundTrip: number; limit: number; clock: number | string }[];
    pong: { zero: number; t1: number; now: number; receive: number; send: number; clock: number | string }[];
    topics: { bytes: string; valid: boolean }[];
    identities: { bytes: string; valid: boolean }[];
  };
  derived: { what: string; result: string }[];
  handshakes: HandshakeVector[];
  frames: FrameVector[];
  refused: {
    receiver: { next: string; missed: string[]; own: number; life: number; largest: number; window: number };
    frames: RefusedVector[];
  };
}

export const vectors = JSON.parse(
  readFileSync(new URL('../../vectors/tidelock-1.json', import.meta.url), 'utf8'),
) as Vectors;

/** `now` of either host when its session clock stands at 0. */
export const ZERO = { device: 1_000, gateway: 5_000 } as const;
/** The vectors' device gets CHALLENGE 22 ms after HELLO, so its clock stands at 11 then. */
export const ROUND_TRIP = 22;

export function vectorDevice(v: HandshakeVector, more: Partial<ConstructorParameters<typeof EngineDevice>[0]> = {}): EngineDevice {
  return new EngineDevice({
    key: unhex(v.deviceKey),
    keyId: v.hello.keyId,
    identity: v.hello.identity,
    link: v.hello.link,
    suites: v.hello.suites,
    largest: v.hello.largest,
    outbox: v.hello.outbox,
    entropy: () => Uint8Array.from([...unhex(v.hello.nonce), ...new Uint8Array(16).fill(1)]),
    now: ZERO.device - ROUND_TRIP / 2,
    budget: 0xffff, // frames at every length, none of them as FRAGMENTs
    ...more,
  });
}

export function vectorGateway(
  v: HandshakeVector,
  more: Partial<ConstructorParameters<typeof EngineGateway>[0]> = {},
  receipts: Partial<Receipts> = {},
): EngineGateway {
  const session = new Uint8Array(4);
  new DataView(session.buffer).setUint32(0, v.challenge.session);
  return new EngineGateway({
    secret: v.gatewaySecret ? unhex(v.gatewaySecret) : undefined,
    unix: BigInt(v.challenge.time),
    window: v.challenge.window,
    idle: v.ready.idle,
    life: v.ready.life,
    spread: v.ready.spread,
    largest: v.ready.largest,
    suites: v.allowed,
    suitesTls: v.allowed,
    key: (identity, keyId) => (identity === v.hello.identity && keyId === v.hello.keyId ? unhex(v.deviceKey) : undefined),
    random: () => Uint8Array.from([...unhex(v.challenge.nonce), ...session, 1, 1, 1, 1]),
    accept: () => ({ ...NO_RECEIPTS, outOutbox: v.ready.outbox, ...receipts }),
    now: ZERO.gateway,
    ...more,
  });
}

/** A gateway's session after the vectors' HELLO and PROOF: its slot. READY has gone. */
export function proveToGateway(gateway: EngineGateway, v: HandshakeVector): number {
  const slot = gateway.open(v.hello.link);
  gateway.setBudget(slot, 0xffff);
  gateway.receive(slot, unhex(v.frames.hello));
  gateway.now += v.ready.time;
  gateway.receive(slot, unhex(v.frames.proof));
  if (gateway.state(slot) !== abi.STATE_ONLINE) throw new Error(`${v.name}: no session at the gateway`);
  return slot;
}

/** A device's session after the vectors' CHALLENGE and READY. */
export function readyAtDevice(device: EngineDevice, v: HandshakeVector): Event[] {
  device.start();
  device.connected();
  device.now += ROUND_TRIP;
  const events = device.receive(unhex(v.frames.challenge)).events;
  events.push(...device.receive(unhex(v.frames.ready)).events);
  if (device.state !== abi.STATE_ONLINE) throw new Error(`${v.name}: no session at the device`);
  return events;
}

/** The clear body of a frame vector: written out, or by its pattern. */
export function bodyOf(vector: FrameVector): Uint8Array {
  if (vector.body !== undefined) return unhex(vector.body);
  const head = unhex(vector.bodyHead!);
  const led = vector.id === undefined ? 0 : 5; // ages of long bodies are 0: one byte
  return Uint8Array.from({ length: vector.bodyBytes! }, (_, i) => (i < led ? head[i]! : (i - led) % 251));
}

/** Bytes of id and age at the front of the body. */
export function ledBytes(vector: FrameVector): number {
  if (vector.id === undefined) return 0;
  const body = bodyOf(vector);
  let end = 4;
  while (body[end]! >= 128) end++;
  return end + 1;
}
