/**
 * What all sessions of a gateway share: the core, the clock, admission, the peers, and the end of the tick. Applications
 * call from anywhere, also from inside an event of the core, so what they ask for is collected and done in `flush`.
 */
import { randomBytes } from 'node:crypto';
import { CLOSE_BUSY, CLOSE_CLOCK, CLOSE_DISABLED, CLOSE_GOING_AWAY, CLOSE_TAKEN_OVER } from '../../assembly/abi.js';
import { ClockWatch, type Clock, type ClockTimer } from '../clock.js';
import { GatewayCore } from '../core/index.js';
import { isPromise } from '../delivery/handling.js';
import type { Subscribers } from '../delivery/subscribers.js';
import { TidelockError } from '../errors.js';
import { closeName, refusalName } from '../names.js';
import type { DeliveryStore, Registry, Takeover } from '../registry/types.js';
import type { Link, LinkTotals } from '../transport/link.js';
import { Lingering } from '../transport/linger.js';
import { DatagramSession } from './datagram-session.js';
import { Down } from './down.js';
import type { EngineEvents } from './engine-events.js';
import { Entrance } from './entrance.js';
import { Expiry } from './expiry.js';
import type { IotsocketSide } from './iotsocket.js';
import { LookupKeys, TableKeys, type Found, type Keys } from './keys.js';
import { LimitedLog } from './log.js';
import type { GatewayMessage } from './message.js';
import type { GatewaySetup } from './options.js';
import { isAway } from './outlast.js';
import type { Passing } from './passing.js';
import { Peers, type Peer } from './peer.js';
import { endWithoutKey } from './refresh.js';
import type { Session } from './session.js';
import type { DeviceChange, GatewayLimits, MessageHandler, Refusal } from './types.js';
import { ThroughUp } from './through.js';
import { DurableUp, VolatileUp, type Up } from './up.js';
import { VolatileStore } from './volatile-store.js';

const TICK_MS = 250;
/** A peer that reads nothing of what waits for it is given this long. */
const STUCK_MS = 30_000;
/** Seconds after which a device is to come back where the database failed. */
const BUSY_RETRY_S = 5;
/** Identities whose receipts a volatile gateway remembers. */
const VOLATILE_IDENTITIES = 65_536;

export class Engine {
  readonly core: GatewayCore;
  readonly clock: Clock;
  readonly limits: Required<GatewayLimits>;
  readonly entrance: Entrance;
  readonly peers = new Peers();
  readonly store: DeliveryStore;
  readonly up: Up;
  /** Where messages go through to a broker. */
  readonly through: ThroughUp | undefined;
  readonly down: Down;
  readonly expiry: Expiry;
  readonly keys: Keys | undefined;
  readonly subscribers: Subscribers<MessageHandler>;
  /** Who watches; set by the gateway before anything comes. */
  passing!: Passing;
  readonly lingering = new Lingering();
  readonly totals: LinkTotals = { bytesIn: 0, bytesOut: 0, writes: 0 };
  readonly log: LimitedLog;
  closing = false;
  sessions = 0;
  received = 0;
  taken = 0;
  posted = 0;
  dropped = 0;
  busy = 0;
  takeovers = 0;
  notReading = 0;
  lookups = 0;
  /** Where it is switched on. */
  iotsocket: IotsocketSide | undefined;
  readonly #registry: Registry | undefined;
  readonly #volatile: VolatileStore | undefined;
  readonly #events: EngineEvents;
  readonly #proved = new Set<Session>();
  /** Datagram sessions whose path is being asked about. */
  readonly paths = new Set<DatagramSession>();
  readonly #stuck = new Set<Session>();
  #dirty: Session[] = [];
  #flushAsked = false;
  readonly #watch: ClockWatch;
  #timer: ClockTimer | undefined;
  #ticks = 0;

