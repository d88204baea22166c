// The gateway's UDP port: datagrams of strangers, and frames of devices that hold a key and break the rules.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type Direction, seal } from '../../reference/frame.js';
import { helloFrame, proofFrame, writeHello } from '../../reference/handshake.js';
import { schedule } from '../../reference/keys.js';
import type { Open, Target } from '../target.js';
import { type Besieged, KEY, nonce, openGateway } from '../besieged.js';

/** Datagrams over one session; then a new one is begun. */
const FRAMES_A_SESSION = 64;
const CHALLENGE_BYTES = 49;

async function sender(port: number): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('error', () => undefined);
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

/** Sends one and lets the gateway read it: the system may drop what nobody reads. */
async function send(socket: Socket, bytes: Uint8Array, { gateway }: Besieged): Promise<void> {
  const before = gateway.counters().bytesIn;
  await new Promise<void>((resolve) => socket.send(bytes, () => resolve()));
  for (let i = 0; i < 50 && gateway.counters().bytesIn === before; i++) await new Promise((resolve) => setImmediate(resolve));
}

const udp: Target = {
  name: 'udp',
  async open(): Promise<Open> {
    const besieged = await openGateway('tidelock+udp://127.0.0.1:0', 'tidelock+udp');
    const socket = await sender(besieged.port);
    return {
      feed: (input) => send(socket, input, besieged),
      check: besieged.check,
      close: async () => {
        socket.close();
        await besieged.gateway.close({ drain: 0 });
      },
    };
  },
};

interface Session {
  direction: Direction;
  counter: bigint;
}

/** A handshake by the reference. */
async function begin(socket: Socket, name: string): Promise<Session> {
  const h = writeHello({ version: 1, link: 1, suites: 1, nonce: nonce(), outbox: 1, largest: 512, keyId: 0, identity: Buffer.from(name) });
  // A datagram may be lost, on loopback too where nobody reads fast enough; what comes for an earlier session is skipped.
  const c = await new Promise<Buffer>((resolve, reject) => {
    let tries = 0;
    const again = setInterval(() => (tries++ < 50 ? socket.send(helloFrame('datagram', h)) : reject(new Error(`no CHALLENGE for ${name}`))), 200);
    socket.on('message', (bytes) => {
      if (bytes[0] !== 0x82 || bytes.length !== CHALLENGE_BYTES) return;
      clearInterval(again);
      socket.removeAllListeners('message');
      resolve(bytes.subarray(1, 33));
    });
    socket.send(helloFrame('datagram', h));
  });
  const keys = schedule(KEY, h, c);
  await new Promise<void>((resolve) => socket.send(proofFrame('datagram', h, c, keys.deviceProof), () => resolve()));
  return { direction: { link: 'datagram', suite: 'sealed', session: c.readUInt32BE(2), keys: keys.toGateway }, counter: 0n };
}

const udpSession: Target = {
  name: 'udp-session',
  async open(): Promise<Open> {
    const besieged = await openGateway('tidelock+udp://127.0.0.1:0', 'tidelock+udp');
    const socket = await sender(besieged.port);
    let session: Session | undefined;
    return {
      // Its first bytes are type and counter's distance, the rest is the body.
      async feed(input) {
        if (session === undefined || session.counter > BigInt(FRAMES_A_SESSION)) session = await begin(socket, `pump-${besieged.next()}`);
        const ahead = BigInt((input[1] ?? 0) & 3);
        session.counter += 1n + ahead;
        const type = (input[0] ?? 8) & 0x7f;
        await send(socket, seal(session.direction, { counter: session.counter, time: 1, type, body: input.subarray(2, 1_400) }), besieged);
        if ((type & 0x1f) === 20) session = undefined; // CLOSE
      },
      check: besieged.check,
      close: async () => {
        socket.close();
        await besieged.gateway.close({ drain: 0 });
      },
    };
  },
};

export const targets = [udp, udpSession];
