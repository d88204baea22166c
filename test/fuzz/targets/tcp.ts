// The gateway's TCP port: bytes of strangers, and bytes of a device that holds a key and breaks the rules.

import { strict as assert } from 'node:assert';
import { connect, type Socket } from 'node:net';
import { Device } from 'tidelock/device';
import { Gateway } from 'tidelock/gateway';
import { concat } from '../../reference/bytes.js';
import { type Direction, seal } from '../../reference/frame.js';
import { helloFrame, proofFrame, writeHello } from '../../reference/handshake.js';
import { schedule } from '../../reference/keys.js';
import type { Open, Target } from '../target.js';

const KEY = new Uint8Array(32).fill(7);
/** Devices with sessions at once; the last one is the valid client. */
const DEVICES = 16;
const CHALLENGE_BYTES = 50;
const MANY = 1_000_000;
let strangers = 0;

async function openGateway(): Promise<{ gateway: Gateway; check: () => Promise<void>; port: number }> {
  const names = Array.from({ length: DEVICES + 1 }, (_, i) => `pump-${i}`);
  const gateway = await Gateway.listen({
    listen: 'tidelock://127.0.0.1:0',
    devices: Object.fromEntries(names.map((name) => [name, KEY])),
    limits: { helloRate: MANY, helloBurst: MANY, helloRateTotal: MANY, helloBurstTotal: MANY, takeovers: MANY },
  });
  gateway.on('message', () => undefined);
  let heard = '';
  gateway.on('message', (message) => {
    if (message.device === `pump-${DEVICES}`) heard = message.text();
  });
  return {
    gateway,
    port: Number(new URL(gateway.address).port),
    /** A device gets in and is heard; of the strangers nothing is left. */
    async check() {
      const device = new Device({ url: gateway.address, id: `pump-${DEVICES}`, key: KEY });
      const text = `still there ${strangers}`;
      await device.send(text).acknowledged;
      assert.equal(heard, text);
      await device.close();
      for (let i = 0; gateway.counters().halfOpen > 0; i++) {
        assert.ok(i < 10_000, 'half-open connections of strangers that left');
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
  };
}

/** From many addresses, so that ports do not run out while closed connections linger. */
function dial(port: number): Promise<Socket> {
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
function say(socket: Socket, bytes: Uint8Array): Promise<void> {
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
    const { gateway, check, port } = await openGateway();
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
  const h = writeHello({ version: 1, link: 0, suites: 1, nonce: Buffer.from(Array.from({ length: 16 }, () => Math.floor(Math.random() * 256))), outbox: 1, largest: 512, keyId: 0, identity: Buffer.from(name) });
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
  atOnce: DEVICES,
  async open(): Promise<Open> {
    const { gateway, check, port } = await openGateway();
    let next = 0;
    return {
      feed: (input) => session(port, `pump-${next++ % DEVICES}`, input),
      check,
      close: () => gateway.close({ drain: 0 }),
    };
  },
};

export const targets = [tcp, tcpSession];
