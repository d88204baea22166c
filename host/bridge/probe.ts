/**
 * Whether what the broker acknowledges gets through: of each class of topics one message is published and waited for. A broker of MQTT 3.1.1
 * acknowledges also what it drops for want of rights. Probes go to an id that no device can have.
 */
import { randomBytes } from 'node:crypto';
import type { ClockTimer } from '../clock.js';
import type { Connection, Received } from './connection.js';
import type { Shared } from './context.js';
import { FAILURE, reasonText } from './packets.js';
import { NO_REALM } from './topics.js';

/** ms for a probe to come back. */
const PATIENCE = 5_000;
/** ms after the connection stands: the start is busy enough. */
const FIRST = 1_000;

export class Probe {
  /** Classes whose last probe did not come back, with the reason. */
  readonly failed = new Map<string, string>();
  readonly #shared: Shared;
  readonly #connection: Connection;
  readonly #topics: readonly (readonly [kind: string, topic: string])[];
  /** Classes of this round that are not decided yet. */
  #left: (readonly [kind: string, topic: string])[] = [];
  #running = false;
  #timer: ClockTimer | undefined;
  #nonce = '';
  #under = '';
  #settled: ((reason: string) => void) | undefined;
  #closed = false;

  constructor(shared: Shared, connection: Connection) {
    const { prefix, gateway } = shared.topics, nobody = `${prefix}/${NO_REALM}/$${gateway}`;
    this.#shared = shared;
    this.#connection = connection;
    this.#topics = [['up', `${nobody}/up/$probe`], ['status', `${nobody}/status`], ['result', `${nobody}/result`], ['$gw', shared.topics.own('probe')]];
    this.#left = [...this.#topics];
  }

  /** The connection stands: the round goes on, or begins where none was yet. */
  up(): void {
    if (this.#left.length > 0) this.#arm(FIRST);
  }

  /** Some brokers end the connection for what they do not allow; then it is not probed again in this round, or it would never stand. */
  down(): void {
    this.#settled?.('the broker ended the connection');
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#settled?.('');
  }

  /** True: it was one of ours. */
  received({ topic, payload }: Received): boolean {
    if (!this.#topics.some(([, name]) => name === topic)) return false;
    if (topic === this.#under && payload.toString('latin1') === this.#nonce) this.#settled?.('');
    return true;
  }

  #arm(ms: number): void {
    this.#timer?.cancel();
    if (this.#closed || this.#shared.setup.probe === 0) return;
    this.#timer = this.#shared.host.clock.after(ms, () => void this.#run(), false);
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    if (this.#left.length === 0) this.#left = [...this.#topics];
    while (this.#left.length > 0 && this.#connection.isUp && !this.#closed) {
      const [kind, topic] = this.#left[0]!, reason = await this.#ask(topic);
      if (this.#closed) break;
      this.#left.shift();
      this.#tell(kind, topic, reason);
    }
    this.#running = false;
    if (this.#left.length === 0) this.#arm(this.#shared.setup.probe); // else `up` goes on
  }

  /** Empty: it came back. */
  #ask(topic: string): Promise<string> {
    // JSON, as whoever has subscribed to status and results expects.
    const connection = this.#connection, nonce = JSON.stringify({ probe: randomBytes(8).toString('hex') });
    this.#nonce = nonce;
    this.#under = topic;
    return new Promise<string>((resolve) => {
      const timer = this.#shared.host.clock.after(PATIENCE, () => this.#settled?.('the broker acknowledged it and did not hand it on'), false);
      this.#settled = (reason) => {
        this.#settled = undefined;
        timer.cancel();
        if (connection.isUp) void connection.unsubscribe([topic]);
        resolve(reason);
      };
      connection.subscribe([topic], 1).then(() => {
        if (this.#nonce !== nonce || !connection.isUp) return;
        connection.publish(topic, nonce, {}, { answered: (reason) => {
          if (this.#nonce === nonce && reason >= FAILURE) this.#settled?.(`it is refused: ${reasonText(reason)}`);
        } });
      }, (error: unknown) => {
        if (this.#nonce === nonce && connection.isUp) this.#settled?.(`reading it is refused: ${(error as Error).message}`);
      });
    });
  }

  #tell(kind: string, topic: string, reason: string): void {
    const { host, setup } = this.#shared;
    if (reason === '') {
      this.failed.delete(kind);
      return;
    }
    if (!this.failed.has(kind)) {
      const text = `a probe of the topics "${kind}" (${topic}) did not come back: ${reason}; what the gateway publishes there may be lost`;
      host.logger?.warn({ broker: setup.url, topics: kind }, text);
      host.alarm({ kind: 'broker', device: undefined, text });
    }
    this.failed.set(kind, reason);
  }
}
