// When delivery waits, goes on, sends again and gives up: outstanding ids, busy, time-outs, and the bounds of datagrams.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { abi } from './engine/engine.js';
import { LINKS, together } from './engine/pair.js';

test('64 messages are outstanding, the 65th waits', () => {
  for (const link of LINKS) {
    const world = together(link);
    for (let i = 0; i < 200; i++) world.sendUp(`u${i}`);
    assert.is(world.deviceOut.highestSent, 64);
    world.gatewayIn.policy = () => 'later';
    world.deliverAll();
    assert.is(world.gatewayIn.waiting.length, 64);
    assert.is(world.deviceOut.highestSent, 64);
    world.gatewayIn.policy = () => abi.ACK_OK;
    world.decideGateway();
    world.deliverAll();
    assert.is(world.gatewayIn.taken.length, 200);
  }
});

test('busy: again after 1 s × random(1..1.5), doubling to 60 s', () => {
  for (const link of LINKS) {
    const world = together(link);
    const asked: number[] = [];
    world.gatewayIn.policy = () => {
      asked.push(world.now);
      return abi.ACK_BUSY;
    };
    world.sendUp('u0');
    world.advance(400_000);
    const waits = asked.slice(1).map((at, i) => at - asked[i]!);
    assert.ok(waits.length >= 8);
    waits.forEach((wait, i) => {
      const least = Math.min(1_000 * 2 ** i, 60_000);
      assert.ok(wait >= least && wait <= least * 1.5 + 250, `wait ${i}: ${wait} ms`);
    });
    world.gatewayIn.policy = () => abi.ACK_OK;
    world.advance(91_000);
    assert.equal(world.gatewayIn.taken, ['u0']);
  }
});

test('what comes after busy is not taken before it', () => {
  const world = together('stream');
  let busy = true;
  world.gatewayIn.policy = (body) => (body === 'u1' && busy ? abi.ACK_BUSY : abi.ACK_OK);
  for (const body of ['u0', 'u1', 'u2', 'u3']) world.sendUp(body);
  world.deliverAll();
  assert.equal(world.gatewayIn.taken, ['u0']);
  busy = false;
  world.advance(2_000);
  assert.equal(world.gatewayIn.taken, ['u0', 'u1', 'u2', 'u3']);
});

test('stream: 30 s without an answer, then again from the lowest', () => {
  const world = together('stream');
  const sent: number[] = [];
  world.onOutput = (side, bytes) => {
    if (side === 'device' && bytes[0] === 0xa8) sent.push(world.now);
  };
  world.gatewayIn.policy = () => 'later';
  world.sendUp('u0');
  world.advance(65_000);
  const gaps = sent.slice(1).map((at, i) => at - sent[i]!);
  assert.equal(gaps.map((gap) => Math.round(gap / 1_000)), [30, 30]);
});

test('datagrams: 2 s × random(1..1.5), doubling, four times, then the link counts as lost', () => {
  const world = together('datagram');
  const sent: number[] = [];
  world.onOutput = (side, bytes) => {
    if (side === 'device' && bytes[0] === 0xa8) sent.push(world.now);
  };
  world.sendUp('u0');
  let down = 0;
  world.advance(100_000, () => {
    world.up = world.up.filter(({ bytes }) => bytes[0] !== 0xa8); // this one never comes
    world.deliverAll();
    down ||= world.log.some(({ side, kind, a }) => side === 'device' && kind === abi.EV_DISCONNECT && a === abi.DOWN_TIMEOUT) ? world.now : 0;
  });
  const first = sent.filter((at) => at < down); // then it connects again
  const gaps = [...first, down].slice(1).map((at, i) => at - [...first, down][i]!);
  assert.is(gaps.length, 5, `${gaps}`);
  gaps.forEach((gap, i) => assert.ok(gap >= 2_000 * 2 ** i && gap <= 3_000 * 2 ** i + 250, `${gaps}`));
});

test('datagrams: what was answered with busy counts anew: silence after it ends the link as silence from the beginning does', () => {
  const world = together('datagram');
  const sent: number[] = [];
  world.onOutput = (side, bytes) => {
    if (side === 'device' && bytes[0] === 0xa8) sent.push(world.now);
  };
  let asked = 0;
  world.gatewayIn.policy = () => {
    asked += 1;
    return abi.ACK_BUSY;
  };
  world.sendUp('u0');
  for (let i = 0; i < 400 && asked < 8; i++) world.advance(1_000);
  assert.is(asked, 8);
  const before = sent.length;
  let down = 0;
  world.advance(400_000, () => {
    world.up = world.up.filter(({ bytes }) => bytes[0] !== 0xa8);
    world.deliverAll();
    down ||= world.log.some(({ side, kind, a }) => side === 'device' && kind === abi.EV_DISCONNECT && a === abi.DOWN_TIMEOUT) ? world.now : 0;
  });
  const times = [...sent.filter((at) => at < down).slice(before), down], gaps = times.slice(1).map((at, i) => at - times[i]!);
  assert.is(gaps.length, 5, `${gaps}`);
  gaps.forEach((gap, i) => assert.ok(gap >= 2_000 * 2 ** i && gap <= 3_000 * 2 ** i + 250, `${gaps}`));
});

