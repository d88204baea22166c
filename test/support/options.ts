/** Options of a command that stands among the tests. */
import { parseArgs, type ParseArgsConfig } from 'node:util';

/** Prints the help for `--help`, and for what is wrong, and then ends the process. */
export function optionsOf<O extends NonNullable<ParseArgsConfig['options']>>(help: string, options: O) {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean' } } });
    if ((values as { help?: boolean }).help !== true) return values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${help}`);
    process.exit(2);
  }
  process.stdout.write(help);
  process.exit(0);
}

/** A whole number above 0, or the end of the process. */
export function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  process.stderr.write(`--${name} wants a whole number above 0, not ${text}\n`);
  return process.exit(2);
}
