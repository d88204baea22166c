/**
 * Messages with acknowledgement on their way down: between the core, which says which ids may go and which have arrived,
 * and the store, which keeps their bodies and makes every step durable before the next is taken.
 */
import { ACK_BUSY, ACK_OK, ACK_STALE, ACK_TOO_LONG, CLOSE_OUTBOX, CLOSE_TAKEN_OVER, E_TARGET, E_TOO_LONG, FLAG_REPEAT, SKIP } from '../../assembly/abi.js';
import type { Outgoing, Receipts } from '../core/types.js';
import { ask, type Want } from '../delivery/hand-over.js';
import type { DeliveryStore, Lease, Outbound } from '../registry/types.js';
import type { Engine } from './engine.js';
import type { Session } from './session.js';

/** Bodies fetched at a time; as many ids as may be outstanding. */
const FETCH = 64;
const NOTHING = new Uint8Array(0);

/** What a session has under way towards its device. */
export class DownState {
  /** Ids that the core asked for. */
  readonly want: Want = { first: 0, count: 0 };
  /** Raised where the core asks anew: what was fetched for the question before is dropped. */
  asked = 0;
  fetching = false;
  /** The core knows ids below this. */
  told = 0;
  /** What the store does not know yet. */
  deliveredUpTo = 0;
  refusals: { id: number; status: number }[] = [];
  untaken = 0;
  /** The device does not know our outbox, up to this id in doubt; -1: it does. */
  doubt = -1;
  renewing = false;
}

export class Down {
  readonly #engine: Engine;
  readonly #store: DeliveryStore;
  /** Sessions whose store calls failed: tried again by the tick. */
  readonly #failed = new Set<Session>();
  /** Calls of the store under way. */
  running = 0;

  constructor(engine: Engine, store: DeliveryStore) {
    this.#engine = engine;
    this.#store = store;
  }

  begin(session: Session, receipts: Receipts): void {
    if (receipts.outNext > receipts.outLow) this.#state(session).told = receipts.outNext;
  }

  wanted(session: Session, first: number, count: number): void {
    const state = this.#state(session);
    const before = state.want.first + state.want.count;
    ask(state.want, first, count);
    if (first !== before) state.asked += 1;
  }

  result(session: Session, id: number, status: number): void {
    const state = this.#state(session);
    if (status === ACK_OK) state.deliveredUpTo = Math.max(state.deliveredUpTo, id);
    else if (status < ACK_STALE) state.refusals.push({ id, status });
    else if (status === ACK_BUSY) state.untaken = id;
  }

  outboxUnknown(session: Session, doubt: number): void {
    this.#state(session).doubt = doubt;
  }

  /** A message was queued for this device: ids below `next` may go. */
  queued(session: Session, next: number): void {
    const state = this.#state(session);
    if (next <= state.told || state.renewing || !session.online) return;
    state.told = next;
    this.#engine.core.queued(session.slot, next, this.#engine.now());
  }

  flush(session: Session): void {
    const state = session.down!, { lease } = session;
    if (lease === undefined || state.renewing) return;
    if (state.doubt >= 0) {
      this.#renew(session, state, lease);
      return;
    }
    if (state.deliveredUpTo > 0) {
      const id = state.deliveredUpTo;
      state.deliveredUpTo = 0;
      this.#do(session, this.#store.delivered(lease, id), () => (state.deliveredUpTo = Math.max(state.deliveredUpTo, id)));
    }
    for (const refusal of state.refusals.splice(0)) {
      this.#do(session, this.#store.refused(lease, refusal.id, refusal.status), () => state.refusals.push(refusal));
    }
    if (state.untaken > 0) {
      const id = state.untaken;
      state.untaken = 0;
      this.#do(session, this.#store.untaken(lease, id).then(() => state.told), () => (state.untaken = id));
    }
    if (state.want.count > 0 && !state.fetching) this.#fetch(session, state, lease);
  }

