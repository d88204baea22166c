/**
 * The device's side of IoTSocket, towards the Python server: it connects, comes back by itself, and moves bytes around
 * the core, which has the rules.
 */
import { randomInt } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { systemClock, type Clock, type ClockTimer } from '../../clock.js';
import { IotsocketCore, type IotsocketSink } from '../../core/index.js';
import { emitSafely } from '../../delivery/subscribers.js';
import { TidelockError } from '../../errors.js';
import { checkInteger, checkNames } from '../../options.js';
import type { Address } from '../../transport/address.js';
import type { Link, LinkOwner } from '../../transport/link.js';
import { openError, openLink } from '../../transport/open.js';
import type { TlsTrust } from '../../transport/tls/client.js';
import { checkTrust, type DeviceTls } from '../../transport/tls/trust.js';
import { parseIotsocketAddress } from './address.js';
import { bodyBytes } from './body.js';
import { iotsocketKey } from './key.js';
import { ReceivedMessage } from './message.js';
import { Pushes } from './pushes.js';
import { iotsocketReason } from './reasons.js';
import type { IotsocketMessage } from './types.js';

const KNOWN = ['url', 'id', 'key', 'greeting', 'queue', 'connectTimeout', 'tls', 'clock'];
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

export interface IotsocketDeviceOptions {
  /** `iotsocket://host:port`, or `iotsockets://host:port` inside TLS; without a port it is 9000. */
  url: string;
  /** Ten digits. */
  id: string;
  /** Text of 1 to 128 bytes without colon, line end or |#|. It crosses the wire in every frame. */
  key: string;
  /** Sent at the beginning of each connection: the server knows the device, and can reach it, from its first message on. */
  greeting?: string;
  /** Messages that may wait for the protocol's pauses; default 1,000. */
  queue?: number;
  /** ms; default 10,000. */
  connectTimeout?: number;
  /** Whom it believes, where the address is `iotsockets://`. Default: the authorities that Node knows. */
  tls?: DeviceTls;
  /** The application's clock; tests own the time through it. */
  clock?: Clock;
}

export interface IotsocketDeviceState {
  readonly name: 'connecting' | 'online' | 'waiting' | 'closed';
  /** Why, in words; empty where all is well. */
  readonly reason: string;
}

export interface IotsocketDeviceEvents {
  message: [message: IotsocketMessage];
  state: [state: IotsocketDeviceState];
  /** Why a connection could not be opened, or was ended. It comes back by itself. Needs no listener. */
  trouble: [error: TidelockError];
}

export class IotsocketDevice extends EventEmitter<IotsocketDeviceEvents> implements IotsocketSink, LinkOwner {
  readonly #options: Required<Omit<IotsocketDeviceOptions, 'greeting' | 'url' | 'tls' | 'clock'>> & { greeting: Uint8Array | undefined };
  readonly #address: Address;
  readonly #trust: TlsTrust;
  readonly #clock: Clock;
  readonly #core = new IotsocketCore();
  readonly #totals = { bytesIn: 0, bytesOut: 0, writes: 0 };
  #state: IotsocketDeviceState = { name: 'connecting', reason: '' };
  #link: Link | undefined;
  #slot = -1;
  #pushes: Pushes | undefined;
  #tries = 0;
  #timer: ClockTimer | undefined;
  #refused = '';

  /** Begins to connect. Throws BAD_ADDRESS, BAD_IDENTITY, BAD_KEY, BAD_OPTION, UNKNOWN_OPTION, IOTSOCKET_BODY. */
  constructor(options: IotsocketDeviceOptions) {
    super();
    if (typeof options !== 'object' || options === null) throw new TypeError('IotsocketDevice needs an object with url, id and key');
    checkNames(options, KNOWN, 'IotsocketDevice');
    const { id, key, greeting } = options;
    iotsocketKey(id, key);
    this.#address = parseIotsocketAddress(options.url);
    this.#trust = { ...checkTrust(options.tls, [this.#address]), older: true };
    this.#clock = options.clock ?? systemClock;
    this.#options = {
      id, key,
      greeting: greeting === undefined ? undefined : bodyBytes(greeting),
      queue: checkInteger('queue', options.queue ?? 1_000, 1, 1_000_000),
      connectTimeout: checkInteger('connectTimeout', options.connectTimeout ?? 10_000, 1, 600_000),
    };
    queueMicrotask(() => this.#connect());
  }

  get state(): IotsocketDeviceState {
    return this.#state;
  }

