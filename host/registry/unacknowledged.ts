/** Messages of devices whose protocol knows no ACK: they take no lease, and a number of the gateway's stands where their own would. */
import type { Lease } from './types.js';

/** No takeover gives this epoch. */
export const UNLEASED = -1;

/**
 * For `commit` of what such a device has sent. `outbox`: random, drawn by the gateway, which numbers under it without ever giving a number of
 * an identity twice: so the same one committed again, after a failure, is there once.
 */
export function unacknowledged(identity: string, outbox: number): Lease {
  return { identity, epoch: UNLEASED, outbox };
}