  /** Tries again what the store could not do. */
  tick(): void {
    for (const session of this.#failed) this.#engine.schedule(session);
    this.#failed.clear();
  }

  ended(session: Session): void {
    this.#failed.delete(session);
  }

  #state(session: Session): DownState {
    return (session.down ??= new DownState());
  }

  /** A call whose answer is the next id that may go. `again` puts back what is to be tried again. */
  #do(session: Session, answer: Promise<number | undefined>, again: () => void): void {
    this.running += 1;
    answer.then(
      (next) => {
        this.running -= 1;
        if (next === undefined) session.close(CLOSE_TAKEN_OVER); // the lease has ended
        else this.queued(session, next);
        this.#engine.settled();
      },
      (error: unknown) => {
        this.running -= 1;
        again();
        this.#storeFailed(session, error);
      },
    );
  }

  #fetch(session: Session, state: DownState, lease: Lease): void {
    const { asked } = state;
    state.fetching = true;
    this.running += 1;
    this.#store.take(lease, state.want.first, Math.min(state.want.count, FETCH)).then(
      (rows) => {
        this.running -= 1;
        state.fetching = false;
        if (rows === undefined) session.close(CLOSE_TAKEN_OVER);
        else if (session.online && asked === state.asked) this.#send(session, state, lease, rows);
        if (session.online && state.want.count > 0) this.#engine.schedule(session);
        this.#engine.settled();
      },
      (error: unknown) => {
        this.running -= 1;
        state.fetching = false;
        this.#storeFailed(session, error);
      },
    );
  }

  #send(session: Session, state: DownState, lease: Lease, rows: Outbound[]): void {
    const engine = this.#engine, { want, asked } = state;
    const unix = engine.clock.unix();
    let batch = rows.map((row) => outgoing(row, unix));
    if (batch.length === 0) want.count = 0;
    while (batch.length > 0) {
      const taken = engine.core.send(session.slot, batch, engine.now());
      if (asked !== state.asked) return; // the core asked anew while it told its events
      if (taken > 0) {
        this.#passed(session, rows, batch.slice(0, taken));
        const last = batch[taken - 1]!.id;
        want.count = Math.max(0, want.first + want.count - (last + 1));
        want.first = last + 1;
        batch = batch.slice(taken);
      } else {
        const { id, type } = batch[0]!;
        if ((taken === E_TOO_LONG || taken === E_TARGET) && type !== SKIP) {
          // Longer than this device takes: its sender hears so, and SKIP goes in its place with the next fetch.
          this.#do(session, this.#store.refused(lease, id, ACK_TOO_LONG), () => undefined);
        } else {
          want.count = 0; // the core has gone back, or the session is over: it asks again
        }
        return;
      }
    }
  }

  #passed(session: Session, rows: readonly Outbound[], sent: readonly Outgoing[]): void {
    const { passing } = this.#engine;
    if (!passing.watched) return;
    for (const { id, type, repeat, body } of sent) {
      const row = rows.find((each) => each.id === id)!;
      if (type !== SKIP) passing.down(session.id, row.message, row.made, type | (repeat ? FLAG_REPEAT : 0), body);
    }
  }

  #renew(session: Session, state: DownState, lease: Lease): void {
    state.renewing = true;
    this.running += 1;
    this.#store.renew(lease, state.doubt).then(
      () => {
        this.running -= 1;
        session.close(CLOSE_OUTBOX);
        this.#engine.settled();
      },
      (error: unknown) => {
        this.running -= 1;
        state.renewing = false;
        this.#storeFailed(session, error);
      },
    );
  }

  #storeFailed(session: Session, error: unknown): void {
    if (session.online) this.#failed.add(session);
    this.#engine.failed(error);
    this.#engine.settled();
  }
}

function outgoing({ id, type, body, made, repeat }: Outbound, unix: number): Outgoing {
  if (body === undefined) return { type: SKIP, id, age: 0, repeat: false, body: NOTHING };
  return { type, id, age: Math.max(0, unix - made), repeat, body };
}