  /**
   * Sends it, or lets it wait for a pause of the protocol's. False: not connected, or too many wait. There is no
   * acknowledgement: true says only that the bytes are on their way. Throws IOTSOCKET_BODY.
   */
  post(body: string | Uint8Array): boolean {
    return this.#pushes?.push(bodyBytes(body)) ?? false;
  }

  /** Messages that wait for their time. */
  get waiting(): number {
    return this.#pushes?.size ?? 0;
  }

  close(): void {
    if (this.#state.name === 'closed') return;
    this.#tell('closed', '');
    this.#timer?.cancel();
    this.#drop(true);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #connect(): void {
    if (this.#state.name === 'closed') return;
    this.#tell('connecting', '');
    this.#refused = '';
    this.#link = openLink(this.#address, { tls: this.#trust }, this, this.#totals, () => this.#opened());
    this.#timer = this.#clock.after(this.#options.connectTimeout, () => {
      const { connectTimeout: ms } = this.#options;
      this.#lost(new TidelockError('CONNECT_TIMEOUT', { address: this.#where, ms }));
    }, true);
  }

  get #where(): string {
    return `${this.#address.host}:${this.#address.port}`;
  }

  #opened(): void {
    const link = this.#link, { id, key, queue, greeting } = this.#options;
    if (link === undefined) return;
    this.#timer?.cancel();
    this.#slot = this.#core.open(this, true, link.kind === 'tls', this.#clock.unix());
    this.#core.device(this.#slot, id, key);
    this.#pushes = new Pushes(this.#core, this.#slot, link, this.#clock, queue);
    this.#keepAlive();
    if (greeting !== undefined) this.#pushes.push(greeting);
    this.#tell('online', '');
  }

  #keepAlive(): void {
    const { next, bytes } = this.#core.tick(this.#slot, this.#clock.unix());
    if (bytes !== undefined) {
      this.#link!.write(bytes);
      this.#link!.flush();
    }
    this.#timer = this.#clock.after(next, () => this.#keepAlive(), false);
  }

  #lost(error: TidelockError): void {
    if (this.#state.name === 'closed' || this.#state.name === 'waiting') return;
    this.#timer?.cancel();
    const stood = this.#slot >= 0;
    this.#drop(false);
    // Some of the wait is drawn by lot, so that a thousand devices do not come back in one moment.
    if (stood && this.#refused === '') this.#tries = 0;
    const most = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#tries++);
    this.#tell('waiting', error.problem);
    emitSafely(this, 'trouble', error);
    if (this.state.name !== 'waiting') return; // closed by a listener
    this.#timer = this.#clock.after(most / 2 + randomInt(most / 2 + 1), () => this.#connect(), true);
  }

  #drop(gently: boolean): void {
    const link = this.#link;
    this.#link = undefined;
    this.#pushes?.end();
    this.#pushes = undefined;
    if (this.#slot >= 0) this.#core.free(this.#slot);
    this.#slot = -1;
    if (link === undefined || link.closing) return;
    if (gently) link.end(() => {});
    else link.destroy();
  }

  #tell(name: IotsocketDeviceState['name'], reason: string): void {
    this.#state = { name, reason };
    emitSafely(this, 'state', this.#state);
  }

  // ---- The core tells ----

  /** @internal */
  login(): void {
    // A gateway's affair.
  }

  /** @internal */
  message(chunk: Buffer, start: number, end: number, time: number): void {
    const link = this.#link;
    if (link === undefined) return;
    emitSafely(this, 'message', new ReceivedMessage(this.#options.id, time, link.kind === 'tls' ? 'tls' : 'none', chunk, start, end));
  }

  /** @internal */
  refused(reason: number): void {
    this.#refused = iotsocketReason(reason);
    this.#lost(new TidelockError('PROTOCOL_BROKEN', { peer: this.#where, reason: this.#refused }));
  }

  // ---- The link tells ----

  /** @internal */
  linkReceived(chunk: Buffer): void {
    this.#core.receive(this.#slot, chunk, this.#clock.unix());
  }

  /** @internal */
  linkEnded(): void {
    this.#lost(new TidelockError('IOTSOCKET_CLOSED', { address: this.#where, identity: this.#options.id }));
  }

  /** @internal */
  linkDrained(): void {
    this.#pushes?.drained();
  }

  /** @internal */
  linkGone(error: Error | undefined): void {
    if (error !== undefined && this.#slot < 0) this.#lost(openError(this.#address, error));
    else this.linkEnded();
  }
}
