/** A proxy for streams, TCP and what is inside it. It knows nothing of the protocol: chunks come as they were read. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Clock, ClockTimer } from 'tidelock/gateway';
import { reset } from '../support/reset.js';
import type { Fault, Left, Packet, Wire } from './packet.js';

/** What a proxy needs of those who run it. */
export interface ProxyOwner {
  readonly clock: Clock;
  /** The gateway's port, undefined while it is down. */
  target(): number | undefined;
  /** Its address; 127.0.0.1 where it is not given. */
  readonly targetHost?: string;
  restartGateway(): void;
  restartDevice(): void;
}

/** What has come through a proxy so far. */
export interface Traffic {
  /** Chunks and connections, in and out: while it rises, something is going on. */
  moved: number;
  struck: number;
}

export interface Proxy {
  readonly port: number;
  readonly traffic: Traffic;
  close(): Promise<void>;
}

export class StreamProxy implements Proxy {
  readonly traffic: Traffic = { moved: 0, struck: 0 };
  readonly owner: ProxyOwner;
  readonly fault: Fault;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();

  private constructor(server: Server, owner: ProxyOwner, fault: Fault) {
    this.#server = server;
    this.owner = owner;
    this.fault = fault;
  }

  static async open(owner: ProxyOwner, fault: Fault, host = '127.0.0.1'): Promise<StreamProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    const proxy = new StreamProxy(server, owner, fault);
    server.on('connection', (device) => proxy.#accept(device));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(device: Socket): void {
    const port = this.owner.target();
    this.traffic.moved += 1;
    if (port === undefined) {
      device.on('error', () => undefined);
      reset(device);
      return;
    }
    const gateway = connect({ host: this.owner.targetHost ?? '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
    const connection = new Connection(this, device, gateway, () => this.#connections.delete(connection));
    this.#connections.add(connection);
  }
}

/** A device's connection and the one to the gateway that was opened for it. */
class Connection implements Wire {
  readonly datagrams = false;
  readonly #proxy: StreamProxy;
  readonly #device: Socket;
  readonly #gateway: Socket;
  readonly #ways: readonly [Way, Way];
  /** Nobody hears of the other's end. */
  #severed = false;

  constructor(proxy: StreamProxy, device: Socket, gateway: Socket, gone: () => void) {
    this.#proxy = proxy;
    this.#device = device;
    this.#gateway = gateway;
    const { clock } = proxy.owner, { traffic } = proxy;
    this.#ways = [new Way(clock, gateway, traffic), new Way(clock, device, traffic)];
    let open = 2;
    for (const [from, to, way] of [[device, gateway, this.#ways[0]], [gateway, device, this.#ways[1]]] as const) {
      from.on('error', () => undefined);
      from.on('data', (bytes) => {
        traffic.moved += 1;
        if (!this.#severed) way.push(proxy.fault({ toGateway: from === device, bytes, delay: 0 }, this));
      });
      from.on('end', () => {
        if (!this.#severed) way.push([], true);
      });
      from.on('close', (failed) => {
        traffic.moved += 1;
        if (!this.#severed && (failed || !from.readableEnded)) reset(to);
        if (--open === 0) gone();
      });
    }
  }

  now(): number {
    return this.#proxy.owner.clock.now();
  }

  struck(): void {
    this.#proxy.traffic.struck += 1;
  }

  cut(hard: boolean): void {
    this.#sever();
    for (const socket of [this.#device, this.#gateway]) {
      if (hard) reset(socket);
      else socket.end(() => socket.destroy());
    }
  }

  halfOpen(left: Left): void {
    this.#sever();
    if (left === 'device') reset(this.#gateway);
    if (left === 'gateway') reset(this.#device);
  }

  rebind(): void {
    throw new Error('a stream has no address to change');
  }

  restartGateway(): void {
    this.#proxy.owner.restartGateway();
  }

  restartDevice(): void {
    this.#proxy.owner.restartDevice();
  }

  destroy(): void {
    this.#sever();
    this.#device.destroy();
    this.#gateway.destroy();
  }

  #sever(): void {
    this.#severed = true;
    for (const way of this.#ways) way.clear();
  }
}

/** One direction: what waits goes out in order. */
class Way {
  readonly #clock: Clock;
  readonly #to: Socket;
  readonly #traffic: Traffic;
  #waiting: { packet: Packet | undefined; at: number }[] = [];
  #last = -Infinity;
  #timer: ClockTimer | undefined;

  constructor(clock: Clock, to: Socket, traffic: Traffic) {
    this.#clock = clock;
    this.#to = to;
    this.#traffic = traffic;
  }

  /** `end`: the FIN comes behind them. */
  push(packets: Packet[], end = false): void {
    const now = this.#clock.now();
    for (const packet of end ? [...packets, undefined] : packets) {
      const at = Math.max(this.#last, now + (packet?.delay ?? 0));
      this.#last = at;
      this.#waiting.push({ packet, at });
    }
    this.#work();
  }

  clear(): void {
    this.#waiting = [];
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #work(): void {
    if (this.#timer !== undefined) return;
    const now = this.#clock.now();
    for (;;) {
      const first = this.#waiting[0];
      if (first === undefined) return;
      if (first.at > now) {
        this.#timer = this.#clock.after(first.at - now, () => {
          this.#timer = undefined;
          this.#work();
        }, true);
        return;
      }
      this.#waiting.shift();
      this.#traffic.moved += 1;
      const { packet } = first;
      if (!this.#to.writable) continue;
      if (packet === undefined) this.#to.end();
      else if (packet.bytes.length > 0) this.#to.write(packet.bytes);
      packet?.after?.();
    }
  }
}
