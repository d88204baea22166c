/** The device as an application uses it. */
import { EventEmitter } from 'node:events';
import { DATA, ROUTE } from '../../assembly/abi.js';
import { isIdentity } from '../core/index.js';
import { routeBody } from '../core/topic.js';
import { emitError, emitSafely, Subscribers } from '../delivery/subscribers.js';
import { Outcome } from '../delivery/outcome.js';
import { TidelockError } from '../errors.js';
import { refusalCounts } from '../names.js';
import { DeviceEngine, type EngineOwner } from './engine.js';
import { Loop } from './loop.js';
import { Messages, type MessagesOwner } from './messages.js';
import { LARGEST_ACKNOWLEDGED, LARGEST_BODY, bytesOf, checkDoubt, checkLifetime, checkTopic } from '../options.js';
import { checkDeviceOptions, type DeviceSetup } from './options.js';
import type {
  DeviceApi, DeviceCloseOptions, DeviceCounters, DeviceEvents, DeviceMessage, DeviceMessageHandler, DeviceOptions, DevicePublishOptions, DeviceRecord,
  DeviceRefusal, DeviceSending, DeviceSendOptions, DeviceState,
} from './types.js';

const DRAIN_MS = 5_000;
/** What ROUTE's lifetime holds, s. */
const LONGEST_ROUTE = 65_535;

/** What the parts tell the device; kept apart so that it is not part of its public face. */
class Parts implements EngineOwner, MessagesOwner {
  readonly #device: { state(state: DeviceState): void; settled(): void; emitter: EventEmitter };
  engine!: DeviceEngine;

  constructor(device: { state(state: DeviceState): void; settled(): void; emitter: EventEmitter }) {
    this.#device = device;
  }

  state(state: DeviceState): void {
    this.#device.state(state);
  }

