/**
 * What an application sees of the gateway. Times are milliseconds, sizes bytes, instants Unix milliseconds,
 * unless a name says otherwise. Everything that fails does so with a `TidelockError` whose `code` stands in docs/errors.md.
 */
import type { EventEmitter } from 'node:events';
import type { Clock } from '../clock.js';
import type { IotsocketOptions } from '../legacy/iotsocket/types.js';
import type { DeviceProtocol, Registry } from '../registry/types.js';
import type { Bridge } from './bridge-types.js';
import type { LinkKind } from '../transport/link.js';
import type { TlsCertificate } from '../transport/tls/server.js';

export type { TlsCertificate };

/** `realm/id` or `id`: 1 to 64 bytes of UTF-8. */
export type Identity = string;

export type Suite = 'sealed' | 'signed' | 'signed-8';

/** Answer of a `lookup`: the 32-byte key, or undefined where identity or key id is unknown or disabled. */
export type Lookup = (identity: Identity, keyId: number) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

/** One line of structured log; pino, console and many others have this shape. */
export interface Logger {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

/** Everything that a stranger or a crowd can make grow, bounded. */
export interface GatewayLimits {
  /** Connections of any kind; a new one beyond it replaces the oldest half-open one, or is closed. Default 65,536. */
  connections?: number;
  /** Connections that have not proved themselves; the oldest gives way to a new one. Default 1,024. */
  halfOpen?: number;
  /** HELLOs a second of one address prefix (/24 of IPv4, /56 of IPv6), and how many at once. Default 100, 500. */
  helloRate?: number;
  helloBurst?: number;
  /** The same of all addresses together. Default 5,000, 10,000. */
  helloRateTotal?: number;
  helloBurstTotal?: number;
  /** Bytes that may wait in one connection for a peer that reads slowly; at least 32,768. Default 262,144. */
  unsent?: number;
  /** Lookups at once, and ms for each. Default 256, 2,000. */
  lookups?: number;
  lookupTimeout?: number;
  /** ms for which an answer of `lookup` is kept, and how many are. Default 60,000, 65,536. */
  lookupKept?: number;
  lookupEntries?: number;
  /** The volatile queue towards one device (a registry has bounds of its own): messages, bytes. Default 1,000, 1 MiB. */
  queueMessages?: number;
  queueBytes?: number;
  /** The volatile queue towards all devices: bytes. Default 64 MiB. */
  queueBytesTotal?: number;
  /** Messages handed to `messages()` beyond the one in hand. Default 64. */
  prefetch?: number;
  /** Bytes of acknowledged messages that wait for their commit or their handlers, 512 more for each; beyond it devices hear busy. Default 16 MiB. */
  uncommitted?: number;
  /** Takeovers of one identity a minute above which an alarm is raised. Default 3. */
  takeovers?: number;
}

export interface GatewayOptions {
  /** Where keys come from, exactly one of these three. With a registry acknowledged messages and queued commands are durable. */
  registry?: Registry;
  /** Asked at HELLO. Volatile mode. Its timing may tell a stranger which identities are known. */
  lookup?: Lookup;
  /** Identity to 32-byte key, key id 0. Volatile mode. */
  devices?: Readonly<Record<Identity, Uint8Array>> | ReadonlyMap<Identity, Uint8Array>;
  /**
   * URLs to listen at, such as `tidelock://0.0.0.0:8433`, with TLS `tidelocks://0.0.0.0:8433`; port 0: any free one. Both at one
   * host and port share it: the first byte of a connection tells what it speaks. Default `tidelock://0.0.0.0:8433`.
   */
  listen?: string | readonly string[];
  /** ms a frame may be off its time; 100 to 60,000, default 2,000. */
  window?: number;
  /** Longest life of a session in seconds; default 86,400. */
  life?: number;
  /** Seconds without a frame before a session ends; default 90. */
  idle?: number;
  /** Seconds over which devices spread their first reconnect; default 0. */
  spread?: number;
  /** Largest body taken from a device; default and most 16,383. */
  largest?: number;
  /** Suites allowed without TLS; default `['sealed']`. `signed` and `signed-8` leave bodies readable. */
  suites?: readonly Suite[];
  /** The same inside TLS; default all three. The strongest that a device offers is taken: name one to have that one. */
  suitesTls?: readonly Suite[];
  /** Certificate and key for addresses `tidelocks://…`; files are watched, and a change is taken within 20 s. */
  tls?: TlsCertificate;
  /**
   * Time servers (`host` or `host:port`, SNTP) by which the gateway knows how far this machine's clock is off; it sets no
   * clock. Of three servers one may be wrong. Default: none.
   */
  sntp?: string | readonly string[];
  /** Answer SNTP requests of other makes' devices at this address, such as `0.0.0.0:123`. Needs `sntp`. Default: not. */
  sntpListen?: string;
  /**
   * The name under which the gateway answers DISCOVER on its links, so that `tidelock discover` finds it; of the form of an
   * identity. Whoever is on the link learns the name and the ports. Default: it does not answer.
   */
  discovery?: string;
  limits?: GatewayLimits;
  /** Older protocols, each off unless it is given: `{ iotsocket: {} }`. See docs/iotsocket.md before you do. */
  legacy?: LegacyOptions;
  /** To an MQTT broker: `mqtt({ url })` of tidelock/bridge; docs/mqtt.md. Needs a registry. Default: none. */
  bridge?: Bridge;
  logger?: Logger;
  /** Aborting it closes the gateway at once, without drain. */
  signal?: AbortSignal;
  /** The application's clock; tests own the time through it. */
  clock?: Clock;
}

export interface LegacyOptions {
  iotsocket?: IotsocketOptions;
}

/** A message from a device. `body` is a view: it stays valid, and keeps the chunk it came in from being freed. */
export interface Message {
  readonly device: Identity;
  /** Stable over repeats and restarts: outbox and number. Empty where no acknowledgement was wanted. */
  readonly id: string;
  readonly body: Buffer;
  /** When the device took it: Unix ms by the gateway's clock. */
  readonly time: number;
  /** The topic that the device gave it, under its own name: `temp/inlet`; undefined: none. */
  readonly topic: string | undefined;
  /** Until when it is worth carrying on, Unix ms; undefined: without end. The device said so. */
  readonly expires: number | undefined;
  /** The device says that it may have been acted on before. */
  readonly repeat: boolean;
  readonly trust: Trust;
  /** The body as UTF-8. */
  text(): string;
}

/**
 * How far a message's sender and content can be trusted. `proved`: the device has proved its key, every frame is
 * authenticated. Of older protocols: `tls`, its key came inside TLS; `none`, anybody on the way could read and change all,
 * key included.
 */
export type Trust = 'proved' | 'tls' | 'none';

/**
 * A message that passes: `up`, once it is in the inbox or handed to the application, or `down`, each time it is handed to the
 * device's session.
 */
export interface PassingMessage {
  readonly direction: 'up' | 'down';
  readonly device: Identity;
  /** Its stable id; empty where it wants no acknowledgement. */
  readonly id: string;
  readonly body: Buffer;
  /** When it was made, Unix ms. */
  readonly time: number;
  readonly topic: string | undefined;
  readonly repeat: boolean;
  readonly trust: Trust;
}

/** A message of the durable inbox. */
export interface InboxMessage extends Message {
  /** Marks it done: no later run of `messages()` sees it again. Fulfilled when that is committed. */
  done(): Promise<void>;
}

export interface MessagesOptions {
  /** Ends the iteration without an error. */
  signal?: AbortSignal;
  /** Messages read ahead; default `limits.prefetch`. */
  prefetch?: number;
}

/** Under which topic a message goes down, and how far its source can be trusted. */
export interface TopicOptions {
  /** 1 to 255 bytes, such as `valve/set`. Default: none. */
  topic?: string;
  /** Told to the device with the topic. Default `proved`: it comes from this application. */
  trust?: Trust;
}

export interface SendOptions extends TopicOptions {
  /** ms from now after which it is given up with EXPIRED. Default 60,000; with a registry up to its bound. */
  lifetime?: number;
  /**
   * What to do where it was sent, never acknowledged, and the device has lost its record:
   * `report` (default) ends with IN_DOUBT, `repeat` sends it again, marked as a repeat.
   */
  doubt?: 'report' | 'repeat';
  /** Gives it up, if it has not been sent yet: `acknowledged` ends with CANCELLED. */
  signal?: AbortSignal;
}

/** A message on its way to a device. */
export interface Sending {
  readonly device: Identity;
  /** Fulfilled with its stable id when it stands in the queue (durably, with a registry). Rejected with QUEUE_FULL, … */
  readonly queued: Promise<string>;
  /** Fulfilled when the device has acknowledged it. Rejected with EXPIRED, REFUSED, QUEUE_FULL, IN_DOUBT, CANCELLED, CLOSED … */
  readonly acknowledged: Promise<void>;
}

export interface ConnectedDevice {
  readonly id: Identity;
  /** `address:port` of the peer. */
  readonly address: string;
  readonly link: LinkKind;
  readonly protocol: DeviceProtocol;
  /** `none`: the protocol has no such thing. */
  readonly suite: Suite | 'none';
  /** Session number, also in the log. */
  readonly session: number;
  /** Unix ms. */
  readonly since: number;
}

/** The `device` event: a session began or ended. */
export interface DeviceChange extends ConnectedDevice {
  readonly online: boolean;
  /** Why it ended, in words: 'taken over', 'idle', 'link lost' … Empty where `online`. */
  readonly reason: string;
}

/** The `refused` event: bytes that the core did not accept, or a connection that admission did not. */
export interface Refusal {
  /** In words: 'bad tag', 'replay', 'stale', 'future', 'bad proof', 'too many HELLOs', … */
  readonly reason: string;
  /** Undefined before the proof. */
  readonly device: Identity | undefined;
  readonly address: string;
  /** Frame type number, 0 if unknown. */
  readonly type: number;
  /** Message number, or 0. */
  readonly id: number;
  /** How many ms it was off (stale and future). */
  readonly off: number;
}

/** The `alarm` event: something that an operator must look at. */
export interface Alarm {
  /**
   * `takeovers`: two devices seem to share one identity. `clock`: wall and monotonic clock parted; all sessions were ended.
   * `clock error`: time servers say that this machine's clock is off by more than a quarter of the window. `database`: it went
   * away; devices are told busy until it is back. `broker`: it went away, or takes what it should not or does not take what it should.
   * `dead letters`: it refused a message for good.
   */
  readonly kind: 'takeovers' | 'clock' | 'clock error' | 'database' | 'broker' | 'dead letters';
  readonly device: Identity | undefined;
  readonly text: string;
}

/** Counted since start. */
export interface GatewayCounters {
  /** Connections accepted by a listener, and those open now. */
  connections: number;
  open: number;
  halfOpen: number;
  /** Sessions that began, and those that stand now. */
  sessions: number;
  online: number;
  /** Messages from devices: without and with acknowledgement (repeats not counted). */
  received: number;
  taken: number;
  /** Messages to devices: without acknowledgement, acknowledged, and ended otherwise. */
  posted: number;
  delivered: number;
  failed: number;
  /** `post` that found no session or no room, or on datagrams was longer than one; and datagrams that the system took no more. */
  dropped: number;
  /** Messages of devices without acknowledgements (IoTSocket) that did not get into the inbox. */
  unkept: number;
  /** Times that a device was told busy. */
  busy: number;
  takeovers: number;
  /** Half-open connections that gave way; HELLOs over the rate; peers that did not read. */
  gaveWay: number;
  overRate: number;
  notReading: number;
  lookups: number;
  /** Bytes and writes on sockets. */
  bytesIn: number;
  bytesOut: number;
  writes: number;
  /** By how many ms this machine's clock is ahead of the time servers', below 0: behind. Undefined: none is asked, or none answers. */
  clockError: number | undefined;
  /** SNTP requests that were answered, and that were none or too many. */
  sntpAnswered: number;
  sntpDropped: number;
  /** Answers to DISCOVER. */
  offers: number;
  /** Refusals of the core, and connections turned away, by reason. */
  refused: Record<string, number>;
}

export interface DisconnectOptions {
  /** Default `normal`. `disabled`: the device is told that it was disabled. */
  reason?: 'normal' | 'going away' | 'busy' | 'disabled';
  /** Seconds after which it may come back: it waits a random time between this and twice this. At most 300. */
  retryAfter?: number;
}

export interface CloseOptions {
  /** ms to finish what was accepted: commits, acknowledgements, bytes on their way. Default 5,000; 0: at once. */
  drain?: number;
}

/** A message handler. In volatile mode its promise decides the acknowledgement: fulfilled is ok, a throw is refused. */
export type MessageHandler = (message: Message) => unknown;

/** Events and the arguments of their listeners. */
export interface GatewayEvents {
  /**
   * DATA that wants no acknowledgement, in both modes (of IoTSocket devices only without a registry, or where a bridge is in mode `through`); and, without a registry, every other message too
   * (see MessageHandler). Durable messages come by `messages()` alone.
   */
  message: [message: Message];
  /** Every message as it passes, for whoever watches; nothing waits for the listener. */
  passing: [message: PassingMessage];
  device: [change: DeviceChange];
  refused: [refusal: Refusal];
  alarm: [alarm: Alarm];
  /** Something failed that no caller waits for. Without a listener it goes to the logger; without both it is thrown. */
  error: [error: Error];
  /** A `post` was refused for lack of room; now there is some. */
  drain: [device: Identity];
  listening: [addresses: readonly string[]];
  close: [];
}

/** The class `Gateway` has this shape; `Gateway.listen(options)` makes one, fulfilled when every listener stands. */
export interface GatewayApi extends EventEmitter<GatewayEvents>, AsyncDisposable {
  /** URLs that it really listens at, with real ports. `address` is the first. */
  readonly addresses: readonly string[];
  readonly address: string;
  /** True from the first call of `close` on. */
  readonly closing: boolean;
  /** True with a registry: acknowledged messages and queued commands survive a restart. */
  readonly durable: boolean;