  static async load(setup: GatewaySetup, events: EngineEvents, subscribers: Subscribers<MessageHandler>): Promise<Engine> {
    const { clock } = setup;
    const now = clock.now(), unix = clock.unix();
    const core = await GatewayCore.load({
      secret: randomBytes(32), unix: Math.floor(unix), now: Math.floor(now) >>> 0, window: setup.window, life: setup.life, idle: setup.idle,
      spread: setup.spread, largest: setup.largest, suites: setup.suites, suitesTls: setup.suitesTls,
    });
    return new Engine(core, setup, events, subscribers);
  }

  private constructor(core: GatewayCore, setup: GatewaySetup, events: EngineEvents, subscribers: Subscribers<MessageHandler>) {
    this.core = core;
    this.clock = setup.clock;
    this.limits = setup.limits;
    this.subscribers = subscribers;
    this.log = new LimitedLog(setup.logger);
    this.entrance = new Entrance(this, setup.limits);
    this.#events = events;
    this.#watch = new ClockWatch(setup.clock, setup.window);
    this.#registry = setup.registry;
    if (setup.registry !== undefined) {
      this.store = setup.registry;
      this.up = setup.bridge?.mode === 'through' ? (this.through = new ThroughUp(this, setup.registry)) : new DurableUp(this, setup.registry);
    } else {
      const { limits } = setup;
      if (setup.devices !== undefined) this.keys = new TableKeys(setup.devices);
      else if (setup.lookup !== undefined) this.keys = new LookupKeys(setup.lookup, limits, setup.clock);
      const table = setup.devices === undefined ? undefined : (this.keys as TableKeys);
      this.#volatile = new VolatileStore(
        { messages: limits.queueMessages, bytes: limits.queueBytes, bytesTotal: limits.queueBytesTotal, identities: VOLATILE_IDENTITIES },
        setup.clock,
        (identity) => table === undefined || table.find(identity, 0) !== undefined,
        (identity) => this.peers.isOnline(identity),
      );
      this.store = this.#volatile;
      this.up = new VolatileUp(this, this.#volatile);
    }
    this.down = new Down(this, this.store);
    this.expiry = new Expiry(this.store, setup.clock, (error) => this.failed(error));
    this.#arm();
  }

  /** The core's `now`. */
  now(): number {
    const now = this.clock.now(), parted = this.#watch.parted(now);
    if (parted !== 0) this.#clockStepped(parted, now);
    return Math.floor(now) >>> 0;
  }

  /** Asks for a flush of this session at the end of the tick. */
  schedule(session: Session): void {
    if (session.dirty) return;
    session.dirty = true;
    this.#dirty.push(session);
    this.#askFlush();
  }

  find(identity: string, keyId: number): Found | Promise<Found> {
    if (this.keys === undefined) return this.#registry!.find(identity, keyId);
    const found = this.keys.find(identity, keyId);
    if (found instanceof Promise) this.lookups += 1;
    return found;
  }

  begin(identity: string, outbox: number, keyId: number): Takeover | Promise<Takeover | undefined> {
    const volatile = this.#volatile;
    if (volatile === undefined) return this.through?.begin(identity, outbox, keyId) ?? this.store.takeover(identity, outbox, keyId);
    const peer = this.peers.enter(identity);
    if (peer.outbox !== outbox) {
      peer.outbox = outbox;
      peer.handling?.restart();
    }
    peer.handling?.unblock();
    return volatile.begin(identity, outbox);
  }

  // ---- What sessions tell ----

  deliver(message: GatewayMessage): void {
    this.passing.up(message);
    for (const listener of this.subscribers.list) {
      try {
        const result = listener(message);
        if (isPromise(result)) result.then(undefined, (error: unknown) => this.handlerFailed(error));
      } catch (error) {
        this.handlerFailed(error);
      }
    }
  }

  /** The proof holds: it counts no longer as half-open, but shutdown must find it. */
  proving(session: Session): void {
    this.entrance.proved(session);
    this.#proved.add(session);
  }

