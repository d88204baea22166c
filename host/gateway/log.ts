/** Log lines that strangers can cause, limited: a flood of refusals must not become a flood of lines. */
import type { Logger } from './types.js';

/** Lines about one subject a period; how many more there were is told once the period is over. */
const LINES = 10;
const PERIOD = 10_000;
/** Subjects are ours and few; the bound stands against a mistake of ours. */
const SUBJECTS = 64;

interface Count {
  /** The first line's words. */
  readonly text: string;
  since: number;
  lines: number;
}

export class LimitedLog {
  /** Without a limit: for lines that only devices with a key, or operators, can cause. */
  readonly logger: Logger | undefined;
  readonly #counts = new Map<string, Count>();

  constructor(logger: Logger | undefined) {
    this.logger = logger;
  }

  /** `text` is one of a few fixed ones; what varies stands in `fields`. */
  warn(now: number, fields: object, text: string): void {
    if (this.logger !== undefined && this.#pass(now, text)) this.logger.warn(fields, text);
  }

  info(now: number, fields: object, text: string): void {
    if (this.logger !== undefined && this.#pass(now, text)) this.logger.info(fields, text);
  }

  /** Texts of errors hold what others sent, so what counts together is the code; false: held back. */
  error(now: number, error: unknown): boolean {
    const { code, message } = (error ?? {}) as { code?: unknown; message?: string };
    const text = message ?? String(error);
    if (!this.#pass(now, typeof code === 'string' ? code : 'error', text)) return false;
    this.logger?.error({ error }, text);
    return true;
  }

  #pass(now: number, subject: string, text = subject): boolean {
    let count = this.#counts.get(subject);
    if (count === undefined) {
      if (this.#counts.size >= SUBJECTS) return false;
      this.#counts.set(subject, (count = { text, since: now, lines: 0 }));
    }
    if (now - count.since >= PERIOD) this.#restart(count, now);
    count.lines += 1;
    return count.lines <= LINES;
  }

  /** Called by the gateway's tick: tells what was held back. */
  tick(now: number): void {
    for (const [subject, count] of this.#counts) {
      if (now - count.since < PERIOD) continue;
      if (count.lines === 0) this.#counts.delete(subject); // quiet for a whole period: its place is free for another
      else this.#restart(count, now);
    }
  }

  #restart(count: Count, now: number): void {
    if (count.lines > LINES) this.logger?.warn({ more: count.lines - LINES, seconds: PERIOD / 1000 }, `${count.text}: more of the same`);
    count.since = now;
    count.lines = 0;
  }
}
