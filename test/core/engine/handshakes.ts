// What the tests of the handshake share: a device that waits for CHALLENGE, a gateway that waits for PROOF, and what a refusal is.

import * as assert from 'uvu/assert';
import { unhex } from '../../reference/bytes.js';
import type { EngineDevice } from './device.js';
import { type Told, abi } from './engine.js';
import type { EngineGateway } from './gateway.js';
import { type HandshakeVector, ROUND_TRIP, vectorDevice, vectorGateway, vectors } from './vector-file.js';

export const stream = vectors.handshakes.find(({ name }) => name === 'stream sealed')!;
export const datagram = vectors.handshakes.find(({ name }) => name === 'datagram sealed')!;
export const both = [stream, datagram];

/** One refusal for this reason, nothing said; a stream is over. */
export function refused(machine: { counters(): number[] }, told: Told, reason: number, v: HandshakeVector, label: string): void {
  const counts = machine.counters();
  assert.is(counts[reason], 1, `${label}: ${counts}`);
  assert.is(counts.reduce((total, count) => total + count, 0), 1, `${label}: ${counts}`);
  assert.is(told.output.length, 0, label);
  const kinds = told.events.map(({ kind }) => kind).filter((kind) => kind !== abi.EV_HELLO);
  assert.equal(kinds, v.link === 'stream' ? [abi.EV_REFUSED, abi.EV_DISCONNECT] : [abi.EV_REFUSED], label);
}

export function challengedDevice(v: HandshakeVector, more: Parameters<typeof vectorDevice>[1] = {}): EngineDevice {
  const device = vectorDevice(v, more);
  device.start();
  device.connected();
  device.now += ROUND_TRIP;
  return device;
}

export function challengingGateway(v: HandshakeVector, more: Parameters<typeof vectorGateway>[1] = {}): { gateway: EngineGateway; slot: number } {
  const gateway = vectorGateway(v, more);
  const slot = gateway.open(v.hello.link);
  const { output } = gateway.receive(slot, unhex(v.frames.hello));
  assert.is(output.length, 1);
  return { gateway, slot };
}
