/** Log lines that strangers can cause, limited: a flood of refusals must not become a flood of lines. */
import type { Logger } from './types.js';

/** Lines of one text a period; how many more there were is told once the period is over. */
const LINES = 10;
const PERIOD = 10_000;
/** Texts are ours and few; the bound stands against a mistake of ours. */
const TEXTS = 64;

interface Count {
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

  error(now: number, fields: object, text: string): void {
    if (this.logger !== undefined && this.#pass(now, text)) this.logger.error(fields, text);
  }

  #pass(now: number, text: string): boolean {
    let count = this.#counts.get(text);
    if (count === undefined) {
      if (this.#counts.size >= TEXTS) return false;
      this.#counts.set(text, (count = { since: now, lines: 0 }));
    }
    if (now - count.since >= PERIOD) this.#restart(count, now, text);
    count.lines += 1;
    return count.lines <= LINES;
  }

  /** Called by the gateway's tick: tells what was held back. */
  tick(now: number): void {
    for (const [text, count] of this.#counts) {
      if (now - count.since < PERIOD) continue;
      if (count.lines === 0) this.#counts.delete(text); // quiet for a whole period: its place is free for another text
      else this.#restart(count, now, text);
    }
  }

  #restart(count: Count, now: number, text: string): void {
    if (count.lines > LINES) this.logger?.warn({ more: count.lines - LINES, seconds: PERIOD / 1000 }, `${text}: more of the same`);
    count.since = now;
    count.lines = 0;
  }
}
