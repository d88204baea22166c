#!/usr/bin/env node
/** The command `tidelock`. Its version of Node is checked before anything newer than that is loaded. */
const least = 20;
if (Number(process.versions.node.split('.')[0]) < least) {
  process.stderr.write(`tidelock: Node ${process.versions.node} is too old: it needs Node ${least} or later.\n`);
  process.exitCode = 1;
} else {
  const { run } = await import('./run.js');
  process.exitCode = await run(process.argv.slice(2));
}

export {};
