/**
 * One backend: messages to it, at most a window of them undone; done marks, pushes and questions from it, with their results.
 * What it sends is taken only as fast as it is dealt with: lines wait unread while 64 are in hand, or while more than
 * 1 MiB of results wait for a backend that does not read them.
 */
import type { Readable, Writable } from 'node:stream';
import type pino from 'pino';
import type { Clock } from '../../clock.js';
import { TidelockError } from '../../errors.js';
import type { GatewayApi, InboxMessage, Message } from '../../gateway/types.js';
import type { Registry } from '../../registry/types.js';
import { safeJson } from '../escape.js';
import { parts } from '../failure.js';
import { messageFields } from '../message-line.js';
import { Output } from '../output.js';
import { PacedLines } from '../paced-lines.js';
import { Unkept } from '../unkept.js';
import { BACKEND_VERSION, LARGEST_LINE, LineFault, parseLine, type BackendLine, type Ref } from './protocol.js';
import { Pushes } from './pushes.js';
import type { Seat } from './seat.js';

/** Lines in hand at once: sends until they are queued, marks until they are committed. They share flushes to the disk. */
const MOST_LINES = 64;
/** Bytes of results that may wait before nothing more is read. */
const LARGEST_OWED = 1 << 20;
/** Faults one after the other, without a good line between, after which it is no backend but noise. */
const MOST_FAULTS = 100;
/** ms to say ready. */
const READY_MS = 60_000;

/** Counted over all conversations of a gateway. */
export interface BackendCounters {
  messages: number;
  done: number;
  pushes: number;
  faults: number;
  dropped: number;
  /** Held now, handed out and not done. */
  undone: number;
}

export interface ConversationSetup {
  gateway: GatewayApi;
  registry: Pick<Registry, 'outcome'>;
  log: pino.Logger;
  clock: Clock;
  counters: BackendCounters;
  /** Undefined: this one is for pushes alone, whatever it wants. */
  seat: Seat | undefined;
  /** Messages that it may hold undone. */
  window: number;
  version: string;
  /** Who it is, for the log. */
  name: string;
}

export class Conversation {
  /** Fulfilled when the backend has said its last; rejected where the inbox cannot be read. */
  readonly ended: Promise<void>;
  /** It has said ready. */
  ready = false;
  readonly #setup: ConversationSetup;
  readonly #output: Output;
  readonly #stream: Writable;
  readonly #lines: PacedLines;
  readonly #unkept: Unkept;
  readonly #pushes: Pushes;
  readonly #undone = new Map<string, InboxMessage>();
  readonly #reading = new AbortController();
  #window: number;
  #marking = 0;
  #room: (() => void) | undefined;
  #owed = 0;
  #faults = 0;
  #closing = false;
  #over = false;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(input: Readable, output: Writable, setup: ConversationSetup) {
    const { window, version, log, name, clock } = setup;
    this.#setup = setup;
    this.#window = window;
    this.#stream = output;
    this.#output = new Output(output);
    this.#unkept = new Unkept(this.#output, log, name);
    this.#pushes = new Pushes(setup.gateway, setup.registry, (result) => this.#tell(result));
    this.ended = new Promise<void>((resolve, reject) => ([this.#resolve, this.#reject] = [resolve, reject]));
    this.#tell({ type: 'hello', version: BACKEND_VERSION, gateway: version, window, largest: LARGEST_LINE });
    this.#lines = new PacedLines(input, {
      largest: LARGEST_LINE,
      most: MOST_LINES,
      line: (line, number) => this.#take(line, number),
      tooLong: (number) => this.#fault(number, `it is longer than ${LARGEST_LINE} bytes`),
      ended: () => this.#end(),
      idle: () => this.#leaveWhenDone(),
    });
    const timer = clock.after(READY_MS, () => {
      if (!this.ready) this.#giveUp(`it did not say ready in ${READY_MS / 1_000} s`);
    }, false);
    void this.ended.catch(() => undefined).then(() => timer.cancel());
  }