  refused(refusal: DeviceRefusal): void {
    emitSafely(this.#device.emitter, 'refused', refusal);
  }

  drain(): void {
    emitSafely(this.#device.emitter, 'drain');
  }

  failed(error: unknown): void {
    emitError(this.#device.emitter, error);
  }

  settled(): void {
    this.#device.settled();
  }

  verdict(number: number, status: number): void {
    this.engine.verdict(number, status);
  }
}

export class Device extends EventEmitter<DeviceEvents> implements DeviceApi {
  readonly id: string;
  readonly #setup: DeviceSetup;
  readonly #engine: DeviceEngine;
  readonly #messages: Messages;
  #state: DeviceState = { name: 'stopped', reason: 'not started' };
  #begun = false;
  #online = new Outcome<void>();
  #closing: Promise<void> | undefined;
  #settled: (() => void) | undefined;
  #hurry = false;

  /** Throws BAD_ADDRESS, BAD_IDENTITY, BAD_KEY, BAD_OPTION or UNKNOWN_OPTION; what happens later comes by `state`. */
  constructor(options: DeviceOptions) {
    super();
    const setup = checkDeviceOptions(options);
    if (!isIdentity(setup.id)) throw new TidelockError('BAD_IDENTITY', { identity: JSON.stringify(setup.id), problem: 'does not have the form of one' });
    this.id = setup.id;
    this.#setup = setup;
    const parts = new Parts({ state: (state) => this.#changed(state), settled: () => this.#settled?.(), emitter: this });
    this.#messages = new Messages(parts, new Subscribers<DeviceMessageHandler>(this, 'message'), setup.record);
    this.#engine = parts.engine = new DeviceEngine(setup, parts, this.#messages);
    const { signal } = setup;
    if (signal?.aborted === true) {
      void this.close({ drain: 0 });
    } else {
      signal?.addEventListener('abort', this.#abort, { once: true });
      if (setup.start) this.connect();
    }
  }

  get state(): DeviceState {
    return this.#state;
  }

  get waiting(): { readonly messages: number; readonly bytes: number } {
    const { outbox } = this.#engine.sender;
    return { messages: outbox.size, bytes: outbox.bytes };
  }

  connect(): this {
    if (this.#closing !== undefined) throw new TidelockError('CLOSED', { what: 'the device' });
    if (!this.#begun) {
      this.#begun = true;
      void this.#start();
    }
    return this;
  }

  online(options: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.#state.name === 'online') return Promise.resolve();
    const { signal } = options;
    const online = this.#online.promise;
    if (signal === undefined) return online;
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason as Error);
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
      online.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
  }

  send(body: string | Uint8Array, options: DeviceSendOptions = {}): DeviceSending {
    return this.#send(DATA, bytesOf(body, LARGEST_ACKNOWLEDGED), options);
  }

  publish(topic: string, body: string | Uint8Array, options: DevicePublishOptions = {}): DeviceSending {
    const seconds = options.lifetime === undefined ? 0 : Math.ceil(checkLifetime(options.lifetime) / 1000);
    return this.#send(ROUTE, routed(topic, seconds, body, LARGEST_ACKNOWLEDGED), options);
  }

  #send(type: number, bytes: Uint8Array, options: DeviceSendOptions): DeviceSending {
    const message = this.#engine.sender.outbox.add(bytes, this.#setup.clock.now(), {
      lifetime: checkLifetime(options.lifetime ?? this.#setup.lifetime),
      doubt: checkDoubt(options.doubt ?? 'report'),
      signal: options.signal,
      type,
      refuse: this.#closing === undefined ? undefined : new TidelockError('CLOSED', { what: 'the device' }),
    });
    this.#engine.schedule();
    return message;
  }

  post(body: string | Uint8Array, { topic }: { topic?: string } = {}): boolean {
    const bytes = topic === undefined ? bytesOf(body, LARGEST_BODY) : routed(topic, 0, body, LARGEST_BODY);
    if (this.#closing === undefined && this.#engine.post(bytes, topic === undefined ? DATA : ROUTE)) return true;
    this.#engine.sender.dropped += 1;
    return false;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<DeviceMessage> {
    const loop = new Loop((left) => this.#messages.loops.delete(left));
    this.#messages.loops.add(loop);
    if (this.#closing !== undefined) loop.end();
    return loop;
  }

  counters(): DeviceCounters {
    const { sender, totals, connects, sessions, received, clockLost } = this.#engine;
    const { posted, dropped, busy } = sender;
    return {
      connects, sessions, received, posted, dropped, busy, clockLost, ...totals,
      delivered: sender.totals.delivered, failed: sender.totals.failed, refused: refusalCounts(this.#engine.counters()),
    };
  }

  close(options: DeviceCloseOptions = {}): Promise<void> {
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

  ref(): this {
    this.#engine.ref(true);
    return this;
  }

  unref(): this {
    this.#engine.ref(false);
    return this;
  }

  readonly #abort = (): void => {
    void this.close({ drain: 0 });
  };

  async #start(): Promise<void> {
    let record: DeviceRecord | undefined;
    try {
      record = await this.#setup.record?.load();
    } catch (cause) {
      const reason = String((cause as Error)?.message ?? cause);
      emitError(this, new TidelockError('RECORD_FAILED', { call: 'load', reason }, { cause }));
      await this.close({ drain: 0 });
      return;
    }
    if (this.#closing === undefined) await this.#engine.start(record);
  }

  #changed(state: DeviceState): void {
    this.#state = state;
    if (state.name === 'online') this.#online.resolve();
    else if (!this.#online.open) this.#online = new Outcome<void>();
    emitSafely(this, 'state', state);
  }

  /** Accepted and not yet finished: messages to the gateway, and verdicts on messages from it. */
  get #busy(): boolean {
    return !this.#engine.sender.idle || this.#messages.size > 0 || this.#engine.hasVerdicts;
  }

  async #close(drain: number): Promise<void> {
    await Promise.resolve(); // never from inside an event of the core
    this.#setup.signal?.removeEventListener('abort', this.#abort);
    if (drain > 0 && !this.#hurry && this.#busy && this.#engine.started) {
      await new Promise<void>((resolve) => {
        const until = this.#setup.clock.now() + drain;
        const timer = this.#setup.clock.after(drain, resolve, true);
        this.#settled = () => {
          if (this.#busy && this.#setup.clock.now() < until && !this.#hurry) return;
          timer.cancel();
          resolve();
        };
      });
    }
    this.#settled = undefined;
    await new Promise<void>((resolve) => this.#engine.stop(resolve));
    const { outbox } = this.#engine.sender;
    outbox.close((message) => (message.sent ? new TidelockError('IN_DOUBT') : new TidelockError('CLOSED', { what: 'the device' })));
    this.#messages.end();
    if (this.#state.name !== 'stopped' || this.#state.reason !== 'closed') this.#changed({ name: 'stopped', reason: 'closed' });
    this.#online.reject(new TidelockError('CLOSED', { what: 'the device' }));
    this.emit('close');
  }
}

/** A ROUTE's body. Throws BAD_TOPIC and TOO_LONG. */
function routed(topic: string, seconds: number, body: string | Uint8Array, largest: number): Uint8Array {
  const head = routeBody(checkTopic(topic), seconds > LONGEST_ROUTE ? 0 : seconds, NOTHING);
  return Buffer.concat([head, bytesOf(body, largest - head.length)]);
}

const NOTHING = new Uint8Array(0);
