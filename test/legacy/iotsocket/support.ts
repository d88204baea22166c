// What the tests of IoTSocket over real sockets share.

import { strict as assert } from 'node:assert';
import type { Socket } from 'node:net';
import { Gateway, type GatewayOptions, type Message } from 'tidelock/gateway';
import { rawSocket, type TestClock, turns, until } from '../../gateway/support.js';
import type { Conversation } from './conversations.js';
import { ACCOUNTS, stamp } from './frames.js';

/** A gateway on loopback that takes IoTSocket on its own port. */
export function listenIotsocket(clock: TestClock | undefined, options: Partial<GatewayOptions> = {}): Promise<Gateway> {
  return Gateway.listen({
    listen: 'tidelock://127.0.0.1:0', devices: {}, legacy: { iotsocket: { devices: ACCOUNTS } }, ...(clock === undefined ? {} : { clock }), ...options,
  });
}

export class Peer {
  closed = false;
  received = '';

  constructor(readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => (this.received += chunk.toString('utf8')));
    socket.on('close', () => (this.closed = true));
    socket.on('end', () => socket.end());
  }

  static async open(url: string): Promise<Peer> {
    return new Peer(await rawSocket(url));
  }

  say(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }
}

/** Runs a conversation against a gateway over sockets. */
export async function converse(gateway: Gateway, clock: TestClock, { steps }: Conversation): Promise<void> {
  const peers: Record<string, Peer> = {};
  const taken: Message[] = [];
  gateway.on('message', (message) => taken.push(message));
  for (const { wait = 0, who = 'a', say, times, taken: wanted = [], closed = false } of steps) {
    const peer = (peers[who] ??= await Peer.open(gateway.address));
    await until('it is connected', () => gateway.counters().open === Object.values(peers).filter((one) => !one.closed).length);
    const before = taken.length, expected = times === undefined ? wanted.length : times;
    for (let i = 0; i < (times ?? 1); i++) {
      if (wait > 0) await clock.advance(wait * 1_000);
      if (say !== undefined) peer.say(say((off = 0) => stamp(clock.unix(), off + i * 0.0001)));
      // Writes that are told apart must not come in one read, nor after the clock has moved.
      if (wait > 0 && times !== undefined) await until('a message', () => taken.length === before + i + 1 || peer.closed);
    }
    await until(`${expected} messages`, () => taken.length >= before + expected || peer.closed);
    if (closed) await until('it is closed', () => peer.closed);
    else await turns(20);
    const got = taken.slice(before);
    if (times === undefined) assert.deepEqual(got.map(({ body }) => Buffer.from(body)), wanted.map((body) => Buffer.from(body)));
    else assert.equal(got.length, times);
    assert.ok(got.every(({ trust }) => trust === 'none'));
    assert.equal(peer.closed, closed, closed ? 'it stays open' : 'it was closed');
    assert.equal(peer.received, '', 'a byte came from the gateway');
  }
  for (const { socket } of Object.values(peers)) socket.destroy();
}
