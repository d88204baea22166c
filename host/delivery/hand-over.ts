/** Hands the core the bodies that it asked for. Which ids, and when, is the core's. */
import { E_TARGET, E_TOO_LONG } from '../../assembly/abi.js';
import type { Outgoing } from '../core/types.js';
import { ACKNOWLEDGED_LEAD } from '../options.js';
import type { Outbox } from './outbox.js';

/** Messages framed in one call; more would only grow the output of one tick. */
const BATCH = 64;

/** Ids that the core has asked for and not yet got. */
export interface Want {
  first: number;
  count: number;
}

/** The core asks for ids: for more, or, where it has gone back, for these in place of what it asked before. */
export function ask(want: Want, first: number, count: number): void {
  if (want.count > 0 && first === want.first + want.count) {
    want.count += count;
  } else {
    want.first = first;
    want.count = count;
  }
}

/** `send` gives the batch to the core; `largest` is the longest body that the peer takes. */
export function handOver(want: Want, outbox: Outbox, now: number, send: (batch: Outgoing[]) => number, largest: () => number): void {
  while (want.count > 0) {
    const { first } = want;
    const batch = outbox.take(first, Math.min(want.count, BATCH), now);
    if (batch.length === 0) {
      want.count = 0; // acknowledged meanwhile
      return;
    }
    const taken = send(batch);
    if (taken > 0) {
      const last = batch[taken - 1]!.id;
      outbox.framed(batch[0]!.id, last);
      if (want.first !== first) continue; // the core asked anew while it told its events
      want.count -= last + 1 - first;
      want.first = last + 1;
    } else if ((taken === E_TOO_LONG || taken === E_TARGET) && batch[0]!.body.length > 0) {
      // E_TARGET: the topic was checked before, so it is the path whose first FRAGMENT does not hold it.
      outbox.tooLong(batch[0]!.id, largest() - ACKNOWLEDGED_LEAD);
    } else {
      want.count = 0; // the core has gone back, or waits: it asks again
    }
  }
}
