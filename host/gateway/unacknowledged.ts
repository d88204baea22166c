/**
 * Messages of devices whose protocol knows no ACK, on their way into the durable inbox. Nobody sends them again: what finds no room here while
 * a commit is slow, or none in the inbox, is dropped, counted and logged. One commit at a time, so that a device's stay in
 * order; a database that went away is waited for, with what fits into `limits.uncommitted`.
 */
import { costOf } from '../delivery/handling.js';
import { newOutboxNumber } from '../delivery/outbox.js';
import { TidelockError } from '../errors.js';
import { unacknowledged } from '../registry/unacknowledged.js';
import type { Received, Registry } from '../registry/types.js';
import type { Engine } from './engine.js';
import type { GatewayMessage } from './message.js';
import { outlasting } from './outlast.js';

/** Messages of one commit. */
const AT_ONCE = 4_096;
const LAST_NUMBER = 0xffff_ffff;

export class UnacknowledgedUp {
  dropped = 0;
  readonly #engine: Engine;
  readonly #registry: Registry;
  readonly #over = new AbortController();
  /** Drawn anew for each run of a gateway: with the number, which rises over all devices, it makes every id once. */
  #outbox = newOutboxNumber();
  #number = 0;
  #waiting: Received[] = [];
  #bytes = 0;
  #running: Promise<void> | undefined;

  constructor(engine: Engine, registry: Registry) {
    this.#engine = engine;
    this.#registry = registry;
  }

  /** Some are not committed yet. */
  get undecided(): boolean {
    return this.#running !== undefined;
  }

  take({ device, time, body, trust }: GatewayMessage): void {
    const cost = costOf(body.length);
    if (this.#bytes + cost > this.#engine.limits.uncommitted) {
      this.#drop(device, 'too much waits for the database');
      return;
    }
    if (this.#number === LAST_NUMBER) {
      this.#outbox = newOutboxNumber();
      this.#number = 0;
    }
    this.#bytes += cost;
    // A copy: the chunk that it came in is larger, and may wait for as long as the database does.
    this.#waiting.push({ lease: unacknowledged(device, this.#outbox), id: ++this.#number, time, repeat: false, trust, body: Buffer.from(body) });
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      this.#engine.settled();
    });
  }

  /** A database that is away is not waited for any more. Fulfilled when nothing is under way. */
  async close(): Promise<void> {
    this.#over.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve)); // what came in the same turn goes together
    while (this.#waiting.length > 0) await this.#commit(this.#waiting.splice(0, AT_ONCE));
  }

  async #commit(messages: readonly Received[]): Promise<void> {
    const engine = this.#engine;
    try {
      const verdicts = await outlasting(this.#registry, this.#over.signal, () => this.#registry.commit(messages));
      verdicts.forEach((verdict, i) => {
        const message = messages[i]!;
        if (verdict === 'durable') {
          engine.passing.committed(message);
        } else {
          this.#drop(message.lease.identity, verdict === 'full' ? 'the inbox is full' : 'the device was disabled');
        }
      });
    } catch (cause) {
      const reason = String((cause as Error)?.message ?? cause);
      // At the end what waits is not tried in turn, each for as long as the database may take to answer.
      const lost = this.#over.signal.aborted ? [...messages, ...this.#waiting.splice(0)] : messages;
      for (const { lease } of lost) this.#drop(lease.identity, reason);
      engine.failed(new TidelockError('COMMIT_FAILED', { reason }, { cause }));
    }
    for (const { body } of messages) this.#bytes -= costOf(body!.length);
  }

  #drop(device: string, reason: string): void {
    const { log, clock } = this.#engine;
    this.dropped += 1;
    log.warn(clock.now(), { device, reason }, 'a message without acknowledgement did not get into the inbox');
  }
}
