/**
 * Mutated datagrams at a real UDP port, while a device holds a session there: nothing of them is taken, makes a session,
 * moves one, or is answered with more than came.
 *
 *   node --import tsx test/fuzz/udp.ts [--runs 1000000] [--seed N]
 */
import { randomInt } from 'node:crypto';
import type { Socket } from 'node:dgram';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Device } from 'tidelock/device';
import { Gateway } from 'tidelock/gateway';
import { until } from '../gateway/support.js';
import { bound, UdpRelay } from '../transport/udp-relay.js';

const KEY = Buffer.alloc(32, 0x33);
const FREELY = { helloRate: 1e6, helloBurst: 1e6, helloRateTotal: 1e6, helloBurstTotal: 1e6 };
const BODIES = ['21.5', 'x'.repeat(3_000)];
/** Sent before the gateway is waited for: less than a socket's buffer holds. */
const BURST = 32;

/** A generator that a seed sets: the same inputs on every run. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function mutate(random: (below: number) => number, from: Buffer): Buffer {
  let bytes = Buffer.from(from);
  for (let i = 0; i <= random(3); i++) {
    const at = random(Math.max(1, random(2) === 0 ? Math.min(bytes.length, 12) : bytes.length));
    switch (random(6)) {
      case 0:
      case 1: bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8)); break;
      case 2: bytes[at] = random(256); break;
      case 3: bytes = bytes.subarray(0, at); break;
      case 4: bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(random(40), random(256)), bytes.subarray(at)]); break;
      case 5: bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(9))]); break;
    }
  }
  return bytes;
}

export interface UdpFuzz {
  inputs: number;
  /** What went wrong. */
  failures: string[];
  refused: Record<string, number>;
}

export async function fuzzUdp(runs: number, seed: number): Promise<UdpFuzz> {
  const failures: string[] = [], random = generator(seed);
  const gateway = await Gateway.listen({ devices: { 'pump-7': KEY }, listen: 'tidelock+udp://127.0.0.1:0', limits: FREELY });
  gateway.on('message', (message) => {
    if (!BODIES.includes(message.text())) failures.push(`a message that nobody sent: ${message.text().slice(0, 40)}`);
  });
  gateway.on('error', (error) => failures.push(`error: ${String(error)}`));
  const relay = await UdpRelay.to(gateway.address);
  const device = new Device({ url: relay.url, id: 'pump-7', key: Buffer.from(KEY) });
  for (const body of BODIES) await device.send(body).acknowledged;
  const corpus = [...relay.toGateway];
  const stranger = await bound();
  let answered = 0;
  stranger.on('message', (bytes) => void (answered += bytes.length));
  const { port } = new URL(gateway.address.replace('tidelock+udp:', 'http:'));
  const { address } = gateway.device('pump-7')!;
  let sent = 0, inputs = 0;
  while (inputs < runs && failures.length === 0) {
    const before = gateway.counters().bytesIn;
    let burst = 0;
    for (let i = 0; i < BURST && inputs < runs; i++, inputs++) {
      const bytes = random(16) === 0 ? randomOf(random) : mutate(random, corpus[random(corpus.length)]!);
      burst += bytes.length;
      // As the device's own address, or as anybody.
      if (random(4) === 0) relay.inject(bytes);
      else {
        sent += bytes.length;
        send(stranger, bytes, Number(port));
      }
    }
    await until('they have come', () => gateway.counters().bytesIn >= before + burst);
  }
  const { open, sessions } = gateway.counters();
  if (open !== 1 || sessions !== 1) failures.push(`${sessions} sessions, ${open} open`);
  if (answered > sent) failures.push(`${answered} bytes answered ${sent}`);
  if (gateway.device('pump-7')?.address !== address) failures.push('the session has moved');
  await device.send(BODIES[0]!).acknowledged;
  const { refused } = gateway.counters();
  await device.close();
  await gateway.close();
  relay.close();
  stranger.close();
  return { inputs, failures, refused };
}

const randomOf = (random: (below: number) => number): Buffer => Buffer.from(Array.from({ length: random(200) }, () => random(256)));

function send(socket: Socket, bytes: Buffer, port: number): void {
  socket.send(bytes, port, '127.0.0.1');
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({ options: { runs: { type: 'string', default: '1000000' }, seed: { type: 'string' } } });
  const seed = values.seed === undefined ? randomInt(1, 2 ** 31) : Number(values.seed);
  const { inputs, failures, refused } = await fuzzUdp(Number(values.runs), seed);
  console.log(`${inputs} datagrams, seed ${seed}`);
  console.log(Object.entries(refused).filter(([, count]) => count > 0).map(([reason, count]) => `${reason} ${count}`).join(', '));
  for (const failure of failures) console.error(`failed: ${failure}`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}
