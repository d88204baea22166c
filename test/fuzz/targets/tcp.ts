// The gateway's TCP port: bytes of strangers, and bytes of a device that holds a key and breaks the rules.

import { connect, type Socket } from 'node:net';
import { concat } from '../../reference/bytes.js';
import { type Direction, seal } from '../../reference/frame.js';
import { helloFrame, proofFrame, writeHello } from '../../reference/handshake.js';
import { schedule } from '../../reference/keys.js';
import { KEY, nonce, openGateway } from '../besieged.js';
import type { Open, Target } from '../target.js';

const CHALLENGE_BYTES = 50;
let strangers = 0;

/** A connection from one of many addresses, so that ports do not run out while closed connections linger. */
export function dial(port: number): Promise<Socket> {
  const n = strangers++;
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: process.platform === 'linux' ? `127.1.${n % 200}.${1 + (n % 250)}` : undefined });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => undefined); // the gateway resets those that it does not want
      resolve(socket);
    });
  });
}

/** Writes it, says no more, and waits until the gateway has closed. */
export function say(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    socket.on('close', () => resolve());
    socket.resume();
    socket.end(bytes);
  });
}

const tcp: Target = {
  name: 'tcp',
  atOnce: 16,
  async open(): Promise<Open> {
    const { gateway, check, port } = await openGateway('tidelock://127.0.0.1:0');
    return {
      feed: async (input) => say(await dial(port), input),
      check,
      close: () => gateway.close({ drain: 0 }),
    };
  },
};

/** A handshake by the reference; then the input as it is, and as type and body of a frame under the right key. */
async function session(port: number, name: string, input: Buffer): Promise<void> {
  const socket = await dial(port);
  const h = writeHello({ version: 1, link: 0, suites: 1, nonce: nonce(), outbox: 1, largest: 512, keyId: 0, identity: Buffer.from(name) });
  socket.write(helloFrame('stream', h));
  const challenge = await new Promise<Buffer>((resolve, reject) => {
    let all = Buffer.alloc(0);
    socket.on('close', () => reject(new Error(`no CHALLENGE for ${name}`)));
    socket.on('data', (bytes: Buffer) => {
      all = Buffer.concat([all, bytes]);
      if (all.length >= CHALLENGE_BYTES) resolve(all);
    });
  });
  const c = challenge.subarray(2, 34);
  const keys = schedule(KEY, h, c);
  const direction: Direction = { link: 'stream', suite: 'sealed', session: c.readUInt32BE(2), keys: keys.toGateway };
  const frame = seal(direction, { counter: 0n, time: 1, type: (input[0] ?? 8) & 0x7f, body: input.subarray(1, 16_384) });
  await say(socket, concat(proofFrame('stream', h, c, keys.deviceProof), frame, input));
}

const tcpSession: Target = {
  name: 'tcp-session',
  atOnce: 16,
  async open(): Promise<Open> {
    const { gateway, check, port, next } = await openGateway('tidelock://127.0.0.1:0');
    return {
      feed: (input) => session(port, `pump-${next()}`, input),
      check,
      close: () => gateway.close({ drain: 0 }),
    };
  },
};

export const targets = [tcp, tcpSession];
