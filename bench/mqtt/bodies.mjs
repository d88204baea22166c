/** What a message of these benchmarks says: whose it is, its number, and when it left. 64 bytes of text. */

const BYTES = 64;

/** Microseconds of the machine's clock that all processes share. */
export const micros = () => Number(process.hrtime.bigint() / 1_000n);

/** @param {number} client @param {number} number */
export const bodyOf = (client, number) => `${client} ${number} ${micros()} `.padEnd(BYTES, '.');

/** One round at the side that receives: every number of every client must come, and what comes again is counted. */
export class Arrivals {
  #seen;
  #each;
  #left;
  #finish = /** @type {(result: object) => void} */ (() => {});
  #fail = /** @type {(error: Error) => void} */ (() => {});
  #start = 0n;
  #delays;
  #count = 0;
  repeats = 0;
  /** @type {Promise<object>} */
  result;

  /** @param {number} clients @param {number} each */
  constructor(clients, each) {
    this.#seen = new Uint8Array(clients * each);
    this.#each = each;
    this.#left = clients * each;
    this.#delays = new Float64Array(clients * each);
    this.result = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    this.result.catch(() => undefined);
  }

  get left() {
    return this.#left;
  }

  /** @param {string} problem */
  fail(problem) {
    this.#fail(new Error(problem));
  }

  /** The message's number. @param {string} client as the topic has it @param {string} body @param {number} now */
  came(client, body, now) {
    const [whose = '', told = '', left = ''] = body.split(' ', 3), number = Number(told);
    const at = Number(whose) * this.#each + number;
    if (whose !== client || body.length !== BYTES || this.#seen[at] === undefined) {
      this.fail(`a message that nobody sent came from ${client}: ${body.slice(0, 40)}`);
      return number;
    }
    if (this.#seen[at] === 1) {
      this.repeats++;
      return number;
    }
    if (this.#count === 0) this.#start = process.hrtime.bigint();
    this.#seen[at] = 1;
    this.#delays[this.#count++] = now - Number(left);
    if (--this.#left > 0) return number;
    const seconds = Number(process.hrtime.bigint() - this.#start) / 1e9;
    const delays = this.#delays.sort();
    // The first message started the clock: one less was measured.
    this.#finish({ rate: (this.#count - 1) / seconds, repeats: this.repeats, median: delays[this.#count >> 1], p99: delays[Math.floor(this.#count * 0.99)] });
    return number;
  }
}
