/** The backends of a gateway: a child process, whoever connects to a socket, or both. */
import type net from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type pino from 'pino';
import { systemClock, type Clock } from '../../clock.js';
import { TidelockError } from '../../errors.js';
import type { GatewayApi, Message } from '../../gateway/types.js';
import type { Family } from '../../http/index.js';
import type { Registry } from '../../registry/types.js';
import type { SocketPurpose } from '../control/path.js';
import { listenPrivately } from '../private-socket.js';
import { ChildBackend } from './child.js';
import { Conversation, type BackendCounters } from './conversation.js';
import { Seat } from './seat.js';

/** Connections to the socket at once; a further one is closed. */
const MOST_CONNECTIONS = 32;

const BACKEND_SOCKET: SocketPurpose = {
  code: 'BACKEND_SOCKET',
  flag: '--backend-socket',
  taken: (socket) => new TidelockError('BACKEND_SOCKET', { socket, problem: 'is in use', remedy: 'Stop the program that answers there, or give another path with --backend-socket.' }),
};

export interface BackendsSetup {
  gateway: GatewayApi;
  registry: Pick<Registry, 'outcome'>;
  log: pino.Logger;
  version: string;
  /** Messages that a backend may hold undone. */
  window: number;
  command: string | undefined;
  socket: string | undefined;
  clock?: Clock;
}

export class Backends {
  readonly #setup: BackendsSetup;
  readonly #clock: Clock;
  readonly #seat = new Seat();
  readonly #counters: BackendCounters = { messages: 0, done: 0, pushes: 0, faults: 0, dropped: 0, undone: 0 };
  readonly #clients = new Map<Conversation, net.Socket>();
  #server: net.Server | undefined;
  #child: ChildBackend | undefined;
  #failed!: (error: unknown) => void;
  /** Rejected where a backend cannot go on for a reason that is not its own. */
  readonly #failure = new Promise<never>((_, reject) => (this.#failed = reject));
  #alone = false;
  #closing: Promise<void> | undefined;

  /** Throws BACKEND_SOCKET. */
  static async start(setup: BackendsSetup): Promise<Backends> {
    const backends = new Backends(setup);
    if (setup.socket !== undefined) {
      backends.#server = await listenPrivately(setup.socket, BACKEND_SOCKET);
      backends.#server.on('connection', (socket) => backends.#connected(socket));
    }
    return backends;
  }

  private constructor(setup: BackendsSetup) {
    this.#setup = setup;
    this.#clock = setup.clock ?? systemClock;
    this.#failure.catch(() => undefined);
    setup.gateway.on('message', this.#pass);
  }

  /** Fulfilled when `stopped` is. Throws BACKEND_FAILED, DATABASE_*. */
  async run(stopped: Promise<void>): Promise<void> {
    const { command, log } = this.#setup;
    if (command !== undefined) {
      const child = new ChildBackend({ command, log, clock: this.#clock, converse: (input, output) => this.#converse(input, output, 'child', this.#seat) });
      this.#child = child;
      child.run().catch(this.#failed);
    }
    await Promise.race([stopped, this.#failure]);
  }

  /** Lets them finish what they hold for at most `ms`, then ends them. A second call joins the first. */
  close(ms: number): Promise<void> {
    this.#closing ??= this.#close(ms);
    return this.#closing;
  }

  async #close(ms: number): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      if (this.#server === undefined) resolve();
      else this.#server.close(() => resolve());
    });
    for (const conversation of this.#clients.keys()) conversation.close();
    const timer = this.#clock.after(ms, () => {
      for (const socket of this.#clients.values()) socket.destroy();
    }, true);
    await Promise.all([closed, this.#child?.close(ms)]);
    timer.cancel();
    this.#setup.gateway.off('message', this.#pass);
  }

  /** For metrics. */
  families(): Family[] {
    const { messages, done, pushes, faults, dropped, undone } = this.#counters;
    const family = (type: Family['type'], name: string, help: string, value: number): Family => ({ name: `tidelock_backend_${name}`, type, help, samples: [{ value }] });
    return [
      family('gauge', 'ready', 'Whether a backend takes messages now', this.#seat.taken ? 1 : 0),
      family('gauge', 'connections', 'Connections to the backend socket', this.#clients.size),
      family('counter', 'starts_total', 'Times that the backend command was started', this.#child?.starts ?? 0),
      family('counter', 'messages_total', 'Messages handed to backends, repeats counted', messages),
      family('counter', 'done_total', 'Messages that backends marked done', done),
      family('gauge', 'undone_messages', 'Messages that a backend holds now', undone),
      family('counter', 'dropped_total', 'Messages without acknowledgement that no backend took', dropped),
      family('counter', 'pushes_total', 'Lines send and post from backends', pushes),
      family('counter', 'faults_total', 'Lines from backends that were wrong', faults),
    ];
  }

  #connected(socket: net.Socket): void {
    if (this.#clients.size >= MOST_CONNECTIONS || this.#closing !== undefined) {
      socket.destroy();
      return;
    }
    // With a child the messages are the child's, also while it is started again.
    const conversation = this.#converse(socket, socket, 'socket', this.#setup.command === undefined ? this.#seat : undefined);
    this.#clients.set(conversation, socket);
    socket.on('close', () => this.#clients.delete(conversation));
    conversation.ended.then(() => socket.destroySoon(), this.#failed);
  }

  #converse(input: Readable, output: Writable, name: string, seat: Seat | undefined): Conversation {
    const { gateway, registry, log, version, window } = this.#setup;
    return new Conversation(input, output, { gateway, registry, log, version, window, name, seat, clock: this.#clock, counters: this.#counters });
  }

  readonly #pass = (message: Message): void => {
    if (this.#seat.pass(message)) {
      this.#alone = false;
      return;
    }
    this.#counters.dropped += 1;
    if (!this.#alone) this.#setup.log.warn('no backend is there: messages without acknowledgement are dropped');
    this.#alone = true;
  };
}
