/** What the gateway knows of its own clock by asking time servers, what it says about it, and whom it passes it on to. */
import type { Clock } from '../clock.js';
import { SntpClient, type ServerState } from '../time/client.js';
import { SntpResponder } from '../time/responder.js';
import { addressPrefix } from '../transport/address.js';
import { HelloBuckets } from './buckets.js';
import type { LimitedLog } from './log.js';
import type { GatewaySetup } from './options.js';
import type { Alarm, GatewayCounters } from './types.js';

export interface TimeEvents {
  alarm(alarm: Alarm): void;
  failed(error: unknown): void;
}

export type TimeCounters = Pick<GatewayCounters, 'clockError' | 'sntpAnswered' | 'sntpDropped'>;

/** Of a gateway that asks no time server. */
export const NO_TIME: TimeCounters = { clockError: undefined, sntpAnswered: 0, sntpDropped: 0 };

export class GatewayTime {
  readonly #client: SntpClient;
  readonly #clock: Clock;
  readonly #log: LimitedLog;
  readonly #events: TimeEvents;
  /** ms: the part of the window that devices may drift by. */
  readonly #limit: number;
  readonly #problems = new Map<string, string | undefined>();
  #responder: SntpResponder | undefined;
  #told: 'nothing' | 'right' | 'off' = 'nothing';

  /** Undefined where no time server is configured. Rejects with SNTP_LISTEN_FAILED. */
  static async start(setup: GatewaySetup, log: LimitedLog, events: TimeEvents): Promise<GatewayTime | undefined> {
    if (setup.sntp.length === 0) return undefined;
    const time = new GatewayTime(setup, log, events);
    try {
      if (setup.sntpListen !== undefined) await time.#listen(setup);
    } catch (error) {
      await time.close();
      throw error;
    }
    return time;
  }

  private constructor(setup: GatewaySetup, log: LimitedLog, events: TimeEvents) {
    this.#clock = setup.clock;
    this.#log = log;
    this.#events = events;
    this.#limit = setup.window / 4;
    this.#client = new SntpClient({ servers: setup.sntp, clock: setup.clock, told: (server) => this.#heard(server) });
  }

  async #listen({ sntpListen, clock, limits }: GatewaySetup): Promise<void> {
    const buckets = new HelloBuckets({
      rate: limits.helloRate, burst: limits.helloBurst, rateTotal: limits.helloRateTotal, burstTotal: limits.helloBurstTotal,
    }, clock.now());
    this.#responder = await SntpResponder.listen({
      listen: sntpListen!,
      clock,
      estimate: () => this.#client.estimate(),
      admit: (address, now) => buckets.take(addressPrefix(address), now),
      failed: (error) => this.#events.failed(error),
    });
    this.#log.logger?.info({ address: this.#responder.address }, 'answering SNTP');
  }

  counters(): TimeCounters {
    return { clockError: this.#client.estimate()?.error, sntpAnswered: this.#responder?.answered ?? 0, sntpDropped: this.#responder?.dropped ?? 0 };
  }

  async close(): Promise<void> {
    this.#client.close();
    await this.#responder?.close();
  }

  #heard({ server, problem, denied }: ServerState): void {
    const now = this.#clock.now();
    // Told when it changes: a server that is away is one line, not one every 17 minutes.
    if (problem !== undefined && this.#problems.get(server) !== problem) {
      this.#log.warn(now, { server, reason: problem }, denied ? 'a time server wants not to be asked: it is left alone' : 'a time server gives no time');
    }
    this.#problems.set(server, problem);
    this.#compare(now);
  }

  #compare(now: number): void {
    const known = this.#client.estimate();
    if (known === undefined) return;
    const verdict = Math.abs(known.error) > this.#limit ? 'off' : 'right';
    if (verdict === this.#told) return;
    this.#told = verdict;
    const error = Math.round(known.error);
    const fields = { error, bound: Math.round(known.bound), server: known.source.server, servers: known.servers };
    if (verdict === 'right') {
      this.#log.info(now, fields, 'the clock of this machine is right');
      return;
    }
    this.#log.warn(now, fields, 'the clock of this machine is off: set it');
    const way = error > 0 ? 'ahead of' : 'behind';
    this.#events.alarm({ kind: 'clock error', device: undefined, text: `the clock of this machine is ${Math.abs(error)} ms ${way} the time of ${known.source.server}: set it` });
  }
}
