/** From words to an exit code: every error of every command ends here. */
import { EXIT_OK } from './exits.js';
import { tell, type Manner } from './failure.js';
import { Output, OutputClosed } from './output.js';
import { createProgram, type Outcome } from './program.js';

/** `words`: the arguments without node and script. Never throws. */
export async function run(words: readonly string[]): Promise<number> {
  const manner = mannerOf(words);
  process.stderr.on('error', () => undefined); // nobody reads it any more: no reason to end
  const outcome: Outcome = { exit: EXIT_OK };
  // What nobody caught is a fault of ours; it still gets one line and an exit code, not a stack trace.
  const last = (error: unknown): void => process.exit(tell(error, manner) || 1);
  process.on('uncaughtException', last).on('unhandledRejection', last);
  const ended = (error: unknown): void => void (outcome.exit = error instanceof OutputClosed ? EXIT_OK : tell(error, manner));
  await createProgram(outcome, manner).parseAsync(words, { from: 'user' }).catch(ended);
  // As any other line: its reader may have gone (`tidelock --help | head -1`), or the disk be full.
  if (outcome.text !== undefined) await new Output().line(outcome.text.replace(/\n$/, '')).catch(ended);
  // What a command owes to stdout it has waited for; what is left is for a reader that stands still, and would keep the process.
  if (process.stdout.writableLength > 0) process.exit(outcome.exit);
  return outcome.exit;
}

/** How to tell of errors, known before the words are understood. */
function mannerOf(words: readonly string[]): Manner {
  const options = words.slice(0, words.includes('--') ? words.indexOf('--') : words.length);
  const { TIDELOCK_JSON: json = '', TIDELOCK_DEBUG: debug = '' } = process.env;
  return {
    json: options.includes('--json') || /^(true|1|yes|on)$/i.test(json),
    debug: options.includes('--debug') || /^(true|1|yes|on)$/i.test(debug),
  };
}
