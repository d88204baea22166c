/**
 * A proxy for datagrams: as a NAT does, it gives each device a port of its own towards the gateway. `rebind` gives it
 * another; what still comes to the old one is lost.
 */
import { createSocket, type Socket } from 'node:dgram';
import type { Fault, Packet, Wire } from './packet.js';
import type { Proxy, ProxyOwner, Traffic } from './stream-proxy.js';

export class DatagramProxy implements Proxy {
  readonly traffic: Traffic = { moved: 0, struck: 0 };
  readonly owner: ProxyOwner;
  readonly fault: Fault;
  readonly #inside: Socket;
  readonly #paths = new Map<string, Path>();
  #closed = false;

  private constructor(inside: Socket, owner: ProxyOwner, fault: Fault) {
    this.#inside = inside;
    this.owner = owner;
    this.fault = fault;
  }

  static async open(owner: ProxyOwner, fault: Fault, host = '127.0.0.1'): Promise<DatagramProxy> {
    const inside = await bound(host);
    const proxy = new DatagramProxy(inside, owner, fault);
    inside.on('message', (bytes, { address, port }) => proxy.#receive(bytes, address, port));
    return proxy;
  }

  get port(): number {
    return this.#inside.address().port;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const path of this.#paths.values()) path.close();
    await new Promise<void>((resolve) => this.#inside.close(() => resolve()));
  }

  #receive(bytes: Buffer, address: string, port: number): void {
    const name = `${address}:${port}`;
    let path = this.#paths.get(name);
    if (path === undefined) {
      path = new Path(this, (answer) => {
        if (!this.#closed) this.#inside.send(answer, port, address);
      });
      this.#paths.set(name, path);
    }
    path.pass(bytes, true);
  }
}

/** The way of one device's datagrams. */
class Path implements Wire {
  readonly datagrams = true;
  readonly #proxy: DatagramProxy;
  readonly #toDevice: (bytes: Buffer) => void;
  #outside: Promise<Socket>;
  #closed = false;

  constructor(proxy: DatagramProxy, toDevice: (bytes: Buffer) => void) {
    this.#proxy = proxy;
    this.#toDevice = toDevice;
    this.#outside = this.#open();
  }

  pass(bytes: Buffer, toGateway: boolean): void {
    const { traffic, fault, owner } = this.#proxy;
    traffic.moved += 1;
    for (const packet of fault({ toGateway, bytes, delay: 0 }, this)) {
      if (packet.delay <= 0) this.#send(packet);
      else owner.clock.after(packet.delay, () => this.#send(packet), true);
    }
  }

  now(): number {
    return this.#proxy.owner.clock.now();
  }

  struck(): void {
    this.#proxy.traffic.struck += 1;
  }

  cut(): void {
    throw new Error('datagrams have no connection to cut');
  }

  halfOpen(): void {
    throw new Error('datagrams have no connection that could be half open');
  }

  rebind(): void {
    void this.#outside.then((socket) => socket.close());
    this.#outside = this.#open();
  }

  restartGateway(): void {
    this.#proxy.owner.restartGateway();
  }

  restartDevice(): void {
    this.#proxy.owner.restartDevice();
  }

  close(): void {
    this.#closed = true;
    void this.#outside.then((socket) => socket.close());
  }

  #open(): Promise<Socket> {
    const outside = bound('0.0.0.0');
    void outside.then((socket) => socket.on('message', (bytes) => this.pass(bytes, false)));
    return outside;
  }

  #send(packet: Packet): void {
    const { traffic, owner } = this.#proxy;
    if (this.#closed) return;
    if (!packet.toGateway) {
      traffic.moved += 1;
      this.#toDevice(packet.bytes);
      packet.after?.();
      return;
    }
    void this.#outside.then((socket) => {
      const port = owner.target();
      traffic.moved += 1;
      if (port !== undefined && !this.#closed) socket.send(packet.bytes, port, owner.targetHost ?? '127.0.0.1', () => packet.after?.());
      else packet.after?.();
    });
  }
}

async function bound(host: string): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('error', () => undefined); // what can't be sent is lost, as anywhere in a network
  await new Promise<void>((resolve) => socket.bind(0, host, resolve));
  return socket;
}
