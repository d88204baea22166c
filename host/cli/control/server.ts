/** The gateway's end of the control socket: who may connect is the file system's decision, everything else is bounded here. */
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import net from 'node:net';
import { TidelockError } from '../../errors.js';
import { isTold } from '../told.js';
import { LineSplitter } from '../lines.js';
import { safeJson } from '../escape.js';
import { bindablePath, isPipe, prepareFolder } from './path.js';
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
    const place = bindablePath(path);
    prepareFolder(path);
    await removeStale(path, place);
    const server = net.createServer();
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
    await bind(server, path, place);
    server.on('error', () => undefined); // a client that cannot be accepted tries again
    return control;
  }

  /** Takes no further requests and ends connections, those with requests in progress too. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const client of this.#clients) client.close();
    await closed; // Node removes the socket's file with it
  }
}

/** A socket that nobody answers at is what a crash left behind. */
async function removeStale(path: string, place: string): Promise<void> {
  const answer = await new Promise<string>((resolve) => {
    const probe = net.connect(place);
    probe.on('connect', () => {
      probe.destroy();
      resolve('connected');
    });
    probe.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  if (answer === 'connected') throw new TidelockError('GATEWAY_RUNNING', { socket: path });
  if (answer !== 'ECONNREFUSED' || isPipe(path)) return;
  try {
    // connect(2) is refused by a plain file as well: that one is somebody's, and stays.
    if (lstatSync(place).isSocket()) unlinkSync(place);
  } catch {
    // listen says it better
  }
}

async function bind(server: net.Server, path: string, place: string): Promise<void> {
  // The mode holds from the moment the file appears: bind(2) applies the umask, and listen binds before it returns.
  const umask = isPipe(path) ? undefined : process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(place, () => {
        server.off('error', reject);
        resolve();
      });
      if (umask !== undefined) process.umask(umask);
    });
    if (!isPipe(path)) chmodSync(place, 0o600);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') throw new TidelockError('GATEWAY_RUNNING', { socket: path }, { cause: error });
    throw new TidelockError(
      'CONTROL_PATH',
      { socket: path, problem: `cannot be made: ${message}`, remedy: 'Give another path with --control.' },
      { cause: error },
    );
  }
}

/** ms for a client to read the last lines. */
const FAREWELL = 1_000;

class Client {
  readonly #socket: net.Socket;
  readonly #handlers: Handlers;
  readonly #most: number;
  readonly #gone = new AbortController();
  readonly #lines: Request[] = [];
  #running = 0;

  constructor(socket: net.Socket, handlers: Handlers, most: number, idle: number) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.#most = most;
    const splitter = new LineSplitter(LARGEST_LINE, {
      line: (line) => this.#receive(line),
      tooLong: () => this.#reject(`a line of more than ${LARGEST_LINE} bytes`),
    });
    socket.setTimeout(idle, () => {
      if (this.#running === 0) socket.destroy();
    });
    socket.on('data', (chunk) => splitter.push(chunk));
    socket.on('error', () => undefined); // 'close' follows
    socket.on('close', () => this.#gone.abort());
  }

  close(): void {
    this.#socket.destroySoon();
    // A client that does not read what it is owed must not hold up the end.
    setTimeout(() => this.#socket.destroy(), FAREWELL).unref();
    this.#gone.abort();
  }

  #receive(line: Buffer): void {
    if (this.#gone.signal.aborted) return;
    const request = parseRequest(line);
    if (typeof request === 'string') {
      this.#reject(request);
      return;
    }
    this.#lines.push(request);
    this.#next();
  }

  /** What cannot be read as a request has no id to answer to, and what follows it can't be trusted either. */
  #reject(reason: string): void {
    if (this.#gone.signal.aborted) return;
    void this.#write({ v: CONTROL_VERSION, id: 0, end: true, error: describe(new TidelockError('CONTROL_FAILED', { reason })) });
    this.close();
  }

  #next(): void {
    while (this.#running < this.#most && this.#lines.length > 0) void this.#run(this.#lines.shift()!);
    if (this.#lines.length > 0) this.#socket.pause(); // one chunk of lines may wait here, the rest waits in the client
    else this.#socket.resume();
  }

  async #run(request: Request): Promise<void> {
    this.#running += 1;
    const reply = (rest: Omit<Reply, 'v' | 'id'>): Promise<void> => this.#write({ v: CONTROL_VERSION, id: request.id, ...rest });
    try {
      const handler = Object.hasOwn(this.#handlers, request.op) ? this.#handlers[request.op as Operation] : undefined;
      if (handler === undefined) throw new TidelockError('CONTROL_FAILED', { reason: `it does not know the operation ${JSON.stringify(request.op)}` });
      const call = { event: (event: string, data: unknown) => reply({ event, data }), signal: this.#gone.signal };
      const data = await (handler as (params: object, call: object) => Promise<unknown>)(request.params ?? {}, call);
      await reply({ end: true, data });
    } catch (error) {
      await reply({ end: true, error: describe(error) });
    } finally {
      this.#running -= 1;
      this.#next();
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
