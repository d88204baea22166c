/** What the tests of gateway and device share: a clock of their own, waiting without time, a relay between the two. */
import { randomBytes } from 'node:crypto';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { test as uvuTest } from 'uvu';
import { Device, type DeviceOptions, type DeviceState } from 'tidelock/device';
import { Gateway, type Clock, type ClockTimer, type GatewayOptions } from 'tidelock/gateway';
import { reset } from '../support/reset.js';

/**
 * uvu's `test`, for tests in which a TidelockError may be thrown: uvu takes `details` of an error for a text,
 * fails at it, and then ends the file in silence.
 */
export function test(name: string, handler: () => Promise<void> | void): void {
  uvuTest(name, async () => {
    try {
      await handler();
    } catch (error) {
      if (typeof (error as { details?: unknown } | undefined)?.details !== 'object') throw error;
      const { message, stack } = error as Error;
      throw Object.assign(new Error(message, { cause: error }), { stack });
    }
  });
}
test.run = (): void => uvuTest.run();

interface Timer {
  at: number;
  run: () => void;
}

/** Time that stands still until the test moves it. */
export class TestClock implements Clock {
  /** Work outside this thread that time must wait for: fulfilled once all that was asked of it is done. */
  settle: () => Promise<unknown> = () => Promise.resolve();
  #now = 1_000_000;
  #unix = Date.UTC(2026, 0, 1);
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  unix(): number {
    return this.#unix;
  }

  after(ms: number, run: () => void): ClockTimer {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** ms until the next timer; Infinity: there is none. */
  get untilNext(): number {
    let next = Infinity;
    for (const { at } of this.#timers) next = Math.min(next, at);
    return Math.max(0, next - this.#now);
  }

  /** Runs every timer that falls due, in order, and lets the sockets settle after each step. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      let next: Timer | undefined;
      for (const timer of this.#timers) if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer;
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#move(Math.max(this.#now, next.at));
      next.run();
      await turns(2);
    }
    this.#move(end);
    await turns(2);
    await this.settle();
  }

  /** The wall clock alone is set, or ran on through a suspend. */
  step(ms: number): void {
    this.#unix += ms;
  }

  #move(to: number): void {
    this.#unix += to - this.#now;
    this.#now = to;
  }
}

/** Lets the event loop turn. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits for something that the sockets bring about. The limit is for a hang, not for a slow machine. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const started = Date.now();
  while (!condition()) {
    if (Date.now() - started > 30_000) throw new Error(`never came: ${what}`);
    await turns(1);
  }
}

/**
 * Moves the clock on until something has come; at most `most` ms of its time. `device`: only while it waits for its next
 * try, because the round trips of a handshake are measured by this clock.
 */
export async function advanceUntil(clock: TestClock, what: string, condition: () => boolean, device?: Device, most = 600_000): Promise<void> {
  const started = Date.now();
  for (let passed = 0; !condition(); ) {
    if (passed > most || Date.now() - started > 60_000) throw new Error(`never came in ${passed} ms: ${what}`);
    if (device === undefined || device.state.name === 'waiting') {
      await clock.advance(100);
      passed += 100;
    }
    for (let i = 0; i < 20 && !condition(); i++) await turns(1);
    await clock.settle();
  }
}

export const KEY = randomBytes(32);

export interface Pair {
  gateway: Gateway;
  device: Device;
  states: DeviceState[];
}

/** A volatile gateway on loopback that knows `pump-7`. */
export function listen(options: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const keys = options.registry === undefined && options.lookup === undefined ? { devices: options.devices ?? { 'pump-7': KEY } } : {};
  return Gateway.listen({ listen: 'tidelock://127.0.0.1:0', ...keys, ...options });
}

export function makeDevice(gateway: Gateway | string, options: Partial<DeviceOptions> = {}): Device {
  const url = typeof gateway === 'string' ? gateway : gateway.address;
  return new Device({ url, id: 'pump-7', key: KEY, ...options });
}

/** A gateway and a device that is online. */
export async function pair(gatewayOptions: Partial<GatewayOptions> = {}, deviceOptions: Partial<DeviceOptions> = {}): Promise<Pair> {
  const gateway = await listen(gatewayOptions);
  const device = makeDevice(gateway, deviceOptions);
  const states: DeviceState[] = [];
  device.on('state', (state) => states.push(state));
  await device.online();
  await until('the device is online at the gateway', () => gateway.device(device.id) !== undefined);
  return { gateway, device, states };
}

export async function closeAll(...things: ({ close(options?: { drain?: number }): Promise<void> } | undefined)[]): Promise<void> {
  for (const thing of things) await thing?.close({ drain: 0 });
}

/** The code with which a promise is rejected; 'fulfilled' if it is not. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'fulfilled';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

export function portOf(url: string): number {
  return Number(new URL(url).port);
}

/** A raw connection; it is opened when this is fulfilled. */
export function rawSocket(url: string, options: { localAddress?: string; allowHalfOpen?: boolean } = {}): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: portOf(url), ...options });
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => undefined);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** Stands between a device and a gateway and does to their bytes what a test asks for. */
export class Relay {
  readonly url: string;
  connections = 0;
  /** Chunks that came from each side, as they were read. */
  toGateway: Buffer[] = [];
  toDevice: Buffer[] = [];
  /** What to do with a chunk; undefined: it is lost. */
  filterToGateway: (chunk: Buffer) => Buffer | undefined = (chunk) => chunk;
  filterToDevice: (chunk: Buffer) => Buffer | undefined = (chunk) => chunk;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #fromGateway = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    this.url = `tidelock://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async to(url: () => string): Promise<Relay> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const relay = new Relay(server);
    server.on('connection', (device) => relay.#join(device, connect({ host: '127.0.0.1', port: portOf(url()), allowHalfOpen: true })));
    return relay;
  }

  /** Both links are lost at once. */
  cut(): void {
    for (const socket of this.#sockets) reset(socket);
  }

  /** Stops, or goes on, reading what the gateway sends. */
  readGateway(on: boolean): void {
    for (const socket of this.#fromGateway) {
      if (on) socket.resume();
      else socket.pause();
    }
  }

  /** Sends bytes to the gateway, or a FIN to one side, whatever the other does. */
  inject(bytes: Buffer): void {
    for (const socket of this.#fromGateway) socket.write(bytes);
  }

  finToGateway(): void {
    for (const socket of this.#fromGateway) socket.end();
  }

  finToDevice(): void {
    for (const socket of this.#sockets) if (!this.#fromGateway.has(socket)) socket.end();
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #join(device: Socket, gateway: Socket): void {
    this.connections += 1;
    this.#fromGateway.add(gateway);
    gateway.on('close', () => this.#fromGateway.delete(gateway));
    for (const [from, to] of [[device, gateway], [gateway, device]] as const) {
      this.#sockets.add(from);
      from.on('error', () => undefined);
      from.on('data', (chunk) => {
        (from === device ? this.toGateway : this.toDevice).push(chunk);
        const passed = (from === device ? this.filterToGateway : this.filterToDevice)(chunk);
        if (passed !== undefined) to.write(passed);
      });
      from.on('end', () => to.end());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
