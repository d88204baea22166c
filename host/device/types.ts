/**
 * What an application sees of a device. Times are milliseconds, sizes bytes. Everything that fails does so with a
 * `TidelockError` whose `code` stands in docs/errors.md.
 */
import type { EventEmitter } from 'node:events';
import type { Clock } from '../clock.js';
import type { TopicTrust } from '../core/topic.js';
import type { DeviceTls } from '../transport/tls/trust.js';

export type { DeviceTls };

export type Suite = 'sealed' | 'signed' | 'signed-8';

/** Which of the gateway's messages was taken last: 8 bytes that spare a device the doubt after a restart. */
export interface DeviceRecord {
  /** The gateway's outbox number. */
  outbox: number;
  /** The last message number taken from it. */
  last: number;
}

/** Where the record is kept. Without it the record lives in RAM, and what was obeyed before a restart is in doubt at the sender. */
export interface RecordStore {
  /** Called once before the first connection; undefined where nothing was stored. */
  load(): DeviceRecord | undefined | Promise<DeviceRecord | undefined>;
  /** Must be durable when it is fulfilled. */
  store(record: DeviceRecord): void | Promise<void>;
  /** `before` the handler: obeyed at most once. `after` it (default): at least once. */
  when?: 'before' | 'after';
}

export interface OutboxOptions {
  /** Bytes of bodies that may wait. Default 1 MiB. */
  bytes?: number;
  /** Messages that may wait. Default 10,000. */
  messages?: number;
  /**
   * When it is full: `refuse` the new one with QUEUE_FULL (default), or `drop-oldest` that was never sent
   * (it ends with QUEUE_FULL). Both are counted.
   */
  full?: 'refuse' | 'drop-oldest';
}

export interface DeviceOptions {
  /** `tidelock://host[:port]` (port 8433), or several: they are shuffled and tried in turn. */
  url: string | readonly string[];
  /** `realm/id` or `id`: 1 to 64 bytes of UTF-8. */
  id: string;
  /** 32 bytes. A copy is kept until the device is closed, then wiped. */
  key: Uint8Array;
  /** Which key of the identity it is; default 0. */
  keyId?: number;
  /** Suites offered; default `['sealed']`. `signed` and `signed-8` leave bodies readable. */
  suites?: readonly Suite[];
  /** Suites offered inside TLS, after its certificate was verified; default all three. */
  suitesTls?: readonly Suite[];
  /** Whom to believe at addresses `tidelocks://…`; only with such addresses. */
  tls?: DeviceTls;
  /** Largest body taken from the gateway; default and most 16,383. */
  largest?: number;
  /** Longest round trip of the handshake; half of it adds to the worst age of a frame. Default: the gateway's window. */
  roundTrip?: number;
  /** ms to open a connection. Default 10,000. */
  connectTimeout?: number;
  outbox?: OutboxOptions;
  /** Default lifetime of a message, ms. Default 60,000. */
  lifetime?: number;
  /** Bytes that may wait in the connection for a gateway that reads slowly; at least 32,768. Default 262,144. */
  unsent?: number;
  record?: RecordStore;
  /** Aborting it closes the device at once. */
  signal?: AbortSignal;
  /** The application's clock; tests own the time through it. */
  clock?: Clock;
  /** False: `connect()` starts it. Default true: it connects as soon as it is made. */
  start?: boolean;
}

export interface DeviceSendOptions {
  /** ms from now after which it is given up with EXPIRED. */
  lifetime?: number;
  /** Where it was sent, never acknowledged, and the gateway has lost its record: `report` IN_DOUBT (default), or `repeat`. */
  doubt?: 'report' | 'repeat';
  /** Gives it up, if it has not been sent yet: ends with CANCELLED. */
  signal?: AbortSignal;
}

export interface DevicePublishOptions extends DeviceSendOptions {
  /**
   * ms from now after which it is given up with EXPIRED. Where it is given, in whole seconds up to 65,535, the gateway is told it too:
   * the message is not worth carrying on after that.
   */
  lifetime?: number;
}

export interface DeviceSending {
  /** Number in the outbox. It changes where a lost outbox is renewed. */
  readonly id: number;
  /** Fulfilled when the gateway has it (durably, with a registry). Rejected with EXPIRED, REFUSED, QUEUE_FULL, IN_DOUBT, CANCELLED, CLOSED. */
  readonly acknowledged: Promise<void>;
}

