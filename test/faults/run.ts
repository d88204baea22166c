/** The fault matrix as a command: see --help. */
import { parseArgs } from 'node:util';
import { nameOf, type Result } from './cell.js';
import { cells, runMatrix, total } from './matrix.js';

const HELP = `The fault matrix: a device and a gateway, and between them a proxy that does what networks do.
Prints what became of each cell; ends with 1 where an acknowledged message was lost or came twice, or any other promise was broken.

  node --import tsx test/faults/run.ts [--messages 100000] [--seed N] [--only WORDS]

  --messages N  acknowledged messages, shared out over the cells (default 100000)
  --seed N      the faults and the load are the same for the same seed (default: another each time)
  --only WORDS  only cells whose name has all of these words, such as "udp down"
`;

function line(fields: readonly (string | number)[]): string {
  const widths = [34, 8, 12, 9, 9, 5, 8, 9, 8, 9, 8, 10];
  return fields.map((field, i) => (i === 0 ? String(field).padEnd(widths[i]!) : String(field).padStart(widths[i]!))).join('');
}

function row(name: string, result: Omit<Result, 'cell'>): string {
  const { sent, acknowledged, received, repeated, lost, expired, inDoubt, strikes, sessions, seconds, seed } = result;
  return line([name, sent, acknowledged, received, repeated, lost, expired, inDoubt, strikes, sessions, seconds.toFixed(1), seed]);
}

const { values } = parseArgs({
  options: { messages: { type: 'string', default: '100000' }, seed: { type: 'string' }, only: { type: 'string', default: '' }, help: { type: 'boolean' } },
});
const messages = Number(values.messages), seed = Number(values.seed ?? Date.now() % 1_000_000);
if (values.help === true) {
  process.stdout.write(HELP);
} else if (!Number.isSafeInteger(messages) || messages < 1 || !Number.isSafeInteger(seed)) {
  process.stderr.write('--messages and --seed take whole numbers\n');
  process.exitCode = 2;
} else {
  const chosen = cells().filter((cell) => values.only.split(' ').every((word) => nameOf(cell).includes(word)));
  const progress = process.stderr.isTTY
    ? (name: string, acknowledged: number): void => void process.stderr.write(`\r${name}: ${acknowledged}\u001b[K`)
    : undefined;
  process.stdout.write(`${line(['cell', 'sent', 'acknowledged', 'received', 'repeated', 'lost', 'expired', 'in doubt', 'strikes', 'sessions', 'seconds', 'seed'])}\n`);
  const results = await runMatrix(chosen, { messages, seed, progress }, (result) => {
    if (progress !== undefined) process.stderr.write('\r\u001b[K');
    process.stdout.write(`${row(nameOf(result.cell), result)}\n`);
    for (const problem of result.problems) process.stdout.write(`  ${problem}\n`);
  });
  const sum = total(results);
  process.stdout.write(`${row('all', { ...sum, seed })}\n`);
  if (sum.problems.length > 0) {
    process.stdout.write(`${sum.problems.length} problems\n`);
    process.exitCode = 1;
  }
}
