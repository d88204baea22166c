/**
 * What was sent, what its sender was told of it, and what came: the books of one cell, and what is wrong with them.
 * Everything goes by the number that each message bears in its body.
 */
import { seeded } from '../e2e/support.js';

/** What the sender was told: acknowledged, or the code of a TidelockError. */
export type Told = 'acknowledged' | 'EXPIRED' | 'IN_DOUBT' | (string & {});

interface Entry {
  told: Told | undefined;
  came: number;
}

export interface Sums {
  sent: number;
  acknowledged: number;
  received: number;
  /** Came more than once. */
  repeated: number;
  /** Acknowledged, and did not come. */
  lost: number;
  expired: number;
  inDoubt: number;
  /** In words; a cell with one has failed. */
  problems: string[];
}

/** Problems of one kind that are told; the rest is counted. */
const TOLD = 5;

export class Ledger {
  readonly #seed: number;
  readonly #longest: number;
  readonly #entries: Entry[] = [];
  readonly #problems = new Map<string, string[]>();
  /** The highest number that has come. */
  #highest = -1;

  /** `longest`: bytes of a body. */
  constructor(seed: number, longest: number) {
    this.#seed = seed;
    this.#longest = longest;
  }

  get sent(): number {
    return this.#entries.length;
  }

  /** The next message's number and body. */
  next(): { number: number; body: string } {
    const number = this.#entries.push({ told: undefined, came: 0 }) - 1;
    return { number, body: this.body(number) };
  }

  /** Bodies of all lengths, most of them short. */
  body(number: number): string {
    const random = seeded(this.#seed * 65_537 + number);
    const length = Math.floor(this.#longest * random() ** 4);
    return `${number}:`.padEnd(length, `${random().toString(36).slice(2)} `);
  }

  told(number: number, told: Told): void {
    const entry = this.#entries[number]!;
    if (entry.told !== undefined) this.problem('told twice', `${number}: first ${entry.told}, then ${told}`);
    entry.told = told;
  }

  /** A body has come out at the other end, in this order. */
  came(body: string): number {
    const number = Number(body.slice(0, body.indexOf(':')));
    const entry = this.#entries[number];
    if (entry === undefined || body !== this.body(number)) {
      this.problem('altered', `${JSON.stringify(body.slice(0, 30))} was never sent so`);
      return -1;
    }
    entry.came += 1;
    if (entry.came > 1) this.problem('twice', `${number}`);
    else if (number < this.#highest) this.problem('out of order', `${number} came behind ${this.#highest}`);
    this.#highest = Math.max(this.#highest, number);
    return number;
  }

  problem(kind: string, text: string): void {
    const texts = this.#problems.get(kind);
    if (texts === undefined) this.#problems.set(kind, [text]);
    else texts.push(text);
  }

  /** To be called once, when everything has ended and everything that came was reported. */
  close(): Sums {
    const sums: Sums = { sent: this.sent, acknowledged: 0, received: 0, repeated: 0, lost: 0, expired: 0, inDoubt: 0, problems: [] };
    this.#entries.forEach(({ told, came }, number) => {
      if (came > 0) sums.received += 1;
      if (came > 1) sums.repeated += 1;
      switch (told) {
        case 'acknowledged':
          sums.acknowledged += 1;
          if (came === 0) {
            sums.lost += 1;
            this.problem('lost', `${number} was acknowledged and never came`);
          }
          break;
        case 'EXPIRED':
          sums.expired += 1;
          if (came > 0) this.problem('false end', `${number} came, and its sender was told that it had expired`);
          break;
        case 'CLOSED': // the sender lost its power before it was sent
          if (came > 0) this.problem('false end', `${number} came, and was told never to have been sent`);
          break;
        case 'IN_DOUBT':
          sums.inDoubt += 1;
          break;
        default:
          this.problem('no end', `${number}: ${told ?? 'its sender was told nothing'}`);
      }
    });
    for (const [kind, texts] of this.#problems) {
      sums.problems.push(`${kind}: ${texts.slice(0, TOLD).join('; ')}${texts.length > TOLD ? ` and ${texts.length - TOLD} more` : ''}`);
    }
    return sums;
  }
}
