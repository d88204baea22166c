// Every refused frame of the vectors, at the gateway's core: its reason, and whether the stream goes on.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { STATUS, TYPE, readAck, writePing } from '../reference/bodies.js';
import { unhex } from '../reference/bytes.js';
import { open } from '../reference/frame.js';
import type { Reason } from '../reference/refusal.js';
import { handshakes } from '../reference/vectors-handshake.js';
import { ReplayWindow } from '../reference/window.js';
import { abi } from './engine/engine.js';
import { REASON, type Side, side } from './engine/side.js';
import { vectors } from './engine/vector-file.js';

const { receiver, frames } = vectors.refused;
const NEXT = BigInt(receiver.next);

/** A gateway that knows what the vectors say: all counters below `next` but the missed ones. */
function gatewayOf(session: string, build: string): Side {
  const v = vectors.handshakes.find(({ name }) => name === session)!;
  const each = side(v, 'gateway', { build, largest: receiver.largest, clock: receiver.own });
  if (v.link === 'stream') {
    each.setNext(NEXT);
  } else {
    each.setNext(NEXT - 80n);
    for (let counter = NEXT - 80n; counter < NEXT; counter++) {
      if (receiver.missed.includes(String(counter))) continue;
      each.receive(each.fromPeer({ type: TYPE.PING, body: writePing(0n), time: receiver.own, counter }));
    }
  }
  each.mark();
  return each;
}

for (const build of ['core-gateway', 'core-gateway-nosimd']) {
  for (const v of vectors.handshakes) {
    test(`refused frames, ${v.name}, ${build}`, () => {
      const each = gatewayOf(v.name, build);
      assert.equal(each.refusals().filter(Boolean), []);
      const { toDevice } = handshakes.find(({ name }) => name === v.name)!;
      const own = frames.filter(({ session }) => session === v.name);
      assert.ok(own.length >= 35);
      for (const { name, frame, verdict, endsStream } of own) {
        each.reset();
        const told = each.receive(unhex(frame));
        const counts = each.refusals();
        const total = counts.reduce((sum, count) => sum + count, 0);
        if (verdict === 'taken') {
          assert.is(total, 0, `${name}: ${counts}`);
          assert.ok(each.online(), name);
          // A message, a PONG for a PING, or what a type that nobody takes is told.
          const [event] = told.events;
          if (event) assert.is(event.kind, name.startsWith('FRAGMENT') ? abi.EV_FRAGMENT : abi.EV_MESSAGE, name);
          else assert.is(told.output.length, 1, name);
          if (!event && name.endsWith('that wants an ACK') && !name.startsWith('PING')) {
            const next = v.link === 'stream' ? 1n : 79n;
            const ack = open({ ...toDevice, next, window: new ReplayWindow(), own: receiver.own, life: 2 ** 40, largest: 64 }, told.output[0]!)!;
            assert.equal(readAck(ack.body), { id: 1, status: STATUS.noTarget }, name);
          }
          continue;
        }
        assert.is(counts[REASON[verdict as Reason]], 1, `${name}: ${verdict}, not ${counts}`);
        assert.is(total, 1, `${name}: ${counts}`);
        assert.is(each.online(), !endsStream, name);
        assert.ok(!told.events.some(({ kind }) => kind === abi.EV_MESSAGE), name);
      }
    });
  }
}

test.run();
