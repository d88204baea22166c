/**
 * Scenes of a device and its gateway, drawn from a seed: what happens, and when. The Node package's device plays them, and every command
 * that the C client needs to play the same is written down, with what Node's put out.
 */
import * as assert from 'uvu/assert';
import { abi } from '../core/engine/engine.js';
import { NodeDevice } from './node-device.js';
import { Peer } from './peer.js';
import type { Answer } from './script.js';

export const LINKS = [['a stream', 0], ['datagrams', abi.LINK_DATAGRAM]] as const;
export const SUITES = [['sealed', abi.SUITE_SEALED], ['signed', abi.SUITE_SIGNED], ['signed-8', abi.SUITE_SIGNED_8]] as const;
export const STEPS = 300;

class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }

  below(n: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * n);
  }

  bytes = (n: number): Uint8Array => Uint8Array.from({ length: n }, () => this.below(256) || 1);
}

export interface Played {
  device: NodeDevice;
  peer: Peer;
}

/** A scene of `steps` things that happen, all drawn from the seed. */
export async function play(seed: number, link: number, suites: number, steps: number): Promise<Played> {
  const dice = new Dice(seed);
  let now = 1_000;
  const device = await NodeDevice.start({ link, suites }, now, dice.bytes);
  const peer = new Peer(link, now, { random: () => dice.bytes(24) });
  const datagrams = (link & abi.LINK_DATAGRAM) !== 0;
  let serial = 0;
  const body = (): Buffer => Buffer.concat([Buffer.from(`${serial++} `), Buffer.alloc(dice.below(dice.below(4) === 0 ? 200 : 20), 46)]);
  const deliver = (): void => {
    for (const bytes of device.out.splice(0)) if (!datagrams || dice.below(10) > 0) peer.receive(bytes, now);
    const down = peer.toDevice.splice(0);
    for (const bytes of down) if (device.linked && (!datagrams || dice.below(10) > 0)) device.receive(bytes, now);
    if (!device.linked && !datagrams) peer.unlink();
  };
  const actions: (() => void)[] = [
    () => device.send(body(), dice.below(2) ? 'report' : 'repeat', now),
    () => device.send(body(), 'report', now),
    () => device.post(body(), now),
    () => peer.send(body(), now),
    () => peer.post(body(), now),
    () => device.say([abi.ACK_OK, abi.ACK_OK, abi.ACK_REFUSED, abi.ACK_NO_TARGET, abi.ACK_BUSY][dice.below(5)]!),
    () => {
      const status = [abi.ACK_OK, abi.ACK_OK, abi.ACK_OK, abi.ACK_BUSY, abi.ACK_REFUSED][dice.below(5)]!;
      peer.verdict = () => status;
    },
    () => {
      if (dice.below(4) > 0 || !device.linked) return;
      if (dice.below(2)) peer.forget();
      device.lost(now);
      if (!datagrams) peer.unlink();
    },
    () => (dice.below(6) === 0 ? peer.close(abi.CLOSE_GOING_AWAY, now) : undefined),
    () => (dice.below(6) === 0 && device.isOnline ? device.clockLost(now) : undefined),
    () => { // a byte of a frame is turned
      const bytes = peer.toDevice.pop();
      if (bytes && dice.below(3) === 0) bytes[dice.below(bytes.length)]! ^= 1 << dice.below(8);
      if (bytes) peer.toDevice.push(bytes);
    },
  ];
  for (let step = 0; step < steps; step++) {
    if (device.wantsLink) {
      peer.link(now);
      device.connected(now);
    }
    actions[dice.below(actions.length)]!();
    deliver();
    const wait = device.poll(now);
    peer.tick(now);
    deliver();
    now += Math.min(wait, dice.below(dice.below(5) === 0 ? 20_000 : 300) + 1);
  }
  device.stop(now);
  return { device, peer };
}

/** The C client's answers are, command by command, the bytes that Node's device put out. */
export function sameBytes({ device, peer }: Played, answers: readonly Answer[], link: number, seed: number): void {
  assert.is(answers.length, device.commands.length, `seed ${seed}: every command was answered`);
  let bytes = 0;
  for (const [i, { output }] of answers.entries()) {
    // On a stream only the bytes count, not in how many pieces they were taken.
    const [wanted, got] = [device.outputs[i]!, output].map((pieces) => (link ? pieces : [pieces.filter((it) => it !== '-').join('')]));
    assert.equal(got, wanted, `seed ${seed}, command ${i}: ${device.commands[i]!.slice(0, 120)}`);
    bytes += wanted!.join('').length / 2;
  }
  assert.ok(bytes > 2_000 && peer.taken.length > 10, `seed ${seed}: ${bytes} bytes, ${peer.taken.length} messages`);
}
