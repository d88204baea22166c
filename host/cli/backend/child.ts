/**
 * A backend as a child process. Where it ends before it is told to, it is started again, after a wait that doubles; what it
 * had not marked done comes again. It has a process group of its own, so that Ctrl-C in a terminal reaches the gateway
 * alone, which then ends its child in order.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type pino from 'pino';
import type { Clock } from '../../clock.js';
import { TidelockError } from '../../errors.js';
import type { Conversation } from './conversation.js';
import type { Readable, Writable } from 'node:stream';

const FIRST_WAIT = 500;
const LONGEST_WAIT = 60_000;
/** ms after which a run counts as good: the next wait is the first again. */
const GOOD_RUN = 30_000;
/** ms between SIGTERM and SIGKILL. */
const GRACE = 2_000;

const posix = process.platform !== 'win32';

interface Setup {
  command: string;
  log: pino.Logger;
  clock: Clock;
  converse(input: Readable, output: Writable): Conversation;
}

interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  error?: Error;
}

export class ChildBackend {
  /** Times that it was started. */
  starts = 0;
  readonly #setup: Setup;
  #child: ChildProcess | undefined;
  #conversation: Conversation | undefined;
  #exited: Promise<void> = Promise.resolve();
  #closing = false;
  #wake: (() => void) | undefined;

  constructor(setup: Setup) {
    this.#setup = setup;
  }

  /** Fulfilled after `close`. Throws BACKEND_FAILED where the command cannot be run at all, DATABASE_* where the inbox cannot be read. */
  async run(): Promise<void> {
    const { log, clock, command } = this.#setup;
    for (let wait = FIRST_WAIT; !this.#closing; ) {
      const began = clock.now();
      const { exit, ready } = await this.#once();
      if (this.#closing) return;
      if (this.starts === 1 && !ready) refuseUnknown(command, exit);
      if (clock.now() - began >= GOOD_RUN) wait = FIRST_WAIT;
      const { code, signal, error } = exit;
      log.warn({ code, signal, error: error?.message, wait }, 'the backend ended: it is started again');
      await new Promise<void>((resolve) => {
        const timer = clock.after(wait, resolve, true);
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
      });
      wait = Math.min(LONGEST_WAIT, wait * 2);
    }
  }

  /** Lets it finish what it holds for at most `ms`, then ends it. */
  async close(ms: number): Promise<void> {
    this.#closing = true;
    this.#wake?.();
    this.#conversation?.close();
    const timer = this.#setup.clock.after(ms, () => void this.#kill(), true);
    await this.#exited;
    timer.cancel();
  }

  async #once(): Promise<{ exit: Exit; ready: boolean }> {
    const { command, converse, log } = this.#setup;
    this.starts += 1;
    const child = spawn(command, { shell: true, stdio: ['pipe', 'pipe', 'inherit'], detached: posix, windowsHide: true });
    this.#child = child;
    const exited = new Promise<Exit>((resolve) => {
      child.once('error', (error) => resolve({ code: null, signal: null, error }));
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    log.info({ pid: child.pid, command }, 'backend started');
    const conversation = converse(child.stdout, child.stdin);
    this.#conversation = conversation;
    this.#exited = exited.then(() => undefined);
    // Whichever comes first: it ends, or it has said its last (its stdout is closed, or it was given up).
    const failed = conversation.ended.then(() => undefined, (error: unknown) => ({ error }));
    const first = await Promise.race([exited.then(() => 'exit'), failed]);
    if (first !== 'exit') await this.#leave(exited);
    const exit = await exited;
    // What it has left behind may hold its pipes: they end with it.
    this.#signal('SIGKILL');
    child.stdin.destroy();
    // What has left the group may hold the other end all the same.
    const timer = this.#setup.clock.after(GRACE, () => child.stdout.destroy(), true);
    const fault = await failed;
    timer.cancel();
    this.#child = this.#conversation = undefined;
    if (fault !== undefined) throw fault.error;
    return { exit, ready: conversation.ready };
  }

  /** It has closed its stdout: it may take a moment to end by itself. */
  async #leave(exited: Promise<Exit>): Promise<void> {
    const timer = this.#setup.clock.after(GRACE, () => void this.#kill(), true);
    await exited;
    timer.cancel();
  }

  async #kill(): Promise<void> {
    this.#signal('SIGTERM');
    const timer = this.#setup.clock.after(GRACE, () => this.#signal('SIGKILL'), true);
    await this.#exited;
    timer.cancel();
  }

  /** To the whole group: the shell, and what it has started. */
  #signal(signal: NodeJS.Signals): void {
    const child = this.#child;
    if (child?.pid === undefined) return;
    try {
      if (posix) process.kill(-child.pid, signal);
      else child.kill(signal);
    } catch {
      // it has gone
    }
  }
}

/** How a shell says that it found no such command, or may not run it (POSIX: 126, 127). */
function refuseUnknown(command: string, { code, error }: Exit): void {
  if (error !== undefined) throw new TidelockError('BACKEND_FAILED', { command, reason: error.message }, { cause: error });
  if (code === 126 || code === 127) throw new TidelockError('BACKEND_FAILED', { command, reason: `the shell ended with ${code}, which says that it found no such program or may not run it` });
}
