/** The gateway's end of the control socket: who may connect is the file system's decision, everything else is bounded here. */
import type net from 'node:net';
import { TidelockError } from '../../errors.js';
import { isTold } from '../told.js';
import { PacedLines } from '../paced-lines.js';
import { listenPrivately } from '../private-socket.js';
import { safeJson } from '../escape.js';
import { CONTROL_SOCKET } from './path.js';
import { CONTROL_VERSION, LARGEST_LINE, parseRequest, type ControlError, type Operation, type Operations, type Reply, type Request } from './protocol.js';

export interface Call<O extends Operation> {
  /** Sends an event line; waits while the client reads slowly. */
  event(name: string, data: Operations[O]['event']): Promise<void>;
  /** Aborted when the client is gone or the server closes. */
  readonly signal: AbortSignal;
}

/** One handler an operation. `params` comes from outside: the handler checks it. */
export type Handlers = {
  [O in Operation]: (params: Readonly<Record<string, unknown>>, call: Call<O>) => Promise<Operations[O]['result']>;
};

export interface ControlBounds {
  /** Clients at once; a further one is closed. Default 32. */
  connections?: number;
  /** Requests at once a connection; further ones wait unread. Default 16. */
  requests?: number;
  /** ms that a client may hold a connection without a request. Default 60,000. */
  idle?: number;
}

export class ControlServer {
  readonly path: string;
  readonly #server: net.Server;
  readonly #clients = new Set<Client>();

  private constructor(path: string, server: net.Server) {
    this.path = path;
    this.#server = server;
  }

  /** Throws GATEWAY_RUNNING where another process answers at `path`, CONTROL_PATH where it cannot be made. */
  static async listen(path: string, handlers: Handlers, bounds: ControlBounds = {}): Promise<ControlServer> {
    const { connections = 32, requests = 16, idle = 60_000 } = bounds;
    const server = await listenPrivately(path, CONTROL_SOCKET);
    const control = new ControlServer(path, server);
    server.on('connection', (socket) => {
      if (control.#clients.size >= connections) {
        socket.destroy();
        return;
      }
      const client = new Client(socket, handlers, requests, idle);
      control.#clients.add(client);
      socket.on('close', () => control.#clients.delete(client));
    });
    return control;
  }

  /** Takes no further requests and ends connections, those with requests in progress too. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const client of this.#clients) client.close();
    await closed; // Node removes the socket's file with it
  }
}

/** ms for a client to read the last lines. */
const FAREWELL = 1_000;

class Client {
  readonly #socket: net.Socket;
  readonly #handlers: Handlers;
  readonly #gone = new AbortController();
  readonly #lines: PacedLines;

  constructor(socket: net.Socket, handlers: Handlers, most: number, idle: number) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.#lines = new PacedLines(socket, {
      largest: LARGEST_LINE,
      most,
      line: (line) => this.#receive(line),
      tooLong: () => this.#reject(`a line of more than ${LARGEST_LINE} bytes`),
      ended: () => undefined,
    });
    socket.setTimeout(idle, () => {
      if (this.#lines.idle) socket.destroy();
    });
    socket.on('close', () => this.#gone.abort());
  }

  close(): void {
    this.#lines.stop();
    this.#socket.destroySoon();
    // A client that does not read what it is owed must not hold up the end.
    setTimeout(() => this.#socket.destroy(), FAREWELL).unref();
    this.#gone.abort();
  }

  #receive(line: Buffer): Promise<void> | void {
    const request = parseRequest(line);
    if (typeof request !== 'string') return this.#run(request);
    this.#reject(request);
  }

  /** What cannot be read as a request has no id to answer to, and what follows it can't be trusted either. */
  #reject(reason: string): void {
    void this.#write({ v: CONTROL_VERSION, id: 0, end: true, error: describe(new TidelockError('CONTROL_FAILED', { reason })) });
    this.close();
  }

  async #run(request: Request): Promise<void> {
    const reply = (rest: Omit<Reply, 'v' | 'id'>): Promise<void> => this.#write({ v: CONTROL_VERSION, id: request.id, ...rest });
    try {
      const handler = Object.hasOwn(this.#handlers, request.op) ? this.#handlers[request.op as Operation] : undefined;
      if (handler === undefined) throw new TidelockError('CONTROL_FAILED', { reason: `it does not know the operation ${JSON.stringify(request.op)}` });
      const call = { event: (event: string, data: unknown) => reply({ event, data }), signal: this.#gone.signal };
      const data = await (handler as (params: object, call: object) => Promise<unknown>)(request.params ?? {}, call);
      await reply({ end: true, data });
    } catch (error) {
      await reply({ end: true, error: describe(error) });
    }
  }

  /** Fulfilled when the client may be given more, or is gone. */
  #write(reply: Reply): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#socket.writable) return resolve();
      if (this.#socket.write(`${safeJson(reply)}\n`)) return resolve();
      const done = (): void => {
        this.#socket.off('drain', done).off('close', done);
        resolve();
      };
      this.#socket.on('drain', done).on('close', done);
    });
  }
}

function describe(error: unknown): ControlError {
  if (isTold(error)) return { code: error.code, problem: error.problem, action: error.action };
  const reason = error instanceof Error ? error.message : String(error);
  return describe(new TidelockError('CONTROL_FAILED', { reason }));
}