  accepted(session: Session, peer: Peer, before: Session | undefined): void {
    this.#proved.delete(session);
    this.sessions += 1;
    if (session instanceof DatagramSession) this.paths.add(session);
    if (before === undefined) this.peers.online += 1;
    else this.#tookOver(session, peer, before);
    const device = session.describe();
    this.log.logger?.info({ device: device.id, address: device.address, suite: device.suite, session: device.session }, 'device online');
    this.#events.device({ ...device, online: true, reason: '' });
  }

  ended(session: Session, link: Link, peer: Peer | undefined, reason: string): void {
    this.entrance.left(session);
    this.#proved.delete(session);
    this.#stuck.delete(session);
    this.down.ended(session);
    const now = this.clock.now();
    if (!link.closing) {
      // A stranger has no last frame worth waiting for; who has proved himself hears why he is turned away.
      if (peer === undefined) link.destroy();
      else this.lingering.end(link, now);
    }
    if (peer !== undefined) {
      this.through?.ended(session, peer);
      if (peer.accepting === session) peer.accepting = undefined;
      if (peer.live === session) {
        peer.live = undefined;
        this.peers.online -= 1;
      }
      this.peers.left(peer, now);
    }
    this.#offline(session, reason);
    this.settled();
  }

  refused(session: Session, reason: number, type: number, id: number, off: number): void {
    const device = session.since === 0 ? undefined : session.id;
    this.refuse({ reason: refusalName(reason), device, address: session.address, type, id, off });
  }

