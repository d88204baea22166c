/** SIGTERM and Ctrl-C: the first asks to finish what was accepted, the second ends at once. */
import { EXIT_SIGINT, EXIT_SIGTERM } from './exits.js';

/**
 * Windows has no SIGTERM to catch; SIGHUP comes there when the window is closed. Elsewhere SIGHUP is left alone: a
 * listener would undo what nohup(1) has set.
 */
const SIGNALS: readonly (readonly [NodeJS.Signals, number])[] =
  process.platform === 'win32'
    ? [['SIGINT', EXIT_SIGINT], ['SIGBREAK', EXIT_SIGINT], ['SIGHUP', EXIT_SIGTERM]]
    : [['SIGINT', EXIT_SIGINT], ['SIGTERM', EXIT_SIGTERM]];

/** Calls `first` at the first signal; a second one exits. Listeners of signals do not keep the process alive. */
export function onStop(first: (signal: string) => void): void {
  let asked = false;
  for (const [signal, code] of SIGNALS) {
    process.on(signal, () => {
      if (asked) process.exit(code);
      asked = true;
      first(signal);
    });
  }
}
