/** Who gets the messages: one backend at a time, because two would break the order of a device's messages. */
import type { Message } from '../../gateway/types.js';

export interface Sitter {
  /** A message that wants no acknowledgement. */
  pass(message: Message): void;
}

export class Seat {
  #sitter: Sitter | undefined;

  get taken(): boolean {
    return this.#sitter !== undefined;
  }

  take(sitter: Sitter): boolean {
    if (this.#sitter !== undefined) return false;
    this.#sitter = sitter;
    return true;
  }

  leave(sitter: Sitter): void {
    if (this.#sitter === sitter) this.#sitter = undefined;
  }

  /** False: nobody is there. */
  pass(message: Message): boolean {
    this.#sitter?.pass(message);
    return this.#sitter !== undefined;
  }
}
