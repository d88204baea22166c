/**
 * The device's host: sockets, one timer and the bodies of messages around the core's device machine. When to connect,
 * to ping, to send again and to wait is the core's; this opens what it asks to open and wakes it when it asked to be woken.
 *
 * Applications call from anywhere, also from inside an event of the core, so nothing of theirs calls the core at once:
 * it is done in `flush`, once a tick, which also makes all frames of a tick one write.
 */
import { ACK_OK, DOWN_HOST, SKIP, TYPE_MASK } from '../../assembly/abi.js';
import { ClockWatch, type ClockTimer } from '../clock.js';
import { DeviceCore } from '../core/index.js';
import type { DeviceSink } from '../core/types.js';
import { TidelockError } from '../errors.js';
import { formatAddress, shuffle, type Address } from '../transport/address.js';
import { linkBits, type Link, type LinkOwner, type LinkTotals } from '../transport/link.js';
import { Lingering } from '../transport/linger.js';
import { isTls } from '../transport/newcomer.js';
import { openError, openLink } from '../transport/open.js';
import { ReceivedMessage } from './message.js';
import type { Messages } from './messages.js';
import type { DeviceSetup } from './options.js';
import { DevicePath } from './path.js';
import { downError } from './reasons.js';
import { DeviceSender } from './sending.js';
import type { DeviceRecord, DeviceRefusal, DeviceState } from './types.js';
import { downName, refusalName, suiteName } from '../names.js';

/** Longest sleep of the timer: setTimeout takes 31 bits. */
const LONGEST_TIMER = 0x7fff_ffff;
/** The part of the window by which the clocks may part; the gateway's window is 2,000 ms unless it was set otherwise. */
const CLOCKS_PART = 500;

export interface EngineOwner {
  state(state: DeviceState): void;
  refused(refusal: DeviceRefusal): void;
  drain(): void;
  failed(error: unknown): void;
  /** Something may have become finished: called at the end of each tick with work. */
  settled(): void;
}

export class DeviceEngine implements DeviceSink, LinkOwner {
  readonly sender: DeviceSender;
  readonly totals: LinkTotals = { bytesIn: 0, bytesOut: 0, writes: 0 };
  readonly lingering = new Lingering();
  connects = 0;
  sessions = 0;
  received = 0;
  clockLost = 0;
  isOnline = false;
  readonly #setup: DeviceSetup;
  readonly #owner: EngineOwner;
  readonly #messages: Messages;
  readonly #addresses: Address[];
  #next = 0;
  #address: Address;
  #core: DeviceCore | undefined;
  #link: Link | undefined;
  #linkUp = false;
  #path: DevicePath | undefined;
  /** When opening the link is given up, monotonic ms. */
  #connectUntil = Infinity;
  #error: TidelockError | undefined;
  #epoch = 0;
  readonly #watch: ClockWatch;
  #timer: ClockTimer | undefined;
  #timerAt = Infinity;
  #flushing = false;
  #inFlush = false;
  #paused = false;
  #needDrain = false;
  #ref = true;
  /** Verdicts that the core does not know yet. */
  #okUpTo = 0;
  #verdict: { number: number; status: number } | undefined;

  constructor(setup: DeviceSetup, owner: EngineOwner, messages: Messages) {
    this.#setup = setup;
    this.#owner = owner;
    this.#messages = messages;
    this.#addresses = shuffle(setup.addresses);
    this.#address = this.#addresses[0]!;
    this.sender = new DeviceSender('the gateway', setup.outbox);
    this.#watch = new ClockWatch(setup.clock, CLOCKS_PART);
  }

