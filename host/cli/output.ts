/** stdout, of which every line is either written or known not to be. */
import { TidelockError } from '../errors.js';
import { safeJson } from './escape.js';

/** The reader of stdout has gone (`tidelock serve | head -1`): no fault, but nothing can be printed any more. */
export class OutputClosed extends Error {}

export class Output {
  readonly #stream: NodeJS.WritableStream;
  #failure: Error | undefined;
  readonly #watchers = new Set<(error: Error) => void>();

  constructor(stream: NodeJS.WritableStream = process.stdout) {
    this.#stream = stream;
    // Without a listener a broken pipe would end the process with a stack trace.
    stream.on('error', (error: NodeJS.ErrnoException) => this.#fail(error));
  }

  /**
   * Fulfilled when the line is handed to the system: in the pipe, the file or the terminal.
   * Throws OutputClosed where the reader has gone, OUTPUT_FAILED where it cannot be written (a full disk).
   */
  line(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#stream.write(`${text}\n`, (error?: Error | null) => {
        if (error) reject(this.#fail(error));
        else resolve();
      });
    });
  }

  json(value: unknown): Promise<void> {
    return this.line(safeJson(value));
  }

  /** Calls `run` once, as soon as it is known that nothing can be written any more. */
  onFailure(run: (error: Error) => void): void {
    if (this.#failure !== undefined) run(this.#failure);
    else this.#watchers.add(run);
  }

  #fail(error: NodeJS.ErrnoException): Error {
    if (this.#failure === undefined) {
      const gone = error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED' || error.code === 'EOF';
      this.#failure = gone ? new OutputClosed('the reader of stdout has gone') : new TidelockError('OUTPUT_FAILED', { reason: error.message }, { cause: error });
      for (const watcher of this.#watchers) watcher(this.#failure);
      this.#watchers.clear();
    }
    return this.#failure;
  }
}
