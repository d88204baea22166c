/** Prints the demo: who says what, when, and which claim held. Colours only where a person looks. */
const colour = process.stdout.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';

/** @param {number} code */
const paint = (code) => (/** @type {string} */ text) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
const bold = paint(1);
const dim = paint(2);
const red = paint(31);
const green = paint(32);

/** @type {Record<string, (text: string) => string>} */
const VOICES = { gateway: paint(36), device: paint(35), wire: paint(33), inbox: paint(36) };

const began = performance.now();
let chapters = 0;

/** Claims that did not hold. */
export let broken = 0;

/** @param {string} text */
export function title(text) {
  console.log(`\n${bold(text)}`);
}

/** @param {string} text */
export function chapter(text) {
  chapters += 1;
  console.log(`\n ${bold(`${chapters}  ${text}`)}`);
}

/**
 * @param {'gateway' | 'device' | 'wire' | 'inbox'} who
 * @param {string} text
 * @param {string} [aside]
 */
export function say(who, text, aside = '') {
  const time = `${((performance.now() - began) / 1000).toFixed(2)} s`.padStart(9);
  console.log(`${dim(time)}  ${VOICES[who](who.padEnd(7))}  ${text}${aside === '' ? '' : `  ${dim(aside)}`}`);
}

/**
 * A claim is printed as kept or broken; a broken one makes the demo fail.
 * @param {boolean} held
 * @param {string} text
 */
export function claim(held, text) {
  if (!held) broken += 1;
  console.log(`           ${held ? green('✓') : red('✗')} ${held ? text : red(`NOT SHOWN: ${text}`)}`);
}

/** @param {string} text */
export function fail(text) {
  broken += 1;
  console.error(red(text));
}

/** @param {string} text */
export function close(text) {
  console.log(`\n${bold(text)}`);
}
