/**
 * Skips that say why. uvu counts a skipped test and forgets its name; these print a line that scripts/test.mjs reads,
 * so that no test is left out in silence.
 *
 *   const traced = found('strace') ? test : skipMissing(test, 'strace');
 *   traced('a flush to disk goes before every batch of ACKs', async () => { … });
 */
import { spawnSync } from 'node:child_process';
import type { Test } from 'uvu';

type Define = (name: string, handler: () => void | Promise<void>) => void;

/** For what cannot run on this system or this Node: stands in for `test`. `reason` is printed as it is. */
export function skip(test: Test, reason: string): Define {
  return define(test, reason, false);
}

/** For want of a part that can be installed, such as strace. With CI=true the run fails. */
export function skipMissing(test: Test, part: string): Define {
  return define(test, `needs ${part}`, true);
}

/** True where `command` can be run. */
export function found(command: string, versionFlag = '--version'): boolean {
  return spawnSync(command, [versionFlag], { stdio: 'ignore' }).error === undefined;
}

function define(test: Test, reason: string, missing: boolean): Define {
  return (name, handler) => {
    test.skip(name, handler);
    process.stdout.write(`\n@skip ${JSON.stringify({ test: name, reason, missing })}\n`);
  };
}
