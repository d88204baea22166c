/** The gateway's certificate over its life: watched, reloaded, and complained of before it is over. */
import type { Clock, ClockTimer } from '../clock.js';
import { ServerTls, type TlsCertificate } from '../transport/tls/server.js';
import type { Logger } from './types.js';

/** ms between two looks at its files. A change takes two looks. */
const LOOK_MS = 10_000;
const DAY_MS = 86_400_000;
/** Certificates of 90 days are commonly renewed 30 days before their end. */
const WARN_DAYS = 14;

export class Certificate {
  readonly tls: ServerTls;
  readonly #clock: Clock;
  readonly #logger: Logger | undefined;
  readonly #failed: (error: unknown) => void;
  #timer: ClockTimer | undefined;
  #closed = false;
  /** When it was last complained of, Unix ms. */
  #complained = -Infinity;

  /** Rejects with CERTIFICATE_UNREADABLE or CERTIFICATE_INVALID. */
  static async load(given: TlsCertificate, clock: Clock, logger: Logger | undefined, failed: (error: unknown) => void): Promise<Certificate> {
    return new Certificate(await ServerTls.load(given), clock, logger, failed);
  }

  private constructor(tls: ServerTls, clock: Clock, logger: Logger | undefined, failed: (error: unknown) => void) {
    this.tls = tls;
    this.#clock = clock;
    this.#logger = logger;
    this.#failed = failed;
    this.#tell('certificate');
    this.#arm();
  }

  /** Takes the certificate in the files as they are now, or another one. Where it is not good, the one in use stays. */
  async reload(given?: TlsCertificate): Promise<void> {
    await this.tls.reload(given);
    this.#tell('certificate reloaded');
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #tell(text: string): void {
    const { pin, names, until } = this.tls.facts;
    this.#logger?.info({ pin, names, until: new Date(until).toISOString() }, text);
    this.#complained = -Infinity;
    this.#complain();
  }

  /** Once a day. */
  #complain(): void {
    const now = this.#clock.unix(), { from, until } = this.tls.facts;
    if (now - this.#complained < DAY_MS) return;
    const days = Math.floor((until - now) / DAY_MS);
    if (now >= from && days >= WARN_DAYS) return;
    this.#complained = now;
    const text = now < from ? 'the certificate is not valid yet' : now > until ? 'the certificate has expired' : `the certificate expires in ${days} days`;
    this.#logger?.warn({ from: new Date(from).toISOString(), until: new Date(until).toISOString() }, text);
  }

  #arm(): void {
    if (this.#closed) return;
    this.#timer = this.#clock.after(LOOK_MS, () => void this.#look(), false);
  }

  async #look(): Promise<void> {
    try {
      if (this.tls.inFiles && (await this.tls.look())) this.#tell('certificate reloaded');
      else this.#complain();
    } catch (error) {
      if (!this.#closed) this.#failed(error);
    }
    this.#arm();
  }
}
