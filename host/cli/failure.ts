/** How an error is told: one line for people, or one JSON object for programs. A stack only with --debug. */
import { CommanderError } from 'commander';
import { isTold, type Told } from './told.js';
import { escapeText, safeJson } from './escape.js';
import { EXIT_FAILED, EXIT_NOT_DELIVERED, EXIT_OK, EXIT_USAGE } from './exits.js';

export interface Manner {
  json: boolean;
  debug: boolean;
}

/** The end of a message that was sent or queued, but did not arrive. */
const NOT_DELIVERED = new Set(['EXPIRED', 'REFUSED', 'NO_TARGET', 'IN_DOUBT', 'CANCELLED']);

/** Writes it to stderr and returns the exit code. */
export function tell(error: unknown, { json, debug }: Manner, stream: NodeJS.WritableStream = process.stderr): number {
  // Commander has written its own text (help, version, a wrong option) already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  const { code, problem, action } = parts(error);
  const trace = debug && error instanceof Error ? { stack: fullStack(error) } : {};
  if (json) stream.write(`${safeJson({ error: { code, problem, action, ...trace } })}\n`);
  else {
    stream.write(`tidelock: ${code}: ${escapeLines(problem)}.\n${action === '' ? '' : `  → ${escapeLines(action)}\n`}`);
    if (trace.stack !== undefined) stream.write(`${escapeLines(trace.stack)}\n`);
  }
  if (code === 'CONFIG_INVALID') return EXIT_USAGE;
  return NOT_DELIVERED.has(code) ? EXIT_NOT_DELIVERED : EXIT_FAILED;
}

export function parts(error: unknown): Told {
  if (isTold(error)) return { code: error.code, problem: error.problem, action: error.action };
  const problem = error instanceof Error ? error.message : String(error);
  return { code: 'UNEXPECTED', problem, action: 'This is a fault of Tidelock: run it again with --debug and report what it prints.' };
}

/** The list of configuration faults has a line each; nothing else in an error may start a line. */
function escapeLines(text: string): string {
  return text.split('\n').map(escapeText).join('\n');
}

function fullStack(error: Error): string {
  const stack = error.stack ?? String(error);
  return error.cause instanceof Error ? `${stack}\ncaused by ${fullStack(error.cause)}` : stack;
}
