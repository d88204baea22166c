/** The gateway as an application uses it. */
import { EventEmitter } from 'node:events';
import { CLOSE_BUSY, CLOSE_DISABLED, CLOSE_GOING_AWAY, CLOSE_NORMAL, DATA, DELIVER } from '../../assembly/abi.js';
import { isIdentity, quoteIdentity } from '../core/index.js';
import { deliverBody } from '../core/topic.js';
import { emitError, emitSafely, Subscribers } from '../delivery/subscribers.js';
import { TidelockError } from '../errors.js';
import { iotsocketUrl } from '../legacy/iotsocket/address.js';
import { closeName, refusalCounts } from '../names.js';
import { LARGEST_ACKNOWLEDGED, LARGEST_BODY, badOption, bytesOf, checkInteger, checkTopic, checkTrust } from '../options.js';
import type { DatabaseState, DeviceEvent } from '../registry/types.js';
import type { Listener } from '../transport/link.js';
import { openListeners } from '../transport/open.js';
import type { TlsCertificate } from '../transport/tls/server.js';
import type { AttachedBridge } from './bridge-types.js';
import { Certificate } from './certificate.js';
import type { DiscoveryResponder } from '../discovery/responder.js';
import { startDiscovery } from './discovery.js';
import { Engine } from './engine.js';
import type { EngineEvents } from './engine-events.js';
import { DoneMarks, InboxReader } from './inbox.js';
import { IotsocketSide, split } from './iotsocket.js';
import { checkGatewayOptions, type GatewaySetup } from './options.js';
import { Sender } from './sender.js';
import { Passing, type PassingHandler } from './passing.js';
import { GatewayTime, NO_TIME } from './time.js';
import type {
  CloseOptions, ConnectedDevice, DisconnectOptions, GatewayApi, GatewayCounters, GatewayEvents, GatewayOptions, InboxMessage,
  MessageHandler, MessagesOptions, Sending, SendOptions, TopicOptions,
} from './types.js';

const DRAIN_MS = 5_000;
const LONGEST_RETRY_S = 300;
const REASONS = { normal: CLOSE_NORMAL, 'going away': CLOSE_GOING_AWAY, busy: CLOSE_BUSY, disabled: CLOSE_DISABLED } as const;

export class Gateway extends EventEmitter<GatewayEvents> implements GatewayApi {
  readonly #setup: GatewaySetup;
  readonly #subscribers: Subscribers<MessageHandler>;
  #engine!: Engine;
  #sender!: Sender;
  #marks: DoneMarks | undefined;
  readonly #readers = new Set<InboxReader>();
  #listeners: Listener[] = [];
  #bridge: AttachedBridge | undefined;
  #certificate: Certificate | undefined;
  #time: GatewayTime | undefined;
  #discovery: DiscoveryResponder | undefined;
  readonly #iotsocket: Listener[] = [];
  #closing: Promise<void> | undefined;
  #settled: (() => void) | undefined;
  #hurry = false;

  /** Fulfilled when every listener stands. Rejected with PORT_IN_USE, PORT_FORBIDDEN, LISTEN_FAILED, BAD_OPTION, … */
  static async listen(options: GatewayOptions): Promise<Gateway> {
    const gateway = new Gateway(checkGatewayOptions(options));
    await gateway.#listen();
    return gateway;
  }

  private constructor(setup: GatewaySetup) {
    super();
    this.#setup = setup;
    this.#subscribers = new Subscribers<MessageHandler>(this, 'message');
  }