test('datagrams: a final refusal is an answer too: the SKIP for it has as many tries as any message', () => {
  const world = together('datagram'), sent: number[] = [];
  let tries = 0, refused = false, down = 0;
  world.onOutput = (side, bytes) => {
    if (side === 'device' && bytes[0] === 0xb5) sent.push(world.now);
  };
  world.gatewayIn.policy = () => {
    refused = true;
    return abi.ACK_REFUSED;
  };
  const lose = (): void => {
    do world.up = world.up.filter(({ bytes }) => bytes[0] !== 0xb5 && (bytes[0] !== 0xa8 || ++tries > 3));
    while (world.deliverUp() || world.deliverDown());
    down ||= world.log.some(({ side, kind, a }) => side === 'device' && kind === abi.EV_DISCONNECT && a === abi.DOWN_TIMEOUT) ? world.now : 0;
  };
  world.sendUp('u0');
  for (let i = 0; i < 100 && !refused; i++) world.advance(1_000, lose);
  assert.is(tries, 4);
  world.advance(200_000, lose);
  const times = [...sent.filter((at) => at < down), down], gaps = times.slice(1).map((at, i) => at - times[i]!);
  assert.is(gaps.length, 5, `${gaps}`);
  gaps.forEach((gap, i) => assert.ok(gap >= 2_000 * 2 ** i && gap <= 3_000 * 2 ** i + 250, `${gaps}`));
});

test('a resend that was not needed is not repeated for ever', () => {
  for (const link of LINKS) {
    const world = together(link);
    let frames = 0;
    world.onOutput = (side, bytes) => {
      if (side !== 'device') return;
      if (link === 'datagram') frames += bytes[0] === 0xa8 ? 1 : 0;
      else for (let at = 0; at < bytes.length; at += bytes[at + 1]! + 21) frames += bytes[at] === 0xa8 ? 1 : 0;
    };
    // The ACKs of the first 64 come only after they were sent again; the next 64 go with the first of them, so that the
    // second ones find messages outstanding.
    for (let i = 0; i < 2_000; i++) world.sendUp(`u${i}`);
    // On datagrams a quarter of them: what no answer came to in time is tried with less.
    const again = link === 'datagram' ? 64 + 16 : 128;
    world.advance(31_000, () => {
      while (frames < again && world.deliverUp());
    });
    assert.ok(frames >= again, 'they were sent again');
    for (let i = 0; i < 100_000 && world.gatewayIn.taken.length < 2_000; i++) {
      world.deliverUp();
      world.deliverDown();
    }
    assert.is(world.gatewayIn.taken.length, 2_000);
    assert.ok(frames < 2_000 * 1.3, `${link}: ${frames} frames for 2,000 messages`);
  }
});

test('datagrams: after a time-out a quarter is sent, all again after an answer', () => {
  const world = together('datagram');
  const sent: number[] = [];
  let arrives = false;
  world.onOutput = (side, bytes) => {
    if (side !== 'device' || bytes[0] !== 0xa8) return;
    if (sent.length === 0 || world.now - sent.at(-2)! > 1_000) sent.push(world.now, 0);
    sent[sent.length - 1]! += 1;
  };
  for (let i = 0; i < 200; i++) world.sendUp(`u${i}`);
  world.advance(40_000, () => {
    arrives ||= sent.length === 8;
    if (!arrives) world.up = world.up.filter(({ bytes }) => bytes[0] !== 0xa8);
    world.deliverAll();
  });
  const bursts = sent.filter((_, i) => i % 2 === 1);
  assert.equal(bursts.slice(0, 3), [64, 16, 4]);
  assert.is(bursts[3], 1 + 199, 'the one that came through lets all others go');
  assert.is(world.gatewayIn.taken.length, 200);
});

test('datagrams: more frames than the truncated counter can tell, both ways', () => {
  const world = together('datagram');
  const bodies = (letter: string) => Array.from({ length: 20_000 }, (_, i) => `${letter}${i}`);
  for (const each of [bodies('u'), bodies('d')]) {
    for (let i = 0; i < each.length; i += 64) {
      for (const body of each.slice(i, i + 64)) if (body[0] === 'u') world.sendUp(body);
      else world.sendDownwards(body);
      world.deliverAll();
      if (i % 1_024 === 0) world.advance(100);
    }
    world.advance(3_000);
  }
  assert.is(world.gatewayIn.taken.length, 20_000);
  assert.is(world.deviceIn.taken.length, 20_000);
});

test('datagrams: at most 2^14 frames beyond the last that was confirmed; a PONG makes room', () => {
  const world = together('datagram');
  const { device, gateway } = world;
  const slot = 0;
  const sides = [
    { send: () => device.send(new Uint8Array(1)), status: () => device.status, counter: () => device.view.getBigUint64(device.slot + abi.S_TX_COUNTER, true) },
    { send: () => gateway.send(slot, [{ id: 0, body: new Uint8Array(1) }]), status: () => gateway.status, counter: () => gateway.view.getBigUint64(gateway.slotAddress(slot) + abi.S_TX_COUNTER, true) },
  ];
  for (const { send, status, counter } of sides) {
    for (let i = 0; i < 20_000 && status() >= 0; i++) send();
    assert.is(status(), abi.E_ROOM);
    assert.is(counter(), 16_384n);
  }
  world.advance(0); // each side PINGs, and is answered
  for (const { send, status, counter } of sides) {
    send();
    assert.ok(status() >= 0);
    assert.ok(counter() > 16_384n);
  }
});

test.run();
