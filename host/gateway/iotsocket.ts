/** IoTSocket at the gateway: where its connections, keys, messages and pushes meet the gateway's own. */
import type { Connection } from '../legacy/iotsocket/connection.js';
import { iotsocketKey } from '../legacy/iotsocket/key.js';
import type { IotsocketSetup } from '../legacy/iotsocket/options.js';
import { IotsocketServer, type IotsocketFound, type IotsocketHost } from '../legacy/iotsocket/server.js';
import type { Clock } from '../clock.js';
import type { Registry } from '../registry/types.js';
import type { Address } from '../transport/address.js';
import type { Acceptor, DatagramAcceptor } from '../transport/link.js';
import type { Newcomer } from '../transport/newcomer.js';
import { StreamLink } from '../transport/stream-link.js';
import type { Engine } from './engine.js';
import { LOOKUPS_FULL, LookupKeys, TableKeys, type Found, type Keys } from './keys.js';
import { GatewayMessage } from './message.js';
import type { ConnectedDevice } from './types.js';
import { UnacknowledgedUp } from './unacknowledged.js';

export class IotsocketSide implements IotsocketHost {
  readonly clock: Clock;
  readonly #engine: Engine;
  readonly #registry: Registry | undefined;
  readonly #keys: Keys | undefined;
  readonly #server: IotsocketServer;
  /** With a registry, unless messages go through to a broker: into the inbox, as everything that is kept. */
  readonly #up: UnacknowledgedUp | undefined;

  constructor(engine: Engine, { devices, lookup, rate, queue }: IotsocketSetup, registry: Registry | undefined) {
    this.clock = engine.clock;
    this.#engine = engine;
    this.#registry = registry;
    if (registry !== undefined && engine.through === undefined) this.#up = new UnacknowledgedUp(engine, registry);
    if (devices !== undefined) {
      this.#keys = new TableKeys(new Map(Array.from(devices, ([identity, key]) => [identity, iotsocketKey(identity, key)])));
    } else if (lookup !== undefined) {
      const digests = async (identity: string): Promise<Uint8Array | undefined> => {
        const key = await lookup(identity);
        return key === undefined ? undefined : iotsocketKey(identity, key);
      };
      this.#keys = new LookupKeys(digests, engine.limits, engine.clock);
    }
    this.#server = new IotsocketServer(this, rate, queue);
  }

