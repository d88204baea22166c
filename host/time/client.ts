/**
 * An SNTP client that sets no clock: it knows by how much this machine's is off. Each server is asked at its own intervals,
 * the best of its last samples stands for it, and the median of the servers is taken for the truth, so that of three
 * one may lie. Nothing here is authenticated: what comes of it is told to people, and no frame's acceptance depends on it.
 */
import { ClockWatch, type Clock, type ClockTimer } from '../clock.js';
import { formatHost } from '../transport/address.js';
import type { TimeAddress } from './address.js';
import { ask, type Answer } from './query.js';
import { boundNow, type Sample } from './sample.js';

/** ms. RFC 4330 section 10: never below 15 s, a minute for those who are always on; longer where all is well. */
const SHORTEST = 64_000;
const LONGEST = 1_024_000;
/** Good answers in a row after which a server is asked half as often. */
const STEADY = 4;
/** Of these the best stands for the server: RFC 5905's clock filter. */
const KEPT = 8;
/** A server that was silent for so long is not followed any more. */
const STALE = 4 * LONGEST;
/** ms by which wall and monotonic clock may part before what is known is doubted: one was set, or the machine slept. */
const PARTED = 250;
/** ms between two questions to one server, whatever happens (RFC 4330 section 10). */
const LEAST = 15_000;
/** Part of an interval that is random, so that many gateways do not ask at the same instant. */
const JITTER = 0.1;

/** What is known of one server. */
export interface ServerState {
  /** `host:port`, as configured. */
  readonly server: string;
  readonly address: string;
  readonly sample: Sample | undefined;
  /** Why the last answer was none, in words. */
  readonly problem: string | undefined;
  /** It asked to be left alone: it is not asked again. */
  readonly denied: boolean;
}

/** What is known of this machine's clock. */
export interface Estimate {
  /** This machine's wall clock minus the true time, ms: above 0 it is ahead. */
  readonly error: number;
  /** What `error` may be off, ms. */
  readonly bound: number;
  /** Servers that agree in this: the followed one first. */
  readonly source: ServerState & { readonly sample: Sample };
  readonly servers: number;
}

export interface SntpClientOptions {
  readonly servers: readonly TimeAddress[];
  readonly clock: Clock;
  /** Called after each answer, and each failure to get one. */
  readonly told: (server: ServerState) => void;
}

export class SntpClient {
  readonly #clock: Clock;
  readonly #told: (server: ServerState) => void;
  readonly #servers: Server[];
  readonly #abort = new AbortController();
  readonly #watch: ClockWatch;

  /** Asks all servers at once, then goes on until `close`. */
  constructor({ servers, clock, told }: SntpClientOptions) {
    this.#clock = clock;
    this.#told = told;
    this.#watch = new ClockWatch(clock, PARTED);
    this.#servers = servers.map((address) => new Server(address));
    for (const server of this.#servers) void this.#ask(server);
  }

  /** Undefined: no server has given a time, or all have been silent for long. */
  estimate(): Estimate | undefined {
    const now = this.#clock.now();
    if (this.#watch.parted(now) !== 0) this.#restart(now);
    const followed = this.#servers.flatMap((server) => {
      const sample = server.best(now);
      return sample === undefined ? [] : [{ state: server.state(now), sample }];
    });
    if (followed.length === 0) return undefined;
    followed.sort((a, b) => a.sample.base - b.sample.base);
    const upper = followed[followed.length >> 1]!, lower = followed[(followed.length - 1) >> 1]!;
    const base = (upper.sample.base + lower.sample.base) / 2;
    const nearer = boundNow(lower.sample, now) < boundNow(upper.sample, now) ? lower : upper;
    // Between two that disagree the truth may be with either.
    const bound = boundNow(nearer.sample, now) + (upper.sample.base - lower.sample.base) / 2;
    return { error: this.#clock.unix() - now - base, bound, source: { ...nearer.state, sample: nearer.sample }, servers: followed.length };
  }

  servers(): ServerState[] {
    const now = this.#clock.now();
    return this.#servers.map((server) => server.state(now));
  }

  /** Asks no more. */
  close(): void {
    this.#abort.abort();
    for (const server of this.#servers) server.timer?.cancel();
  }

  async #ask(server: Server): Promise<void> {
    server.timer = undefined;
    server.askedAt = this.#clock.now();
    const answer = await ask(server.address, this.#clock, this.#abort.signal);
    if (this.#abort.signal.aborted) return;
    // A clock that was set meanwhile is seen first, or this answer would be dropped with those before it.
    const now = this.#clock.now();
    if (this.#watch.parted(now) !== 0) this.#restart(now);
    server.take(answer);
    this.#wait(server, server.interval * (1 + (Math.random() - 0.5) * 2 * JITTER));
    this.#told(server.state(now));
  }

  #wait(server: Server, ms: number): void {
    server.timer?.cancel();
    if (!server.denied) server.timer = this.#clock.after(ms, () => void this.#ask(server), false);
  }

  /** What is known rests on a monotonic clock that ran on, and in Node it does not while the machine sleeps. */
  #restart(now: number): void {
    for (const server of this.#servers) {
      server.forget();
      // One that is being asked waits for its answer.
      if (server.timer !== undefined) this.#wait(server, Math.max(0, server.askedAt + LEAST - now));
    }
  }
}

class Server {
  readonly address: TimeAddress;
  denied = false;
  interval = SHORTEST;
  timer: ClockTimer | undefined;
  askedAt = -Infinity;
  #ip = '';
  #problem: string | undefined;
  #good = 0;
  readonly #samples: Sample[] = [];

  constructor(address: TimeAddress) {
    this.address = address;
  }

  take(answer: Answer): void {
    if (answer.address !== '') this.#ip = answer.address;
    switch (answer.kind) {
      case 'sample':
        this.#problem = undefined;
        this.#samples.push(answer.sample);
        if (this.#samples.length > KEPT) this.#samples.shift();
        this.#good += 1;
        if (this.#good % STEADY === 0) this.#slower();
        return;
      case 'kiss': // RFC 4330 section 8: whoever is told to stop stops, and any other code is a reason to ask less
        this.#problem = `it asks not to be asked (${answer.code})`;
        this.denied = answer.code === 'DENY' || answer.code === 'RSTR';
        if (this.denied) this.forget();
        break;
      default:
        this.#problem = answer.reason;
    }
    this.#good = 0;
    this.#slower();
  }

  forget(): void {
    this.#samples.length = 0;
  }

  /** The one that can be least off by now: a small round trip counts for more than youth, until drift has eaten it up. */
  best(now: number): Sample | undefined {
    let best: Sample | undefined;
    for (const sample of this.#samples) {
      if (now - sample.at > STALE) continue;
      if (best === undefined || boundNow(sample, now) <= boundNow(best, now)) best = sample;
    }
    return best;
  }

  state(now: number): ServerState {
    const { host, port } = this.address;
    return { server: `${formatHost(host)}:${port}`, address: this.#ip, sample: this.best(now), problem: this.#problem, denied: this.denied };
  }

  #slower(): void {
    this.interval = Math.min(LONGEST, this.interval * 2);
  }
}
