/**
 * Helper processes: servers and load generators run apart, so that neither pays for the other. A call is one message
 * over the channel that Node gives to a forked process; a child ends when its starter is gone.
 */

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { messageOf, trace } from './errors.mjs';

/**
 * Starts `file` (relative to bench/). `call(name, argument, seconds)` runs one of its functions; `stop()` ends it.
 * @param {string} file
 * @param {{ gc?: boolean }} [options]  gc: the child may collect garbage on demand
 */
export function startChild(file, { gc = true } = {}) {
  const child = fork(fileURLToPath(new URL(`../${file}`, import.meta.url)), [], {
    execArgv: gc ? ['--expose-gc'] : [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const waiting = new Map();
  let number = 0;
  let ended = false;

  const fail = (text) => {
    ended = true;
    for (const { reject } of waiting.values()) reject(new Error(`${file}: ${text}`));
    waiting.clear();
  };
  child.on('error', (error) => fail(error.message));
  child.on('exit', (code, signal) => fail(`its process ended with ${signal ?? `code ${code}`}`));
  child.on('message', (/** @type {any} */ { n, result, error }) => {
    const entry = waiting.get(n);
    if (entry === undefined) return;
    waiting.delete(n);
    clearTimeout(entry.clock);
    if (error === undefined) entry.resolve(result);
    else entry.reject(new Error(`${file}: ${error}`));
  });

  return {
    call(name, argument = {}, seconds = 30) {
      if (ended) return Promise.reject(new Error(`${file}: its process has ended`));
      const n = ++number;
      return new Promise((resolve, reject) => {
        const clock = setTimeout(() => {
          waiting.delete(n);
          reject(new Error(`${file}: ${name} did not answer within ${seconds} s`));
        }, seconds * 1000);
        waiting.set(n, { resolve, reject, clock });
        child.send({ n, name, argument });
      });
    },
    /** The end of the channel ends it, so that it can end what it has started itself; one that does not hear is killed. */
    stop() {
      ended = true;
      if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
      return new Promise((resolve) => {
        const deaf = setTimeout(() => child.kill('SIGKILL'), 3000);
        child.once('exit', () => {
          clearTimeout(deaf);
          resolve(undefined);
        });
        if (child.connected) child.disconnect();
        else child.kill('SIGKILL');
      });
    },
  };
}

/** In the child: answers calls with the functions of `api`. */
export function serve(api) {
  process.on('disconnect', () => process.exit(0));
  process.on('message', async ({ n, name, argument }) => {
    let answer;
    try {
      answer = { n, result: await api[name](argument) };
    } catch (error) {
      answer = { n, error: messageOf(error) };
      trace(error);
    }
    process.send?.(answer);
  });
}

/** Runs `work` with the children that `starters` make, and ends them whatever happens. */
export async function withChildren(files, work) {
  const children = files.map((file) => startChild(file));
  try {
    return await work(...children);
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}