/** A message from the gateway. `body` is a view: it stays valid. */
export interface DeviceMessage {
  readonly body: Buffer;
  /** Number in the gateway's outbox, 0 where no acknowledgement is wanted. */
  readonly id: number;
  /** When it was made: Unix ms by the gateway's clock. */
  readonly time: number;
  /** Under which topic it came; undefined: under none. */
  readonly topic: string | undefined;
  /**
   * How far its source can be trusted, as the gateway says. `proved`: the gateway's own application, or a device that has proved its key;
   * `tls`: who was inside TLS with the gateway, such as a broker; `none`: anybody.
   */
  readonly trust: TopicTrust;
  /** It may have been acted on before. */
  readonly repeat: boolean;
  text(): string;
  /** Answers it now, before its handler or loop has ended: it will not come again. */
  done(): void;
}

export type DeviceState =
  /** Not started, or closed. */
  | { readonly name: 'stopped'; readonly reason: string }
  /** Opening the link and shaking hands with `url`. */
  | { readonly name: 'connecting'; readonly reason: string; readonly url: string }
  | { readonly name: 'online'; readonly reason: string; readonly url: string; readonly suite: Suite; readonly session: number }
  /** Comes back after `wait` ms. `reason` says in words why the last try ended; `error` is the same as an error with a code. */
  | { readonly name: 'waiting'; readonly reason: string; readonly wait: number; readonly error: Error };

export interface DeviceCounters {
  connects: number;
  sessions: number;
  received: number;
  posted: number;
  delivered: number;
  failed: number;
  /** `post` without a session or room; messages without acknowledgement that no loop fetched in time. */
  dropped: number;
  busy: number;
  clockLost: number;
  bytesIn: number;
  bytesOut: number;
  writes: number;
  refused: Record<string, number>;
}

export interface DeviceRefusal {
  readonly reason: string;
  readonly type: number;
  readonly id: number;
  readonly off: number;
}

/** Its promise decides the acknowledgement: fulfilled is ok, a throw is refused. */
export type DeviceMessageHandler = (message: DeviceMessage) => unknown;

/** Events and the arguments of their listeners. */
export interface DeviceEvents {
  /** A message; see DeviceMessageHandler for what the listener's promise means. */
  message: [message: DeviceMessage];
  state: [state: DeviceState];
  refused: [refusal: DeviceRefusal];
  /** Something failed that no caller waits for: a handler, the record's store. As everywhere in Node it is thrown where nobody listens. */
  error: [error: Error];
  /** A `post` was refused for lack of room; now there is some. */
  drain: [];
  close: [];
}

export interface DeviceCloseOptions {
  /** ms in which accepted messages may still be acknowledged. Default 5,000; 0: at once. */
  drain?: number;
}

/**
 * The class `Device` has this shape; `new Device(options)` starts to connect, and reconnects by itself until it is closed.
 *
 * `for await (const message of device)`: a message counts as handled when the loop asks for the next one, or at `done()`.
 * A loop that is left by `break` or a throw has not handled the one in hand: it comes again.
 * While nobody listens, the gateway is told busy and tries again.
 */
export interface DeviceApi extends EventEmitter<DeviceEvents>, AsyncIterable<DeviceMessage>, AsyncDisposable {
  readonly id: string;
  readonly state: DeviceState;

  /** Starts where `start: false` was given. */
  connect(): this;
  /** Fulfilled once online. Rejected with CLOSED, or the signal's reason. It waits through refusals: watch `state` for them. */
  online(options?: { signal?: AbortSignal }): Promise<void>;

  /** Queues a message that the gateway must acknowledge. Works offline too, within the outbox's bounds. Never throws for what `acknowledged` can tell. */
  send(body: string | Uint8Array, options?: DeviceSendOptions): DeviceSending;
  /** The same under a topic of 1 to 255 bytes, such as `temp/inlet`. Throws BAD_TOPIC. */
  publish(topic: string, body: string | Uint8Array, options?: DevicePublishOptions): DeviceSending;
  /** Sends without acknowledgement. False: not sent (offline, or too much waits: `drain` follows), and counted as dropped. */
  post(body: string | Uint8Array, options?: { topic?: string }): boolean;

  /** The messages that wait in the outbox. */
  readonly waiting: { readonly messages: number; readonly bytes: number };
  counters(): DeviceCounters;

  /** Takes no more, waits for the acknowledgements of what was accepted, says CLOSE, wipes the key. A second call joins the first. */
  close(options?: DeviceCloseOptions): Promise<void>;

  /** Whether the socket and the timer keep the process alive; they do by default. */
  ref(): this;
  unref(): this;
}