  /**
   * The durable inbox: every undone message of every device at least once with a stable id, those of one device in order.
   * It waits for new ones, and ends when the gateway closes. Throws NOT_DURABLE without a registry.
   */
  messages(options?: MessagesOptions): AsyncIterableIterator<InboxMessage>;

  /** Queues a message that the device must acknowledge. It waits for a device that sleeps, at most its lifetime. Never throws; see `Sending`. */
  send(device: Identity, body: string | Uint8Array, options?: SendOptions): Sending;

  /**
   * Sends without acknowledgement, to a device that is connected now. All that is posted in one tick leaves in one write.
   * False: not sent (not connected, or too much waits for it: `drain` follows), and counted as dropped. IoTSocket has no topics:
   * to such a device the body goes alone.
   */
  post(device: Identity, body: string | Uint8Array, options?: TopicOptions): boolean;

  /** Devices connected now. */
  devices(): IterableIterator<ConnectedDevice>;
  device(id: Identity): ConnectedDevice | undefined;

  /** Ends the device's session after CLOSE. False: it was not connected. */
  disconnect(id: Identity, options?: DisconnectOptions): boolean;

  /** Keys have changed: answers kept from `lookup` are dropped, and a session whose key is gone is closed. Of one identity, or all. */
  refresh(id?: Identity): Promise<void>;

  /**
   * Reads the files of the certificate again at once, or takes another certificate, for connections from now on.
   * Rejected with CERTIFICATE_UNREADABLE or CERTIFICATE_INVALID, and then the one in use stays.
   */
  reloadCertificate(tls?: TlsCertificate): Promise<void>;

  counters(): GatewayCounters;

  /** Takes no more, finishes what was accepted, tells devices to come back, closes. A second call joins the first. */
  close(options?: CloseOptions): Promise<void>;
}