  /** No more messages; its input ends once it holds none, which tells it to end as well. */
  close(): void {
    if (this.#closing || this.#over) return;
    this.#closing = true;
    this.#reading.abort();
    this.#tell({ type: 'closing' });
    this.#leaveWhenDone();
  }

  /** A message that wants no acknowledgement. */
  pass(message: Message): void {
    if (this.#over || this.#closing) return;
    const { counters } = this.#setup;
    if (this.#unkept.write(safeJson({ type: 'message', ...messageFields(message) }))) counters.messages += 1;
    else counters.dropped += 1;
  }

  // ---- From the backend ----

  #take(line: Buffer, number: number): Promise<void> | void {
    if (line.length === 0) return; // whoever prints an empty line means nothing by it
    try {
      const taken = this.#handle(parseLine(line));
      this.#faults = 0;
      // What goes wrong later is told with the same number.
      return taken?.catch((error: unknown) => this.#failed(error, number));
    } catch (error) {
      this.#failed(error, number);
    }
  }

  #handle(line: BackendLine): Promise<void> | void {
    if (line.type === 'ready') return this.#begin(line);
    if (!this.ready) throw new LineFault('the first line must be ready');
    const { counters } = this.#setup;
    switch (line.type) {
      case 'done':
        return this.#mark(line.id);
      case 'send':
        counters.pushes += 1;
        return this.#pushes.send(line);
      case 'post':
        counters.pushes += 1;
        return this.#pushes.post(line);
      case 'outcome':
        return this.#pushes.outcome(line);
    }
  }

  #begin({ messages, window }: BackendLine & { type: 'ready' }): void {
    if (this.ready) throw new LineFault('ready was said before');
    const { seat, log, name } = this.#setup;
    if (messages && (seat === undefined || !seat.take(this))) {
      this.#giveUp('another has the messages', new TidelockError('BACKEND_TAKEN'));
      return;
    }
    this.ready = true;
    this.#window = Math.min(window ?? this.#window, this.#window);
    log.info({ backend: name, messages, window: this.#window }, 'backend ready');
    if (messages && !this.#closing) this.#handOut().catch((error: unknown) => this.#end(error));
  }

  #mark(id: string): Promise<void> {
    const message = this.#undone.get(id);
    if (message === undefined) {
      const shown = JSON.stringify(id.length > 100 ? `${id.slice(0, 100)}…` : id);
      throw new LineFault(`${shown} is no message that this backend holds: it is done already, or an earlier backend had it`);
    }
    this.#undone.delete(id);
    return this.#commit(id, message);
  }

  async #commit(id: string, message: InboxMessage): Promise<void> {
    const { counters } = this.#setup;
    this.#marking += 1;
    try {
      await message.done();
      counters.done += 1;
      counters.undone -= 1;
    } catch (error) {
      this.#undone.set(id, message); // the backend may say it again; the next one gets it again
      throw error;
    } finally {
      this.#marking -= 1;
      this.#room?.();
    }
  }

  #failed(error: unknown, number: number): void {
    if (error instanceof LineFault) return this.#fault(number, error.message, error.ref);
    // Not the backend's fault: the database, or a gateway that is closing.
    this.#setup.log.error({ backend: this.#setup.name, line: number, error }, 'what a backend asked for failed');
    this.#tell({ type: 'error', line: number, error: parts(error) });
  }

  #fault(number: number, problem: string, ref?: Ref): void {
    const { counters, log, name } = this.#setup;
    counters.faults += 1;
    this.#faults += 1;
    const error = new TidelockError('BACKEND_LINE', { line: number, problem });
    if (this.#faults === 1) log.warn({ backend: name, line: number, problem }, 'a line of a backend is wrong');
    this.#tell({ type: 'error', line: number, ...(ref === undefined ? {} : { ref }), error: parts(error) });
    if (!this.ready) this.#giveUp('its first line was not ready');
    else if (this.#faults >= MOST_FAULTS) this.#giveUp(`${MOST_FAULTS} lines one after the other were wrong`);
  }

  // ---- To the backend ----

  async #handOut(): Promise<void> {
    const { gateway, counters } = this.#setup;
    for await (const message of gateway.messages({ signal: this.#reading.signal })) {
      while (this.#undone.size + this.#marking >= this.#window && !this.#over) await new Promise<void>((resolve) => (this.#room = resolve));
      if (this.#over || this.#closing) return;
      this.#undone.set(message.id, message);
      counters.messages += 1;
      counters.undone += 1;
      // Not waited for: the window bounds what waits here.
      this.#output.line(safeJson({ type: 'message', ...messageFields(message) })).catch(() => undefined);
    }
  }

  #tell(line: object): void {
    if (this.#stream.writableEnded) return;
    const text = safeJson(line);
    this.#owed += text.length;
    const free = (): void => {
      this.#owed -= text.length;
      if (this.#owed < LARGEST_OWED / 2) this.#lines.hold(false);
    };
    this.#output.line(text).then(free, free);
    if (this.#owed > LARGEST_OWED) this.#lines.hold(true);
  }

  // ---- The end ----

  #leaveWhenDone(): void {
    if (this.#closing && !this.#over && this.#undone.size === 0 && this.#lines.idle) this.#stream.end();
  }

  /** Nothing that it says counts any more; its owner ends it. */
  #giveUp(problem: string, error = new TidelockError('BACKEND_GIVEN_UP', { problem })): void {
    const { log, name } = this.#setup;
    this.#lines.stop();
    log.warn({ backend: name, problem }, 'a backend was given up');
    this.#tell({ type: 'error', error: parts(error) });
    this.#end();
  }

  #end(error?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    const { counters, seat } = this.#setup;
    this.#reading.abort();
    seat?.leave(this);
    counters.undone -= this.#undone.size;
    this.#undone.clear();
    this.#room?.();
    this.#stream.end();
    if (error === undefined) this.#resolve();
    else this.#reject(error);
  }
}
