/** Messages on their way out, as gw_send reads them from the input window. */
import * as abi from '../../assembly/abi.js';
import type { Outgoing } from './types.js';

/** Unit of a message's age on the wire: 1/16 s. */
const AGE_UNIT_MS = 62.5;
const AGE_MAX = 0xfffffff;

/** A message's age in the wire's unit; one that wants no ACK tells none. */
export function ageOf(message: Outgoing): number {
  return message.id === 0 ? 0 : Math.min(Math.floor(message.age / AGE_UNIT_MS), AGE_MAX);
}

/**
 * Writes records of messages[first …] from `at` up to `limit` (addresses, multiples of 4); returns how many fit.
 * @throws RangeError for a body that no frame holds
 */
export function writeRecords(u8: Uint8Array, u32: Uint32Array, at: number, limit: number, messages: readonly Outgoing[], first: number): number {
  let count = 0;
  for (let i = first; i < messages.length; i++) {
    const message = messages[i]!;
    const bytes = message.body.length;
    const next = at + abi.RECORD_BYTES + ((bytes + 3) & ~3);
    if (bytes > 0xffff || next > limit) {
      if (count === 0) throw new RangeError(`a body of ${bytes} bytes is longer than any frame holds`);
      break;
    }
    const word = at >>> 2;
    u32[word] = message.id;
    u32[word + 1] = ageOf(message);
    u32[word + 2] = bytes | (message.type << 16) | (message.repeat ? abi.FLAG_REPEAT << 24 : 0);
    u8.set(message.body, at + abi.RECORD_BYTES);
    at = next;
    count++;
  }
  return count;
}