  async #listen(): Promise<void> {
    const { signal, addresses, registry, tls, clock, logger } = this.#setup;
    signal?.throwIfAborted();
    this.#engine = await Engine.load(this.#setup, this.#events(), this.#subscribers);
    this.#engine.passing = new Passing(new Subscribers<PassingHandler>(this, 'passing'), (error) => this.#failed(error));
    this.#sender = new Sender(this.#engine);
    try {
      await this.#attach();
      if (tls !== undefined) this.#certificate = await Certificate.load(tls, clock, logger, (error) => this.#failed(error));
      this.#listeners = await openListeners(addresses, this.#engine.entrance, { tls: this.#certificate?.tls, clock });
      this.#discovery = await startDiscovery(this.#setup, this.addresses, (error) => this.#failed(error));
      this.#time = await GatewayTime.start(this.#setup, this.#engine.log, this.#events());
      await this.#listenLegacy();
      signal?.throwIfAborted();
    } catch (error) {
      await this.close({ drain: 0 });
      throw error;
    }
    if (registry !== undefined) {
      this.#marks = new DoneMarks(registry);
      registry.on('device', this.#onDevice);
      registry.on('database', this.#onDatabase);
    }
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    logger?.info({ addresses: this.addresses, durable: this.durable }, 'listening');
    setImmediate(() => {
      if (this.#closing === undefined) this.emit('listening', this.addresses);
    });
  }

  /** Before anything listens: for whom messages are kept is known before the first comes. */
  async #attach(): Promise<void> {
    const { bridge, registry, clock, logger } = this.#setup, engine = this.#engine;
    if (registry === undefined) return;
    registry.consumers(bridge === undefined || bridge.mode === 'through' ? ['app'] : bridge.app ? ['app', 'bridge'] : ['bridge']);
    if (bridge === undefined) return;
    this.#bridge = await bridge.attach({
      gateway: this, registry, clock, logger,
      queued: (identity, next, lifetime) => engine.queued(identity, next, lifetime),
      epoch: (identity) => engine.peers.get(identity)?.live?.lease?.epoch,
      alarm: (alarm) => emitSafely(this, 'alarm', alarm),
      failed: (error) => engine.failed(error),
    });
    if (engine.through !== undefined) engine.through.bridge = this.#bridge;
  }

  async #listenLegacy(): Promise<void> {
    const { addresses, iotsocket, registry, logger, clock } = this.#setup, engine = this.#engine;
    if (iotsocket === undefined) return;
    const side = (engine.iotsocket = new IotsocketSide(engine, iotsocket, registry));
    const needs = { tls: this.#certificate?.tls, clock }, { plain, secure } = split(iotsocket.addresses);
    this.#iotsocket.push(...await openListeners(plain, side.acceptor(false), needs), ...await openListeners(secure, side.acceptor(true), needs));
    if (iotsocket.addresses.length === 0) {
      const shared = split(addresses);
      side.share(engine.entrance, shared.plain.length === 0);
      if (shared.plain.length === 0) return;
    } else if (plain.length === 0) return;
    logger?.warn({}, 'IoTSocket is taken without TLS: its keys and messages can be read and changed on the way; such messages have trust "none"');
  }

  get addresses(): readonly string[] {
    return [...this.#listeners.flatMap(({ urls }) => urls), ...this.#iotsocket.flatMap(({ urls }) => urls.map(iotsocketUrl))];
  }

  get address(): string {
    return this.addresses[0]!;
  }

  get closing(): boolean {
    return this.#closing !== undefined;
  }

  get durable(): boolean {
    return this.#setup.registry !== undefined;
  }

  messages(options: MessagesOptions = {}): AsyncIterableIterator<InboxMessage> {
    const { registry, bridge } = this.#setup;
    if (registry === undefined) throw new TidelockError('NOT_DURABLE', { what: 'messages()' });
    if (bridge !== undefined && (bridge.mode === 'through' || !bridge.app)) throw badOption('bridge.app', false, 'messages go to the broker alone; set it to true, in mode inbox, where the application is to have them too');
    if (options.prefetch !== undefined) checkInteger('prefetch', options.prefetch, 1, 10_000);
    const reader = new InboxReader(registry, this.#marks!, this.#setup.limits.prefetch, options, (left) => this.#readers.delete(left));
    this.#readers.add(reader);
    if (this.#closing !== undefined || options.signal?.aborted === true) reader.end();
    return reader;
  }

  send(device: string, body: string | Uint8Array, options: SendOptions = {}): Sending {
    if (!isIdentity(device)) {
      const problem = 'does not have the form of one';
      return this.#sender.refuse(device, new TidelockError('BAD_IDENTITY', { identity: quoteIdentity(device), problem }));
    }
    if (this.#engine.iotsocket?.speaks(device) === true) return this.#sender.refuse(device, new TidelockError('NO_ACKNOWLEDGEMENT', { identity: device }));
    let bytes: Uint8Array;
    try {
      bytes = bytesOf(body, LARGEST_ACKNOWLEDGED);
      if (options.topic !== undefined) checkTopic(options.topic);
    } catch (error) {
      if (error instanceof TidelockError) return this.#sender.refuse(device, error);
      throw error;
    }
    return this.#sender.send(device, bytes, options);
  }

  post(device: string, body: string | Uint8Array, { topic, trust = 'proved' }: TopicOptions = {}): boolean {
    const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
    if (!(bytes instanceof Uint8Array)) throw new TypeError('a body must be a string or a Uint8Array');
    const engine = this.#engine;
    if (engine.iotsocket?.post(device, bytes) === true) {
      engine.passing.down(device, '', engine.clock.unix(), DATA, bytes);
      return true;
    }
    const whole = topic === undefined ? bytes : deliverBody(checkTopic(topic), checkTrust(trust), bytes);
    if (whole.length > LARGEST_BODY) throw new TidelockError('TOO_LONG', { bytes: bytes.length, largest: LARGEST_BODY - whole.length + bytes.length });
    const type = topic === undefined ? DATA : DELIVER;
    if (this.#closing === undefined && engine.peers.get(device)?.live?.post(whole, type) === true) {
      engine.passing.down(device, '', engine.clock.unix(), type, whole);
      return true;
    }
    engine.dropped += 1;
    return false;
  }

  *devices(): IterableIterator<ConnectedDevice> {
    for (const session of this.#engine.peers.live()) yield session.describe();
    yield* this.#engine.iotsocket?.devices() ?? [];
  }

  device(id: string): ConnectedDevice | undefined {
    return this.#engine.peers.get(id)?.live?.describe() ?? this.#engine.iotsocket?.device(id);
  }

  disconnect(id: string, options: DisconnectOptions = {}): boolean {
    const reason = REASONS[options.reason ?? 'normal'];
    if (reason === undefined) throw badOption('reason', options.reason, `there are ${Object.keys(REASONS).join(', ')}`);
    const retryAfter = checkInteger('retryAfter', options.retryAfter ?? 0, 0, LONGEST_RETRY_S);
    const session = this.#engine.peers.get(id)?.live;
    session?.close(reason, retryAfter);
    return session !== undefined || this.#engine.iotsocket?.disconnect(id, closeName(reason)) === true;
  }

  refresh(id?: string): Promise<void> {
    return this.#engine.refresh(id);
  }

  async reloadCertificate(tls?: TlsCertificate): Promise<void> {
    if (this.#certificate === undefined) throw badOption('tls', undefined, 'without a certificate from the beginning there is none to reload');
    await this.#certificate.reload(tls);
  }

  counters(): GatewayCounters {
    const engine = this.#engine;
    const { sessions, received, taken, posted, dropped, busy, takeovers, notReading, lookups } = engine;
    const { connections, open, admission } = engine.entrance;
    const { halfOpen, gaveWay, overRate } = admission;
    return {
      connections, open, halfOpen, sessions, online: engine.peers.online + (engine.iotsocket?.online ?? 0), received, taken, posted,
      delivered: this.#sender.delivered, failed: this.#sender.failed, dropped, unkept: engine.iotsocket?.unkept ?? 0, busy, takeovers, gaveWay, overRate, notReading, lookups,
      ...engine.totals, ...(this.#time?.counters() ?? NO_TIME), offers: this.#discovery?.offered ?? 0, refused: { ...engine.entrance.turned, ...refusalCounts(engine.core.counters()) },
    };
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options.drain ?? DRAIN_MS);
    if (options.drain === 0) {
      this.#hurry = true;
      this.#settled?.();
    }
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  readonly #onAbort = (): void => {
    void this.close({ drain: 0 });
  };

  readonly #onDevice = (event: DeviceEvent): void => {
    if (event.change === 'disabled') this.#engine.disable(event.identity);
    else if (event.change === 'keys') void this.#engine.refresh(event.identity);
  };

  readonly #onDatabase = ({ available, reason, since }: DatabaseState): void => {
    const { logger, registry } = this.#setup, database = registry!.url;
    if (available) {
      logger?.info({ database }, 'the database is back');
      return;
    }
    const from = new Date(since).toISOString();
    logger?.warn({ database, reason, since: from }, 'waiting for the database: devices are told busy, nothing that was acknowledged is lost');
    emitSafely(this, 'alarm', { kind: 'database', device: undefined, text: `waiting for the database ${database} since ${from}: ${reason}` });
  };

  /** `byStranger`: anybody can bring it about, so it must never end the process: without listener and logger it is a warning. */
  #failed(error: unknown, byStranger = false): void {
    const { logger, clock } = this.#setup, { log } = this.#engine;
    const otherwise = (failure: unknown): void => {
      if (log.error(clock.now(), failure) && logger === undefined) process.emitWarning(failure as Error);
    };
    emitError(this, error, logger !== undefined || byStranger ? otherwise : undefined);
  }

  #events(): EngineEvents {
    return {
      device: (change) => emitSafely(this, 'device', change),
      refused: (refusal) => emitSafely(this, 'refused', refusal),
      alarm: (alarm) => emitSafely(this, 'alarm', alarm),
      drain: (device) => emitSafely(this, 'drain', device),
      failed: (error, byStranger) => this.#failed(error, byStranger),
      settled: () => this.#settled?.(),
      wantsRefusals: () => this.listenerCount('refused') > 0,
    };
  }

  async #close(drain: number): Promise<void> {
    const engine = this.#engine, { signal, registry, clock } = this.#setup;
    engine.closing = true;
    await Promise.resolve(); // never from inside an event of the core
    signal?.removeEventListener('abort', this.#onAbort);
    this.#certificate?.close();
    const listeners = [...this.#listeners, ...this.#iotsocket].map((listener) => listener.close());
    const others = Promise.all([this.#time?.close() ?? null, this.#discovery?.close() ?? null]);
    engine.entrance.rejectAll('going away');
    for (const reader of [...this.#readers]) reader.end();
    if (drain > 0 && !this.#hurry && engine.undecided) {
      await new Promise<void>((resolve) => {
        const timer = clock.after(drain, resolve, true);
        this.#settled = () => {
          if (engine.undecided && !this.#hurry) return;
          timer.cancel();
          resolve();
        };
      });
    }
    this.#settled = undefined;
    await this.#marks?.whenIdle();
    await engine.end(drain === 0 || this.#hurry);
    await this.#bridge?.close(this.#hurry ? 0 : drain);
    this.#sender.close();
    registry?.off('device', this.#onDevice);
    registry?.off('database', this.#onDatabase);
    await Promise.all(listeners);
    await others;
    this.#setup.logger?.info({}, 'closed');
    this.emit('close');
  }
}
