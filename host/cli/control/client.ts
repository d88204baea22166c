/** The command's end of the control socket. */
import net from 'node:net';
import { TidelockError } from '../../errors.js';
import { LineSplitter } from '../lines.js';
import { bindablePath } from './path.js';
import { CONTROL_VERSION, LARGEST_LINE, type ControlError, type Operation, type Operations, type Reply } from './protocol.js';

/** An error that the running gateway gave; `code` is one of docs/errors.md, of the gateway's version. */
export class GatewayError extends Error {
  readonly code: string;
  readonly problem: string;
  readonly action: string;

  constructor({ code, problem, action }: ControlError) {
    super(`${problem}. ${action}`);
    this.code = code;
    this.problem = problem;
    this.action = action;
  }
}

export interface ClientOptions {
  /** ms that the gateway may take to accept the connection and to say the first word. Default 5,000. */
  patience?: number;
}

export class ControlClient {
  readonly #socket: net.Socket;
  readonly #path: string;
  readonly #patience: number;
  readonly #calls = new Map<number, { event: (data: unknown) => void; end: (reply: Reply) => void; lost: (error: Error) => void }>();
  #lastId = 0;

  private constructor(socket: net.Socket, path: string, patience: number) {
    this.#socket = socket;
    this.#path = path;
    this.#patience = patience;
    const splitter = new LineSplitter(2 * LARGEST_LINE, {
      line: (line) => this.#receive(line),
      tooLong: () => this.#fail('it wrote a line that is too long'),
    });
    socket.on('data', (chunk) => splitter.push(chunk));
    socket.on('error', () => undefined); // 'close' follows
    socket.on('close', () => this.#fail('it closed the connection'));
  }

  /**
   * Undefined where no gateway runs: nothing at `path`, or nobody answers there.
   * Throws CONTROL_FAILED where there is one that this user must not use.
   */
  static async connect(path: string, { patience = 5_000 }: ClientOptions = {}): Promise<ControlClient | undefined> {
    const socket = net.connect(bindablePath(path));
    try {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`it did not accept the connection in ${patience} ms`)), patience);
        socket.once('connect', () => {
          clearTimeout(timer);
          resolve();
        });
        socket.once('error', (error) => {
          clearTimeout(timer);
          reject(error);
        });
      });
      return new ControlClient(socket, path, patience);
    } catch (error) {
      socket.destroy();
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR') return undefined;
      const reason = code === 'EACCES' || code === 'EPERM' ? `this user has no right to ${path}` : message;
      throw new TidelockError('CONTROL_FAILED', { reason }, { cause: error });
    }
  }

  /**
   * Throws INPUT_INVALID for what makes too long a line, GatewayError with the gateway's own code, CONTROL_FAILED where the connection fails or the first word does
   * not come in time. What follows the first event (`send` with `wait`) may take as long as it takes.
   */
  async call<O extends Operation>(
    op: O,
    params: Operations[O]['params'],
    onEvent: (data: Operations[O]['event']) => void = () => undefined,
  ): Promise<Operations[O]['result']> {
    const id = (this.#lastId += 1);
    const line = `${JSON.stringify({ v: CONTROL_VERSION, id, op, params })}\n`;
    if (Buffer.byteLength(line) > LARGEST_LINE) {
      throw new TidelockError('INPUT_INVALID', { what: 'what was given', problem: `is more than the ${LARGEST_LINE} bytes that the gateway takes at a time`, remedy: 'Give less at a time.' });
    }
    let timer: NodeJS.Timeout | undefined;
    try {
      const reply = await new Promise<Reply>((resolve, reject) => {
        timer = setTimeout(() => reject(new TidelockError('CONTROL_FAILED', { reason: `it did not answer in ${this.#patience} ms` })), this.#patience);
        this.#calls.set(id, {
          event: (data) => {
            clearTimeout(timer);
            onEvent(data as Operations[O]['event']);
          },
          end: resolve,
          lost: reject,
        });
        this.#socket.write(line);
      });
      if (reply.error !== undefined) throw new GatewayError(reply.error);
      return reply.data as Operations[O]['result'];
    } finally {
      clearTimeout(timer);
      this.#calls.delete(id);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  get path(): string {
    return this.#path;
  }

  #receive(line: Buffer): void {
    let reply: Reply;
    try {
      reply = JSON.parse(line.toString('utf8')) as Reply;
    } catch {
      return this.#fail('it wrote a line that is no JSON');
    }
    if (reply?.v !== CONTROL_VERSION) return this.#fail('it speaks another version of the control protocol');
    // An error with id 0 is about the connection itself.
    if (reply.id === 0 && reply.error !== undefined) {
      const { error } = reply;
      for (const call of this.#calls.values()) call.lost(new GatewayError(error));
      return;
    }
    const call = this.#calls.get(reply.id);
    if (call === undefined) return;
    if (reply.end === true) call.end(reply);
    else call.event(reply.data);
  }

  #fail(reason: string): void {
    for (const call of this.#calls.values()) call.lost(new TidelockError('CONTROL_FAILED', { reason }));
    this.#calls.clear();
    this.#socket.destroy();
  }
}
