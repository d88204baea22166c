/** What every conversation shares: the core's observer, its slots, the keys, and who is told. */
import type { Observer } from '../core/observer.js';
import type { Session } from './session.js';
import type { FindKeys, Frame, Item, Note, Where } from './types.js';

export class Context {
  readonly #free: number[] = [];
  #slots = 0;

  constructor(
    readonly observer: Observer,
    readonly keys: FindKeys,
    private readonly tell: (item: Item) => void,
  ) {}

  /** A number for a session of the observer. */
  claim(): number {
    return this.#free.pop() ?? this.#slots++;
  }

  release(slot: number): void {
    this.observer.free(slot);
    this.#free.push(slot);
  }

  frame(frame: Frame, session: Session | undefined): void {
    if (session?.identity !== undefined) frame.identity = session.identity;
    if (session?.number !== undefined) frame.session ??= session.number;
    this.tell(frame);
  }

  note(about: Note['about'], where: Partial<Where>, text: string): void {
    this.tell({ kind: 'note', about, ...where, text });
  }
}
