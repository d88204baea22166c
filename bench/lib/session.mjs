/** A device core and a gateway core in one process, joined by nothing but function calls, under a clock that stands still. */

import { randomBytes } from 'node:crypto';
import { DeviceCore, GatewayCore } from 'tidelock/core';
import { SUITES, deviceSettings, outgoing } from './raw-device.mjs';
import { keyOf } from './keys.mjs';

const NOW = 1_000;
const ID = 'pump-7';

/**
 * @param {'signed'|'sealed'} suite
 * @returns frames(count): that many frames of a 64-byte message, in order, not yet received;
 *   receive(buffer): one call of the gateway's core; received(): messages whose tag held since the last call
 */
export async function openSession(suite) {
  const todo = [];
  let received = 0;
  let problem;
  let online = false;
  let frames;
  const wrong = (what) => (...details) => (problem ??= `${what} (${details.join(', ')})`);

  const gateway = await GatewayCore.load({
    secret: randomBytes(32), unix: Date.UTC(2025, 0, 1), now: NOW,
    window: 2_000, life: 86_400, idle: 90, spread: 0, largest: 16_383, suites: SUITES[suite], suitesTls: SUITES[suite],
  });
  const slot = gateway.open({
    output: (bytes) => todo.push(() => device.receive(bytes, NOW)),
    hello: () => todo.push(() => gateway.key(slot, keyOf(ID), 0, NOW)),
    proved: () => todo.push(() => gateway.accept(slot, { inLast: 0, outOutbox: 1, outLow: 1, outSent: 0, outNext: 1 }, 0, NOW)),
    message: () => { received++; },
    refused: wrong('the gateway refused a frame'),
    disconnect: wrong('the gateway ended the session'),
    closed: wrong('the device said CLOSE'),
    wanted() {}, result() {}, outboxUnknown() {},
  }, 0, NOW);
  const device = await DeviceCore.load(deviceSettings(ID, suite), {
    connect: () => todo.push(() => device.connected(NOW)),
    output: (bytes) => { if (frames === undefined) todo.push(() => gateway.receive(slot, bytes, NOW)); else frames.push(bytes); },
    online: () => { online = true; },
    refused: wrong('the device refused a frame'),
    disconnect: wrong('the device ended the session'),
    closed: wrong('the gateway said CLOSE'),
    message() {}, wanted() {}, result() {}, outboxUnknown() {}, clock() {},
  });
  device.start(NOW);
  while (todo.length > 0) todo.shift()();
  if (!online) throw new Error(`no session between the two cores: ${problem ?? 'the handshake stopped'}`);

  return {
    /** One buffer for each `perChunk` frames. */
    frames(count, perChunk = 1) {
      const messages = outgoing(64);
      frames = [];
      for (let left = count; left > 0; left -= 64) send(device, left < 64 ? messages.slice(0, left) : messages);
      const all = Buffer.concat(frames);
      frames = undefined;
      const bytes = all.length / count;
      const step = bytes * perChunk;
      return Array.from({ length: count / perChunk }, (_, i) => all.subarray(i * step, (i + 1) * step));
    },
    /** The frames of one `send`, as the core put them out. */
    encode(messages) {
      frames = [];
      send(device, messages);
      const out = frames;
      frames = undefined;
      return out;
    },
    receive(chunk) {
      gateway.receive(slot, chunk, NOW);
    },
    /** Throws unless exactly `expected` messages were delivered since the last call. */
    check(expected) {
      if (problem !== undefined) throw new Error(problem);
      if (received !== expected) throw new Error(`${received} of ${expected} messages were delivered`);
      received = 0;
    },
  };
}

function send(device, messages) {
  let taken = device.send(messages, NOW);
  while (taken < messages.length) {
    const more = device.send(messages.slice(taken), NOW);
    if (more <= 0) throw new Error(`the core took ${taken} of ${messages.length} messages (status ${more})`);
    taken += more;
  }
}
