// A backend for the tests: says what it gets into a file, and does what its argument says.
// Faults that a real program has: it ends between receipt and done, it never answers, it is slow to end.
import { appendFileSync, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [mode = '', file = ''] = process.argv.slice(2);
/** @param {object} line */
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
/** @param {object} line */
const note = (line) => appendFileSync(file, `${JSON.stringify(line)}\n`);

if (mode === 'echo') process.stdin.pipe(process.stdout);
else {
  createInterface({ input: process.stdin }).on('line', (text) => {
    const line = JSON.parse(text);
    note(line);
    if (line.type === 'hello') say({ type: 'ready', version: 1 });
    if (line.type === 'message') take(line);
  }).on('close', () => note({ type: 'end of input' }));
}

/** @param {{ id: string }} message */
function take({ id }) {
  switch (mode) {
    case 'crash': // the first time that it has a message
      if (existsSync(`${file}.crashed`)) say({ type: 'done', id });
      else {
        appendFileSync(`${file}.crashed`, '');
        process.exit(3);
      }
      break;
    case 'never':
      break;
    case 'slow':
      setTimeout(() => say({ type: 'done', id }), 400);
      break;
    default:
      say({ type: 'done', id });
  }
}
