/** Stands between one device and a gateway on UDP: loses, repeats and holds back datagrams, and is a NAT that forgets its ports. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { portOf } from '../gateway/support.js';

export class UdpRelay {
  /** Datagrams that came from each side. */
  toGateway: Buffer[] = [];
  toDevice: Buffer[] = [];
  /** What goes on instead of a datagram: none, itself, or several. */
  up: (datagram: Buffer) => Buffer[] = (datagram) => [datagram];
  down: (datagram: Buffer) => Buffer[] = (datagram) => [datagram];
  readonly #inside: Socket;
  #outside: Socket;
  #device: RemoteInfo | undefined;
  readonly #port: number;
  readonly #old: Socket[] = [];

  private constructor(inside: Socket, outside: Socket, port: number) {
    this.#inside = inside;
    this.#outside = outside;
    this.#port = port;
    inside.on('message', (datagram, from) => {
      this.#device = from;
      this.toGateway.push(datagram);
      for (const each of this.up(datagram)) this.#outside.send(each, this.#port, '127.0.0.1');
    });
    this.#listen(outside);
  }

  static async to(url: string): Promise<UdpRelay> {
    return new UdpRelay(await bound(), await bound(), portOf(url));
  }

  get url(): string {
    return `tidelock+udp://127.0.0.1:${this.#inside.address().port}`;
  }

  /** The port that the gateway sees. */
  get outsidePort(): number {
    return this.#outside.address().port;
  }

  /** The device has another port from now on; what comes for the old one is lost. */
  async rebind(): Promise<void> {
    this.#old.push(this.#outside);
    this.#outside.removeAllListeners('message');
    this.#outside = await bound();
    this.#listen(this.#outside);
  }

  /** To the gateway, from the port of now. */
  inject(datagram: Buffer): void {
    this.#outside.send(datagram, this.#port, '127.0.0.1');
  }

  close(): void {
    for (const socket of [this.#inside, this.#outside, ...this.#old]) socket.close();
  }

  #listen(outside: Socket): void {
    outside.on('message', (datagram) => {
      this.toDevice.push(datagram);
      if (this.#device === undefined) return;
      for (const each of this.down(datagram)) this.#inside.send(each, this.#device.port, this.#device.address);
    });
  }
}

/** A socket with a port of its own on loopback. */
export async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket;
}
