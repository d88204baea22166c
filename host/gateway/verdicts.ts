/**
 * The verdicts on a session's messages, in the order of ids, on their way to the core: one ok for all of a tick, and then
 * at most one that is not ok, because what stands behind such a message comes again.
 */
import { ACK_BUSY, ACK_OK } from '../../assembly/abi.js';

export class Verdicts {
  /** Highest id reported by the core, highest that the core has a verdict on. */
  #reported: number;
  #decided: number;
  /** What the core does not know yet: ok up to this id, and another verdict on one behind it. */
  #okUpTo = 0;
  #refusal: { id: number; status: number } | undefined = undefined;
  /** There was no room for this message: busy, once those before it are decided. */
  #noRoom = 0;

  /** `last`: the highest id that was taken before. */
  constructor(last: number) {
    this.#reported = this.#decided = last;
  }

  /** Messages wait for a verdict, or verdicts for the core. */
  get pending(): boolean {
    return this.#reported > this.#decided || this.#okUpTo > 0 || this.#refusal !== undefined || this.#noRoom > 0;
  }

  /** What the core reports stands behind one that was refused or found no room: it comes again. */
  get blocked(): boolean {
    return this.#noRoom > 0 || this.#refusal !== undefined;
  }

  reported(id: number): void {
    if (id > this.#reported) this.#reported = id;
  }

  noRoom(id: number): void {
    this.#noRoom = id;
  }

  give(id: number, status: number): void {
    if (status !== ACK_OK) this.#refusal = { id, status };
    else if (id > this.#okUpTo) this.#okUpTo = id;
  }

  /** Tells the core; returns the status other than ok that it was told, or ACK_OK. */
  tell(answer: (id: number, status: number) => void): number {
    if (this.#okUpTo > 0) {
      const id = this.#okUpTo;
      this.#okUpTo = 0;
      if (id > this.#decided) this.#decided = id;
      answer(id, ACK_OK);
    }
    if (this.#refusal !== undefined) {
      const { id, status } = this.#refusal;
      this.#refusal = undefined;
      this.#noRoom = 0;
      this.#reported = this.#decided = id - 1;
      answer(id, status);
      return status;
    }
    if (this.#noRoom > 0 && this.#reported === this.#decided) {
      const id = this.#noRoom;
      this.#noRoom = 0;
      answer(id, ACK_BUSY);
      return ACK_BUSY;
    }
    return ACK_OK;
  }
}
