// One side of a vectors' session, the device's or the gateway's, as a test sees it that does the same to both.

import { type Receiver, type Sealed, accept, seal } from '../../reference/frame.js';
import { handshakes } from '../../reference/vectors-handshake.js';
import { ReplayWindow } from '../../reference/window.js';
import { type Told, abi } from './engine.js';
import { type HandshakeVector, ZERO, proveToGateway, readyAtDevice, vectorDevice, vectorGateway } from './vector-file.js';
import type { Receipts } from './gateway.js';
import type { Reason } from '../../reference/refusal.js';

export type Role = 'device' | 'gateway';
export const ROLES: Role[] = ['device', 'gateway'];

/** The reference's words and the core's numbers. */
export const REASON: Record<Reason, number> = {
  'bad tag': abi.REFUSED_BAD_TAG,
  replay: abi.REFUSED_REPLAY,
  stale: abi.REFUSED_STALE,
  'from the future': abi.REFUSED_FUTURE,
  'too long': abi.REFUSED_TOO_LONG,
  malformed: abi.REFUSED_MALFORMED,
  'unknown type': abi.REFUSED_UNKNOWN_TYPE,
  'time out of range': abi.REFUSED_TIME_RANGE,
  'bad proof': abi.REFUSED_BAD_PROOF,
  challenge: abi.REFUSED_CHALLENGE,
  'round trip': abi.REFUSED_ROUND_TRIP,
  hello: abi.REFUSED_HELLO,
  'no suite': abi.REFUSED_NO_SUITE,
  'old challenge': abi.REFUSED_OLD_CHALLENGE,
  'clock lost': abi.REFUSED_CLOCK_LOST,
  pong: abi.REFUSED_PONG,
  order: abi.REFUSED_ORDER,
  state: abi.REFUSED_STATE,
};

/** A side of a session that stands, with what the reference knows of it. */
export interface Side {
  role: Role;
  receive(bytes: Uint8Array): Told;
  /** Refusals since the session began, by REFUSED_*. */
  refusals(): number[];
  online(): boolean;
  /** Sets this side's session clock. */
  setClock(time: number): void;
  clock(): number;
  setNext(counter: bigint): void;
  answer(id: number, status: number): Told;
  /** Goes back to the moment at which this object was made, or `mark` was last called. */
  reset(): void;
  mark(): void;
  /** The reference's receiver at the moment to which `reset` goes back. */
  receiver: Receiver;
  /** A frame of the peer's, by the reference. */
  fromPeer(frame: Omit<Sealed, 'counter'> & { counter?: bigint }): Uint8Array;
  /** A frame of this side's own, by the reference: as an attacker would reflect it. */
  fromSelf(frame: Sealed): Uint8Array;
}

export interface SideOptions {
  build?: string;
  largest?: number;
  clock?: number;
  /** Last id taken from the peer. */
  inLast?: number;
  /** Our own outbox: lowest, sent in an earlier session, next. */
  out?: Pick<Receipts, 'outLow' | 'outSent' | 'outNext'>;
}

export function side(v: HandshakeVector, role: Role, options: SideOptions = {}): Side {
  const { toGateway, toDevice } = handshakes.find(({ name }) => name === v.name)!;
  const own = options.clock ?? 1_000;
  const out = options.out ?? { outLow: 1, outSent: 0, outNext: 1 };
  const common = { window: new ReplayWindow(), own, life: v.ready.life * 1000 };
  if (role === 'gateway') {
    const largest = options.largest ?? v.ready.largest;
    const gateway = vectorGateway(v, { build: options.build, largest }, { inLast: options.inLast ?? 0, ...out });
    const slot = proveToGateway(gateway, v);
    gateway.now = ZERO.gateway + own;
    return finish(gateway, {
      role,
      receive: (bytes) => gateway.receive(slot, bytes),
      online: () => gateway.state(slot) === abi.STATE_ONLINE,
      setClock: (time) => void (gateway.now = ZERO.gateway + time),
      clock: () => gateway.now - ZERO.gateway,
      setNext: (counter) => gateway.view.setBigUint64(gateway.slotAddress(slot) + abi.S_RX_COUNTER, counter, true),
      answer: (id, status) => gateway.answer(slot, id, status),
      receiver: { ...toGateway, ...common, next: 0n, largest },
      fromPeer: (frame) => seal(toGateway, { counter: 0n, ...frame }),
      fromSelf: (frame) => seal(toDevice, frame),
    });
  }
  const largest = options.largest ?? v.hello.largest;
  const device = vectorDevice(v, { build: options.build, largest: v.hello.largest, inOutbox: v.ready.outbox, inLast: options.inLast ?? 0, ...out });
  readyAtDevice(device, v);
  device.now = ZERO.device + own;
  const receiver = { ...toDevice, ...common, next: 0n, largest };
  return finish(device, {
    role,
    receive: (bytes) => device.receive(bytes),
    online: () => device.state === abi.STATE_ONLINE,
    setClock: (time) => void (device.now = ZERO.device + time),
    clock: () => device.now - ZERO.device,
    setNext: (counter) => device.view.setBigUint64(device.slot + abi.S_RX_COUNTER, counter, true),
    answer: (id, status) => device.answer(id, status),
    receiver: accept(receiver, 0n), // READY was frame 0
    fromPeer: (frame) => seal(toDevice, { counter: 1n, ...frame }),
    fromSelf: (frame) => seal(toGateway, frame),
  });
}

type Machine = { snapshot(): Uint8Array; restore(snapshot: Uint8Array): void; counters(): number[]; now: number };

function finish(machine: Machine, rest: Omit<Side, 'reset' | 'mark' | 'refusals'>): Side {
  let snapshot = machine.snapshot(), now = machine.now, counters = machine.counters();
  return {
    ...rest,
    refusals: () => machine.counters().map((count, reason) => count - counters[reason]!),
    mark() {
      snapshot = machine.snapshot();
      now = machine.now;
      counters = machine.counters();
    },
    reset() {
      machine.restore(snapshot);
      machine.now = now;
    },
  };
}
