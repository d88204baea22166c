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
  const widths = [38, 8, 14, 9, 9, 5, 8, 9, 8, 9, 8, 10];
  return fields.map((field, i) => (i === 0 ? String(field).padEnd(widths[i]!) : String(field).padStart(widths[i]!))).join('');
}

function row(name: string, result: Omit<Result, 'cell'>): string {
  const { sent, acknowledged, received, repeated, lost, expired, inDoubt, strikes, sessions, seconds, seed } = result;
  return line([name, sent, acknowledged, received, repeated, lost, expired, inDoubt, strikes, sessions, seconds.toFixed(1), seed]);
}

/** Undefined: they are wrong, and that has been said. */
function options(): { messages: string; seed?: string | undefined; only: string; help?: boolean | undefined } | undefined {
  try {
    return parseArgs({
      options: { messages: { type: 'string', default: '100000' }, seed: { type: 'string' }, only: { type: 'string', default: '' }, help: { type: 'boolean' } },
    }).values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 2;
    return undefined;
  }
}

async function main(values: NonNullable<ReturnType<typeof options>>): Promise<void> {
  if (values.help === true) {
    process.stdout.write(HELP);
    return;
  }
  const messages = Number(values.messages), seed = Number(values.seed ?? Date.now() % 1_000_000);
  const chosen = cells().filter((cell) => values.only.split(' ').every((word) => nameOf(cell).includes(word)));
  if (!Number.isSafeInteger(messages) || messages < 1 || !Number.isSafeInteger(seed) || chosen.length === 0) {
    process.stderr.write(chosen.length === 0 ? `no cell has all the words of --only ${values.only}\n` : '--messages and --seed take whole numbers\n');
    process.exitCode = 2;
    return;
  }
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

const values = options();
if (values !== undefined) await main(values);
