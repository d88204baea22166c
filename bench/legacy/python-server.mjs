/** The Python server in a process of its own, behind the calls that every bench server has. */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { serve } from '../lib/child.mjs';
import { pythonEnvironment } from './python.mjs';

/** @type {import('node:child_process').ChildProcess} */
let child;
/** @type {any[]} */
const lines = [];
/** @type {(() => void) | undefined} */
let wake;

async function next() {
  while (lines.length === 0) {
    if (child.exitCode !== null) throw new Error(`Python ended with code ${child.exitCode}`);
    await /** @type {Promise<void>} */ (new Promise((resolve) => (wake = resolve)));
  }
  const line = lines.shift();
  if (line.closed !== undefined) throw new Error(`the Python server closed a connection: ${line.closed}`);
  return line;
}

serve({
  async start({ lifted }) {
    const file = fileURLToPath(new URL('python-server.py', import.meta.url));
    child = spawn('python3', lifted ? [file, 'lifted'] : [file], { stdio: ['pipe', 'pipe', 'inherit'], env: pythonEnvironment });
    process.once('exit', () => child.kill());
    createInterface({ input: /** @type {import('node:stream').Readable} */ (child.stdout) }).on('line', (line) => {
      lines.push(JSON.parse(line));
      wake?.();
    });
    child.on('exit', () => wake?.());
    return (await next()).port;
  },
  async arm({ count }) {
    child.stdin?.write(`${JSON.stringify({ count })}\n`);
    await next();
  },
  result: next,
  progress: () => `${lines.length} lines wait`,
});
