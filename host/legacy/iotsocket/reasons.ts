/** Why a connection was ended, in words for events and logs. The numbers stand in assembly/abi.ts. */
import * as abi from '../../../assembly/abi.js';

const REASONS: Readonly<Record<number, string>> = {
  [abi.IOT_MALFORMED]: 'malformed',
  [abi.IOT_NO_TEXT]: 'not UTF-8',
  [abi.IOT_TOO_LONG]: 'too long',
  [abi.IOT_TOO_SHORT]: 'too short',
  [abi.IOT_VERSION]: 'another version',
  [abi.IOT_TIME]: 'TIME is no number',
  [abi.IOT_STALE]: 'stale',
  [abi.IOT_FUTURE]: 'future',
  [abi.IOT_REPLAY]: 'replay',
  [abi.IOT_RATE]: 'too many messages',
  [abi.IOT_ID]: 'bad identity',
  [abi.IOT_KEY]: 'bad key',
  [abi.IOT_LATE]: 'no first frame in time',
  [abi.IOT_IDLE]: 'idle',
};

export const iotsocketReason = (reason: number): string => REASONS[reason] ?? `refusal ${reason}`;
