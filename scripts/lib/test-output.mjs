/** What a test file prints, read as it comes: uvu's totals, the reasons of skips, and the text for whoever mends a failure. */

/** Characters of output kept of one file; what is older gives way. uvu prints failures at the end. */
const KEPT = 256 * 1024;

/**
 * @typedef {object} Skip  one line of test/support/skip.ts
 * @property {string} test
 * @property {string} reason
 * @property {boolean} missing  for want of a part that can be installed
 */

export class TestOutput {
  #text = '';
  #cut = false;
  #line = '';
  /** @type {Skip[]} */
  skips = [];
  /** @type {{ total?: number, passed?: number, skipped?: number }} */
  totals = {};

  /** @param {string} chunk */
  add(chunk) {
    this.#text += chunk;
    if (this.#text.length > KEPT) {
      this.#text = this.#text.slice(-KEPT / 2);
      this.#cut = true;
    }
    const lines = (this.#line + chunk).split('\n');
    this.#line = (lines.pop() ?? '').slice(-KEPT);
    for (const line of lines) this.#read(line);
  }

  /** @param {string} line */
  #read(line) {
    const skip = /^@skip (\{.*\})\s*$/.exec(line);
    if (skip) this.skips.push(JSON.parse(/** @type {string} */ (skip[1])));
    const count = /^ {2}(Total|Passed|Skipped): +(\d+)\s*$/.exec(line);
    if (count) this.totals[/** @type {'total' | 'passed' | 'skipped'} */ (String(count[1]).toLowerCase())] = Number(count[2]);
  }

  /** The output without the lines that only this program reads. */
  text() {
    const text = this.#text.replace(/^\n?@skip .*\n/gm, '').trim();
    return this.#cut ? `(the beginning is left out)\n${text}` : text;
  }
}
