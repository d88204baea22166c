/**
 * The end of something, as a promise that exists only once it is asked for. A sender that does not look at the end
 * pays for no promise, and an end that nobody looks at is no unhandled rejection.
 */
export class Outcome<T> {
  #state: 'open' | 'fulfilled' | 'rejected' = 'open';
  #value: T | undefined;
  #error: Error | undefined;
  #promise: Promise<T> | undefined;
  #resolve: ((value: T) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;

  get open(): boolean {
    return this.#state === 'open';
  }

  get promise(): Promise<T> {
    if (this.#promise === undefined) {
      if (this.#state === 'fulfilled') this.#promise = Promise.resolve(this.#value as T);
      else if (this.#state === 'rejected') this.#promise = Promise.reject(this.#error!);
      else {
        this.#promise = new Promise<T>((resolve, reject) => {
          this.#resolve = resolve;
          this.#reject = reject;
        });
      }
    }
    return this.#promise;
  }

  /** The first end counts; false: it had ended already. */
  resolve(value: T): boolean {
    if (this.#state !== 'open') return false;
    this.#state = 'fulfilled';
    this.#value = value;
    this.#resolve?.(value);
    return true;
  }

  reject(error: unknown): boolean {
    if (this.#state !== 'open') return false;
    this.#state = 'rejected';
    this.#error = error as Error;
    this.#reject?.(error);
    return true;
  }
}