  /** A connection in ASCII. `secure`: only inside TLS. */
  #accept(newcomer: Newcomer, first: Buffer, secure: boolean): void {
    if (this.#server.closing || (secure && !newcomer.secure)) {
      newcomer.reject(this.#server.closing ? 'going away' : 'no TLS, where it is a must');
      return;
    }
    const link = new StreamLink(newcomer.socket, newcomer.secure ? 'tls' : 'tcp', this.#engine.totals);
    this.#server.accept(link, newcomer, first);
    link.resume();
  }

  /** On the ports that the gateway has anyhow. */
  share(acceptor: Acceptor, secure: boolean): void {
    acceptor.ascii = (newcomer, first) => this.#accept(newcomer, first, secure);
  }

  /** For ports of its own: nothing else is spoken there. */
  acceptor(secure: boolean): DatagramAcceptor {
    const { entrance } = this.#engine;
    return {
      totals: entrance.totals,
      ascii: (newcomer, first) => this.#accept(newcomer, first, secure),
      admit: (newcomer) => entrance.admit(newcomer),
      accept: (link, newcomer) => {
        newcomer?.reject('another protocol');
        link.destroy();
      },
      proved: (newcomer) => entrance.proved(newcomer),
      left: (newcomer) => entrance.left(newcomer),
      turnedAway: (address, reason, detail) => entrance.turnedAway(address, reason, detail),
      failed: (error) => entrance.failed(error),
      // No address of this protocol is a port of datagrams.
      byNumber: entrance.byNumber,
      mayHello: () => false,
      hasRoom: () => false,
      expect: (link) => link.destroy(),
      lost: () => {},
    };
  }

  // ---- What the gateway asks for ----

  /** Does this identity speak IoTSocket, as far as is known here? */
  speaks(identity: string): boolean {
    if (this.#registry !== undefined) return this.#registry.protocol(identity) === 'iotsocket';
    return this.#server.get(identity) !== undefined || (this.#keys instanceof TableKeys && this.#keys.find(identity, 0) !== undefined);
  }

  /** Undefined: not connected. False: too many wait. Throws IOTSOCKET_BODY. */
  post(identity: string, body: Uint8Array): boolean | undefined {
    const connection = this.#server.get(identity);
    if (connection === undefined) return undefined;
    const taken = connection.push(Uint8Array.from(body));
    if (taken) this.#engine.posted += 1;
    return taken;
  }

  *devices(): IterableIterator<ConnectedDevice> {
    for (const connection of this.#server.connections()) yield describe(connection);
  }

  device(identity: string): ConnectedDevice | undefined {
    const connection = this.#server.get(identity);
    return connection && describe(connection);
  }

  disconnect(identity: string, reason: string): boolean {
    return this.#server.disconnect(identity, reason);
  }

  /** Keys have changed, of one identity or all. */
  async refresh(identity?: string): Promise<void> {
    this.#keys?.forget(identity);
    const connected = identity === undefined ? [...this.#server.connections()] : [this.#server.get(identity)].filter((one) => one !== undefined);
    await Promise.all(connected.map(async (connection) => {
      if ((await this.#find(connection.id)) === undefined) connection.close('disabled');
    }));
  }

  get online(): number {
    return this.#server.online;
  }

  tick(now: number): void {
    this.#server.tick(now);
  }

  /** Messages on their way into the inbox. */
  get undecided(): boolean {
    return this.#up?.undecided === true;
  }

  /** Messages that did not get there. */
  get unkept(): number {
    return this.#up?.dropped ?? 0;
  }

  async close(): Promise<void> {
    this.#server.close();
    await this.#up?.close();
  }

  // ---- What its connections tell ----

  find(identity: string): IotsocketFound | Promise<IotsocketFound> {
    const found = this.#find(identity);
    if (found === LOOKUPS_FULL) return 'busy';
    if (!(found instanceof Promise)) return found;
    this.#engine.lookups += 1;
    return found.then((key) => (key === LOOKUPS_FULL ? 'busy' : key));
  }

  #find(identity: string): Found | Promise<Found> {
    return this.#keys === undefined ? this.#registry!.find(identity, 0, 'iotsocket') : this.#keys.find(identity, 0);
  }

  message(connection: Connection, chunk: Buffer, start: number, end: number, time: number): void {
    this.#engine.received += 1;
    const engine = this.#engine, message = new GatewayMessage(connection.id, time, 0, 0, 0, chunk, start, end, trustOf(connection));
    if (this.#up === undefined) engine.deliver(message);
    else this.#up.take(message);
  }

  connected(connection: Connection): void {
    const engine = this.#engine, device = describe(connection);
    engine.sessions += 1;
    engine.log.logger?.info({ device: device.id, address: device.address, protocol: device.protocol, session: device.session }, 'device online');
    engine.deviceChanged({ ...device, online: true, reason: '' });
  }

  gone(connection: Connection, reason: string, lost: number): void {
    const engine = this.#engine, device = describe(connection);
    engine.dropped += lost;
    engine.log.logger?.info({ device: device.id, address: device.address, session: device.session, reason }, 'device offline');
    engine.deviceChanged({ ...device, online: false, reason });
  }

  refused(connection: Connection, reason: string, off: number): void {
    this.#engine.refuse({ reason, device: connection.id, address: connection.address, type: 0, id: 0, off });
  }

  drain(device: string): void {
    this.#engine.drained({ id: device });
  }

  lookupFailed(identity: string, error: unknown): void {
    this.#engine.lookupFailed(identity, error);
  }
}

/** Addresses of ports that speak without TLS too, and of those that do not. */
export function split(addresses: readonly Address[]): { plain: Address[]; secure: Address[] } {
  const plain = addresses.filter(({ host, port }) => addresses.some((other) => other.kind === 'tcp' && other.host === host && other.port === port));
  return { plain, secure: addresses.filter((address) => address.kind === 'tls' && !plain.includes(address)) };
}

function trustOf({ kind }: Connection): 'tls' | 'none' {
  return kind === 'tls' ? 'tls' : 'none';
}

function describe({ id, address, kind, session, since }: Connection): ConnectedDevice {
  return { id, address, link: kind, protocol: 'iotsocket', suite: 'none', session, since };
}