  get url(): string {
    return formatAddress(this.#address);
  }

  get started(): boolean {
    return this.#core !== undefined;
  }

  async start(record: DeviceRecord | undefined): Promise<void> {
    const setup = this.#setup;
    const { outbox } = this.sender;
    this.#core = await DeviceCore.load({
      id: setup.id, key: setup.key, keyId: setup.keyId, link: 0, suites: setup.suites, largest: setup.largest, roundTrip: setup.roundTrip,
      outbox: outbox.number, outLow: 1, outSent: 0, outNext: outbox.ready,
      inOutbox: record?.outbox ?? 0, inLast: record?.last ?? 0,
    }, this);
    setup.key.fill(0); // the core has its copy
    this.#messages.outbox = record?.outbox ?? 0;
    this.#core.start(this.#now());
    this.#arm(false);
    this.schedule();
  }

  /** Asks for a flush at the end of this tick. */
  schedule(): void {
    if (this.#flushing || this.#core === undefined) return;
    this.#flushing = true;
    setImmediate(() => this.#flush());
  }

  post(body: Uint8Array, type?: number): boolean {
    const link = this.#link;
    if (!this.isOnline || link === undefined) return false;
    if (link.waiting + this.sender.postBytes + body.length > this.#setup.unsent) {
      this.#needDrain = true;
      return false;
    }
    this.sender.post(body, type);
    this.schedule();
    return true;
  }

  /** The application's verdict on a message. */
  verdict(number: number, status: number): void {
    if (status === ACK_OK) this.#okUpTo = number;
    else this.#verdict = { number, status };
    this.schedule();
  }

  get hasVerdicts(): boolean {
    return this.#okUpTo > 0 || this.#verdict !== undefined;
  }

  /** CLOSE to the gateway; `closed` is called when the link is gone. */
  stop(closed: () => void): void {
    const core = this.#core;
    if (core !== undefined) {
      this.#flush();
      core.stop(this.#now());
      if (this.#link !== undefined) this.#drop();
      core.wipe();
      this.#core = undefined;
    }
    this.#setup.key.fill(0);
    this.#timer?.cancel();
    this.#timer = undefined;
    this.sender.dropPosts();
    const now = this.#setup.clock.now();
    const wait = Math.max(0, this.lingering.nextDeadline - now);
    const timer = wait === Infinity ? undefined : this.#setup.clock.after(wait, () => this.lingering.destroy(), this.#ref);
    this.lingering.whenEmpty(() => {
      timer?.cancel();
      closed();
    });
  }

  ref(on: boolean): void {
    this.#ref = on;
    if (on) this.#link?.ref();
    else this.#link?.unref();
    if (this.#timer !== undefined) this.#arm(true);
  }

  counters(): Uint32Array {
    return this.#core?.counters() ?? new Uint32Array(0);
  }

  // ---- The core speaks ----

  output(bytes: Buffer): void {
    this.#link?.write(bytes);
    if (!this.#inFlush) this.schedule();
  }

  message(chunk: Buffer, start: number, end: number, id: number, time: number, flags: number): void {
    const message = new ReceivedMessage(chunk.subarray(start, end), id, this.#epoch + time, flags);
    if ((flags & TYPE_MASK) !== SKIP) this.received += 1;
    if (id === 0) this.sender.dropped += this.#messages.post(message);
    else this.#messages.take(message);
  }

  probed = (bytes: number): void => this.#path?.probed(bytes, this.#setup.clock.now());

  wanted(first: number, count: number): void {
    this.#path?.wanted(first, count, this.#setup.clock.now());
    this.sender.wanted(first, count);
    this.schedule();
  }

  result(id: number, status: number): void {
    this.sender.result(id, status);
    this.schedule();
  }

  outboxUnknown(doubt: number): void {
    this.sender.outboxUnknown(doubt);
    this.schedule();
  }

  refused(reason: number, type: number, id: number, off: number): void {
    this.#owner.refused({ reason: refusalName(reason), type: type & TYPE_MASK, id, off });
  }

  online(suite: number, session: number, fresh: boolean): void {
    this.isOnline = true;
    this.#path = this.#link?.datagram === true ? new DevicePath(this.#core!, this.#setup.clock.now()) : undefined;
    this.sessions += 1;
    this.#epoch = this.#core!.info().epoch;
    if (fresh) {
      this.#okUpTo = 0;
      this.#verdict = undefined;
      this.#messages.restart(this.#core!.record().inOutbox);
    }
    this.#owner.state({ name: 'online', reason: '', url: this.url, suite: suiteName(suite), session });
    this.schedule();
  }

  closed(): void {
    // `disconnect` follows and tells the reason.
  }

  clock(): void {
    // The core has set its clock; nothing here depends on it.
  }

  connect(): void {
    this.#address = this.#addresses[this.#next % this.#addresses.length]!;
    this.#next += 1;
    this.connects += 1;
    this.#error = undefined;
    this.#connectUntil = this.#setup.clock.now() + this.#setup.connectTimeout;
    this.#linkUp = false;
    const link: Link = openLink(this.#address, this.#setup, this, this.totals, () => this.#opened(link));
    if (!this.#ref) link.unref();
    this.#link = link;
    this.#owner.state({ name: 'connecting', reason: '', url: this.url });
  }

  disconnect(why: number, detail: number, wait: number): void {
    const online = this.isOnline;
    this.isOnline = false;
    this.#path = undefined;
    this.#drop();
    this.sender.dropPosts();
    this.#owner.state(why === DOWN_HOST
      ? { name: 'stopped', reason: downName(why, detail) }
      : this.#waiting(why, detail, wait, online));
    this.schedule();
  }

  // ---- The link speaks ----

  linkReceived(chunk: Buffer): void {
    const core = this.#core, link = this.#link;
    if (core === undefined) return;
    if (!this.isOnline && link?.kind === 'tcp' && isTls(chunk)) this.#error = new TidelockError('TLS_EXPECTED', { address: this.url });
    core.receive(chunk, this.#now());
    if (link !== undefined && link === this.#link && !this.#paused && link.waiting > this.#setup.unsent) {
      this.#paused = true; // what we read makes answers, and the gateway does not read those it has
      link.pause();
    }
    this.#arm(false);
  }

  linkEnded(): void {
    if (!this.#linkUp) this.#error = openError(this.#address, new Error('it closed the connection'));
    this.#lost();
  }

  linkDrained(): void {
    if (this.#paused) {
      this.#paused = false;
      this.#link?.resume();
    }
    if (this.#needDrain) {
      this.#needDrain = false;
      this.#owner.drain();
    }
    this.schedule();
  }

  linkGone(error: Error | undefined): void {
    if (error !== undefined) {
      this.#error = this.#linkUp && (this.isOnline || this.#link?.datagram !== true)
        ? new TidelockError('LINK_LOST', { peer: this.url, reason: error.message }, { cause: error })
        : openError(this.#address, error);
    }
    this.#link = undefined;
    this.#lost();
  }

  #opened(link: Link): void {
    if (link !== this.#link || this.#core === undefined) return;
    this.#linkUp = true;
    this.#connectUntil = Infinity;
    const { suites, suitesTls } = this.#setup;
    this.#core.useLink(linkBits(link), link.kind === 'tls' ? suitesTls : suites);
    this.#core.connected(this.#now());
    this.#arm(false);
  }

  #lost(): void {
    this.#core?.lost(this.#now());
    this.#arm(false);
  }

  /** Closes the link: what was written still leaves. */
  #drop(): void {
    const link = this.#link;
    this.#link = undefined;
    this.#connectUntil = Infinity;
    this.#paused = false;
    if (link === undefined) return;
    if (this.#linkUp) this.lingering.end(link, this.#setup.clock.now());
    else link.destroy();
  }

  // ---- Work and time ----

  #flush(): void {
    this.#flushing = false;
    const core = this.#core;
    if (core === undefined) return;
    const now = this.#now();
    this.#inFlush = true;
    if (this.#okUpTo > 0) {
      const number = this.#okUpTo;
      this.#okUpTo = 0;
      core.answer(number, ACK_OK, now);
    }
    if (this.#verdict !== undefined) {
      const { number, status } = this.#verdict;
      this.#verdict = undefined;
      this.#messages.told();
      core.answer(number, status, now);
    }
    this.sender.flush(core, now);
    this.#inFlush = false;
    this.#link?.flush();
    this.#arm(false);
    this.#owner.settled();
  }

  /** The core's `now`. */
  #now(): number {
    const now = this.#setup.clock.now();
    if (this.#watch.parted(now) !== 0) {
      this.clockLost += 1;
      this.#core?.clockLost(Math.floor(now) >>> 0);
      this.schedule();
    }
    return Math.floor(now) >>> 0;
  }

  /** Does what is due in the core and sets the one timer. `anew`: even where it stands already. */
  #arm(anew: boolean): void {
    const core = this.#core;
    if (core === undefined) return;
    const wait = core.poll(this.#now());
    const now = this.#setup.clock.now();
    const at = Math.min(now + wait, this.#connectUntil, this.sender.outbox.nextDeadline, this.#path?.deadline ?? Infinity, this.lingering.nextDeadline, now + LONGEST_TIMER);
    // A timer that fires too early costs one look; to set it at each chunk would cost more.
    if (!anew && this.#timer !== undefined && this.#timerAt <= at) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#setup.clock.after(Math.max(1, Math.ceil(at - now)), () => this.#wake(), this.#ref);
  }

  #wake(): void {
    this.#timer = undefined;
    const now = this.#setup.clock.now();
    if (now >= this.#connectUntil) {
      this.#error = new TidelockError('CONNECT_TIMEOUT', { address: this.url, ms: this.#setup.connectTimeout });
      this.#lost();
    }
    this.#path?.work(now);
    this.sender.outbox.expire(now);
    this.lingering.tick(now);
    this.#arm(false);
    this.#owner.settled();
  }

  #waiting(why: number, detail: number, wait: number, online: boolean): DeviceState {
    const error = downError({
      why, detail, online, identity: this.#setup.id, address: this.url, roundTrip: this.#setup.roundTrip, error: this.#error,
    });
    return { name: 'waiting', reason: error.problem, wait, error };
  }
}
