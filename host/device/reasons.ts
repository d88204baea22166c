/** Why a device is not online, as an error that says what to do. */
import {
  CLOSE_BUSY, CLOSE_DISABLED, CLOSE_TAKEN_OVER, DOWN_CLOSED, DOWN_EXPIRED, DOWN_LINK, DOWN_OUTBOX, DOWN_REFUSED, DOWN_TIMEOUT,
  REFUSED_CHALLENGE, REFUSED_ROUND_TRIP,
} from '../../assembly/abi.js';
import { TidelockError } from '../errors.js';
import { closeName, downName, refusalName } from '../names.js';

export interface Downfall {
  /** DOWN_* and its detail. */
  why: number;
  detail: number;
  /** The session stood before. */
  online: boolean;
  identity: string;
  /** URL of the gateway. */
  address: string;
  roundTrip: number;
  /** What the link said, where it said something. */
  error: TidelockError | undefined;
}

export function downError(down: Downfall): TidelockError {
  const { why, detail, online, identity, address, error } = down;
  switch (why) {
    case DOWN_LINK:
      if (error !== undefined) return error;
      return online
        ? new TidelockError('LINK_LOST', { peer: address, reason: 'it was closed without a word' })
        : new TidelockError('HANDSHAKE_CLOSED', { address });
    case DOWN_CLOSED:
      if (detail === CLOSE_TAKEN_OVER) return new TidelockError('TAKEN_OVER', { identity });
      if (detail === CLOSE_DISABLED) return new TidelockError('DISABLED', { identity });
      if (detail === CLOSE_BUSY) return new TidelockError('GATEWAY_BUSY');
      return new TidelockError('GATEWAY_CLOSED', { reason: closeName(detail) });
    case DOWN_REFUSED:
      if (error !== undefined && !online) return error; // it says what the peer is instead
      if (detail === REFUSED_CHALLENGE) return new TidelockError('HANDSHAKE_REFUSED', { address, identity });
      if (detail === REFUSED_ROUND_TRIP) return new TidelockError('ROUND_TRIP_TOO_LONG', { address, ms: down.roundTrip });
      return new TidelockError('PROTOCOL_BROKEN', { peer: address, reason: refusalName(detail) });
    case DOWN_TIMEOUT:
      return online
        ? new TidelockError('LINK_LOST', { peer: address, reason: 'it did not answer' })
        : new TidelockError('HANDSHAKE_TIMEOUT', { address });
    case DOWN_EXPIRED:
    case DOWN_OUTBOX:
    default:
      return new TidelockError('GATEWAY_CLOSED', { reason: downName(why, detail) });
  }
}