  refuse(refusal: Refusal): void {
    this.log.warn(this.clock.now(), refusal, 'refused');
    if (this.#events.wantsRefusals()) this.#events.refused(refusal);
  }

  drained({ id }: { readonly id: string }): void {
    this.#events.drain(id);
  }

  deviceChanged(change: DeviceChange): void {
    this.#events.device(change);
  }

  stuck(session: Session): void {
    this.#stuck.add(session);
  }

  lookupFailed(identity: string, cause: unknown): void {
    const error = cause instanceof TidelockError
      ? cause
      : new TidelockError('LOOKUP_FAILED', { identity, reason: String((cause as Error)?.message ?? cause) }, { cause });
    this.#events.failed(error, true);
  }

  beginFailed(session: Session, error: unknown): void {
    this.failed(error);
    session.close(CLOSE_BUSY, BUSY_RETRY_S);
  }

  /** Something stands in the queue of a device: its core may ask for it up to `next`. */
  queued(identity: string, next: number, lifetime: number): void {
    this.expiry.within(lifetime);
    const session = this.peers.get(identity)?.live;
    if (session !== undefined) this.down.queued(session, next);
  }

  handlerFailed(cause: unknown): void {
    this.failed(new TidelockError('HANDLER_FAILED', { reason: String((cause as Error)?.message ?? cause) }, { cause }));
  }

  failed(error: unknown): void {
    // That the database is away was told by an alarm; each device that is told busy for it is no news.
    if (this.#registry?.database.available === false && isAway(error)) return;
    this.#events.failed(error);
  }

  settled(): void {
    if (this.closing) this.#events.settled();
  }

  // ---- What the gateway asks for ----

  /** The key of this identity, or of all, may have gone. Rejects with the first failure once every session was asked about. */
  async refresh(identity?: string): Promise<void> {
    this.keys?.forget(identity);
    // Handshakes under way hold the old answer, or wait for it: their devices begin anew.
    this.entrance.refresh(identity);
    const sessions = identity === undefined ? [...this.peers.live(), ...this.#proved] : this.#of(identity);
    await Promise.all([endWithoutKey(this, this.keys, sessions), this.iotsocket?.refresh(identity)]);
  }

  /** The identity was disabled. */
  disable(identity: string): void {
    this.iotsocket?.disconnect(identity, closeName(CLOSE_DISABLED));
    for (const session of this.#of(identity)) session.close(CLOSE_DISABLED);
  }

  get undecided(): boolean {
    if (this.iotsocket?.undecided === true || this.up.undecided > 0 || this.down.running > 0) return true;
    for (const session of this.peers.live()) if (session.undecided || session.unsent > 0) return true;
    return this.#volatile?.waitsForOnline === true;
  }

  /** Ends everything; fulfilled when every link is closed. */
  async end(atOnce: boolean): Promise<void> {
    this.closing = true;
    this.entrance.rejectAll('going away');
    for (const session of [...this.#proved, ...this.peers.live()]) session.close(CLOSE_GOING_AWAY);
    await this.iotsocket?.close();
    this.#timer?.cancel();
    const { clock, lingering } = this;
    if (atOnce) lingering.destroy();
    const wait = Math.max(0, lingering.lastDeadline - clock.now());
    const timer = lingering.size === 0 ? undefined : clock.after(wait, () => lingering.destroy(), true);
    await new Promise<void>((resolve) => lingering.whenEmpty(resolve));
    timer?.cancel();
    this.#volatile?.close();
  }

  // ---- Time ----

  #of(identity: string): Session[] {
    const peer = this.peers.get(identity);
    return [peer?.live, peer?.accepting].filter((session) => session !== undefined);
  }

  /** Tells the end of a session whose beginning was told, once. */
  #offline(session: Session, reason: string): void {
    if (session.since === 0 || session.gone) return;
    session.gone = true;
    const device = session.describe();
    this.log.logger?.info({ device: device.id, address: device.address, session: device.session, reason }, 'device offline');
    this.#events.device({ ...device, online: false, reason });
  }

  #tookOver(session: Session, peer: Peer, before: Session): void {
    this.takeovers += 1;
    before.close(CLOSE_TAKEN_OVER);
    this.#offline(before, closeName(CLOSE_TAKEN_OVER)); // before the later session's beginning is told
    const count = peer.takeover(this.clock.now());
    if (count !== this.limits.takeovers + 1) return; // once a minute
    const text = `more than ${this.limits.takeovers} takeovers of ${peer.identity} in a minute: two devices seem to share this identity`;
    this.log.logger?.warn({ device: peer.identity, address: session.address }, text);
    this.#events.alarm({ kind: 'takeovers', device: peer.identity, text });
  }

  #clockStepped(parted: number, now: number): void {
    const at = Math.floor(now) >>> 0;
    for (const session of [...this.#proved, ...this.peers.live()]) session.close(CLOSE_CLOCK);
    this.entrance.rejectAll('clock stepped');
    this.peers.forgetEpochs();
    this.core.setClock(Math.floor(this.clock.unix()), at);
    const text = `wall and monotonic clock parted by ${Math.round(parted)} ms: all sessions were ended, devices come back at once`;
    this.log.logger?.warn({ parted: Math.round(parted) }, text);
    this.#events.alarm({ kind: 'clock', device: undefined, text });
  }

  #askFlush(): void {
    if (this.#flushAsked) return;
    this.#flushAsked = true;
    // After the events of this turn of the loop have been read: what they cause leaves together.
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#flushAsked = false;
    this.up.flush();
    const now = this.now();
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const session of dirty) {
      session.dirty = false;
      session.flush(now);
    }
    this.settled();
  }

  #arm(): void {
    this.#timer = this.clock.after(TICK_MS, () => this.#tick(), false);
  }

  #tick(): void {
    this.#arm();
    const at = this.now(), now = this.clock.now();
    this.core.tick(at);
    this.entrance.tick(now);
    this.iotsocket?.tick(now);
    this.lingering.tick(now);
    this.peers.tick(now);
    this.log.tick(now);
    for (const session of this.#stuck) {
      if (!session.stuck) this.#stuck.delete(session);
      else session.checkStuck(now, STUCK_MS);
    }
    for (const session of this.paths) if (!session.probe(now)) this.paths.delete(session);
    if (++this.#ticks % 4 === 0) this.down.tick();
    this.expiry.tick();
    this.settled();
  }
}
