// Delivery in order and once, told naively: what a receiver answers, and what a sender may send next.
// Time is left to the caller: a sender says that it waits, the caller says when the wait is over.

import { STATUS, TYPE } from './bodies.js';

export const OUTSTANDING = 64;
/** Bit 7 of a status: the message may come again. */
export const isFinal = (status: number) => status < 0x80;

export type ReceiverAction =
  | { do: 'report'; id: number }
  | { do: 'ack'; id: number; status: number; /** A gap: counted as out of order. */ order?: boolean }
  | { do: 'nothing'; order?: boolean };

/** The receiver of one outbox. Its record is `last` alone; the rest is forgotten with the session. */
export class NaiveReceiver {
  /** Ids up to this one are taken for good. */
  last: number;
  /** Reported to the host, in order, and not yet decided. */
  undecided: number[] = [];
  /** A final refusal of last + 1, held until SKIP takes its place. */
  held: number | undefined;
  /** The last id that came above the expected one: an ascending run of them is answered once, a sender that has gone back again. */
  private above = Infinity;

  constructor(last: number) {
    this.last = last;
  }

  private get expected(): number {
    return this.last + this.undecided.length + 1;
  }

  /** A frame with a message id; `deliverable` false: a type that has no receiver here; `part`: of a FRAGMENT, whether it is not the first one, and whether with it all of them are there. */
  frame(type: number, id: number, deliverable = true, part?: { later: boolean; complete: () => boolean }): ReceiverAction {
    if (id <= this.last) return { do: 'ack', id, status: STATUS.ok };
    if (id < this.expected) return { do: 'nothing' }; // its verdict will come
    if (id > this.expected) {
      const answered = id > this.above || (id === this.above && part?.later === true);
      this.above = id;
      if (answered) return { do: 'nothing', order: true };
      return this.expected === 1
        ? { do: 'ack', id, status: STATUS.unknownOutbox, order: true }
        : { do: 'ack', id: this.last, status: STATUS.ok, order: true };
    }
    this.above = Infinity;
    if (!deliverable && this.undecided.length > 0) return { do: 'nothing' }; // not before those before it are decided
    if (!deliverable) this.held = STATUS.noTarget;
    if (this.held !== undefined && type !== TYPE.SKIP) return { do: 'ack', id, status: this.held };
    if (part && !part.complete()) return { do: 'nothing' };
    this.held = undefined;
    this.undecided.push(id);
    return { do: 'report', id };
  }

  /** A frame that held and is stale or from the future. */
  untimely(id: number): ReceiverAction {
    return { do: 'ack', id, status: id <= this.last ? STATUS.ok : STATUS.stale };
  }

  /** The host's verdict. ok: on all up to id; anything else: on the first undecided one. */
  verdict(id: number, status: number): ReceiverAction {
    const place = this.undecided.indexOf(id);
    if (place < 0 || (status !== STATUS.ok && place !== 0)) throw new RangeError(`no verdict is due on ${id}`);
    if (status === STATUS.ok) {
      this.undecided.splice(0, place + 1);
      this.last = id;
    } else {
      this.undecided = [];
      this.above = id; // what is under way behind it needs no answer
      if (isFinal(status)) this.held = status;
    }
    return { do: 'ack', id, status };
  }
}

export type Message = 'waiting' | 'delivered' | 'refused' | 'in doubt';

/** The sender of one outbox. Ids low … next-1 wait; SKIP stands for those that were given up or refused. */
export class NaiveSender {
  cursor: number;
  /** Backs off until `resume`. */
  waiting = false;
  stopped = false;
  readonly skips = new Set<number>();
  readonly ends = new Map<number, number>();
  /** A receiver that has no record takes nothing but id 1: only a session that began above it can find that out. */
  private readonly beganAbove: boolean;
  /** Highest id that was sent again: its ok may come twice, and the second is no answer to a gap. */
  private twice = 0;

  constructor(
    public low: number,
    public sent: number,
    public next: number,
    /** Highest id sent in an earlier session. */
    readonly earlier = sent,
  ) {
    this.cursor = low;
    this.beganAbove = low > 1;
  }

  private goBack(): void {
    this.twice = Math.max(this.twice, this.cursor - 1);
    this.cursor = this.low;
  }

  /** The ids that go now, in order. */
  send(): number[] {
    const ids: number[] = [];
    if (this.waiting || this.stopped) return ids;
    while (this.cursor < this.next && this.cursor < this.low + OUTSTANDING) ids.push(this.cursor++);
    this.sent = Math.max(this.sent, this.cursor - 1);
    return ids;
  }

  /** A time-out, or the end of a wait. */
  resume(): void {
    this.waiting = false;
    this.goBack();
  }

  private delivered(upTo: number): void {
    for (let id = this.low; id <= upTo; id++) this.ends.set(id, STATUS.ok);
    if (upTo < this.low) return;
    this.low = upTo + 1;
    this.cursor = Math.max(this.cursor, this.low);
    this.waiting = false;
  }

  /** The receiver waits for the lowest: once for each, so not where it was sent again already. */
  private goBackOnce(): void {
    if (this.waiting || this.low <= this.twice) return;
    this.goBack();
  }

  ack(id: number, status: number): void {
    if (this.stopped) return;
    if (id < this.low || id > this.sent) {
      if (id === this.low - 1 && status === STATUS.ok && (id === 0 || id > this.twice)) this.goBackOnce();
      return;
    }
    switch (status) {
      case STATUS.ok:
        return this.delivered(id);
      case STATUS.unknownOutbox:
        if (!this.beganAbove) return this.goBackOnce();
        this.stopped = true;
        return;
      case STATUS.stale:
        // It says nothing of the ids before it: they may be lost, or stale too. A burst of them is one reason to wait.
        if (this.waiting) return;
        this.waiting = true;
        this.goBack();
        return;
      case STATUS.busy:
        this.delivered(id - 1);
        this.waiting = true;
        this.goBack();
        return;
      default:
        this.delivered(id - 1);
        this.ends.set(id, status);
        this.skips.add(id);
        this.waiting = false;
        this.goBack();
    }
  }

  /** After an answer `unknown outbox`: which ids are in doubt. Those behind them were never taken. */
  inDoubt(): number[] {
    const ids: number[] = [];
    for (let id = this.low; id <= this.earlier; id++) ids.push(id);
    return ids;
  }
}
