/** A time server that says what a test wants, on a real socket. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Clock } from 'tidelock/gateway';
import { decodePacket, encodePacket, type NtpPacket } from '../../dist/host/time/packet.js';
import { toNtp } from '../../dist/host/time/timestamp.js';

export const ip = (text: string): number => Buffer.from(text.split('.').map(Number)).readUInt32BE(0);
export const letters = (text: string): number => Buffer.from(text, 'latin1').readUInt32BE(0);

/** A good answer of a stratum 2 server to `request`, whose clock shows `unix` ms. */
export function goodAnswer(request: NtpPacket, unix: number): NtpPacket {
  return {
    leap: 0, version: request.version, mode: 4, stratum: 2, poll: 6, precision: -20, rootDelay: 0.01, rootDispersion: 0.002, reference: ip('192.0.2.1'),
    updated: toNtp(unix - 30_000), origin: request.transmit, receive: toNtp(unix), transmit: toNtp(unix),
  };
}

export class FakeServer {
  readonly requests: NtpPacket[] = [];
  /** The answers to a request: none, one or several. */
  reply: (request: NtpPacket) => readonly (NtpPacket | Uint8Array)[] = () => [];
  readonly #socket: Socket = createSocket('udp4');

  /** `off`: ms by which its clock is ahead of the test's. */
  static async start(clock: Clock, off = 0): Promise<FakeServer> {
    const server = new FakeServer();
    server.right(clock, off);
    server.#socket.on('message', (bytes, from) => {
      const request = decodePacket(bytes)!;
      server.requests.push(request);
      for (const answer of server.reply(request)) server.#socket.send(answer instanceof Uint8Array ? answer : encodePacket(answer), from.port, from.address);
    });
    server.#socket.bind(0, '127.0.0.1');
    await once(server.#socket, 'listening');
    return server;
  }

  right(clock: Clock, off: number): void {
    this.reply = (request) => [goodAnswer(request, clock.unix() + off)];
  }

  get address(): { host: string; port: number } {
    return { host: '127.0.0.1', port: this.#socket.address().port };
  }

  get text(): string {
    return `127.0.0.1:${this.address.port}`;
  }

  close(): void {
    this.#socket.close();
  }
}
