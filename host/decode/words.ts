/** The numbers of the protocol in words. */
import * as abi from '../../assembly/abi.js';

const numbers = abi as unknown as Readonly<Record<string, number>>;

function named(names: readonly string[], prefix = ''): ReadonlyMap<number, string> {
  return new Map(names.map((name) => [numbers[prefix + name]!, name]));
}

const TYPES = named(['HELLO', 'CHALLENGE', 'PROOF', 'READY', 'DATA', 'ACK', 'PING', 'PONG', 'ROUTE', 'DELIVER', 'CLOSE', 'SKIP', 'FRAGMENT']);
/** Types that have a number and no meaning in this version (docs/protocol.md, section 14). */
const RESERVED = new Map([
  [14, 'STATE'], [15, 'OPEN'], [16, 'STREAM'], [17, 'CREDIT'], [18, 'SHUT'],
  [24, 'DISCOVER'], [25, 'OFFER'],
]);

export function typeName(code: number): string {
  return TYPES.get(code) ?? RESERVED.get(code) ?? `type ${code}`;
}

export function hasType(code: number): boolean {
  return TYPES.has(code) || RESERVED.has(code);
}

const SUITES = new Map<number, string>([[abi.SUITE_SEALED, 'sealed'], [abi.SUITE_SIGNED, 'signed'], [abi.SUITE_SIGNED_8, 'signed-8']]);

export function suiteName(bit: number): string {
  return SUITES.get(bit) ?? `suite 0x${bit.toString(16)}`;
}

export function suiteNames(bits: number): string {
  const names = Array.from({ length: 8 }, (_, i) => 1 << i).filter((bit) => bits & bit).map(suiteName);
  return names.length === 0 ? 'none' : names.join(', ');
}

/** Bytes of a tag under this suite. */
export function tagBytes(suite: number): number {
  return suite === abi.SUITE_SIGNED_8 ? 8 : 16;
}

export function linkName(bits: number): string {
  return `${bits & abi.LINK_DATAGRAM ? 'datagram' : 'stream'}${bits & abi.LINK_TLS ? ' inside TLS' : ''}`;
}

const STATUSES = new Map<number, string>([
  [abi.ACK_OK, 'ok: this and every one before it are taken'],
  [abi.ACK_REFUSED, 'refused: the receiver will not have it'],
  [abi.ACK_TOO_LONG, 'too long'],
  [abi.ACK_NO_TARGET, 'no such target'],
  [abi.ACK_STALE, 'stale: outside the window, it comes again'],
  [abi.ACK_BUSY, 'busy: not now, it comes again'],
  [abi.ACK_UNKNOWN_OUTBOX, 'unknown outbox: the receiver has no record of it'],
]);

export function statusName(status: number): string {
  return STATUSES.get(status) ?? (status & 0x80 ? `status ${status}, counts as busy` : `status ${status}, counts as refused`);
}

const REASONS = new Map<number, string>([
  [abi.CLOSE_NORMAL, 'normal: the application closed'],
  [abi.CLOSE_GOING_AWAY, 'going away: the gateway stops or restarts'],
  [abi.CLOSE_TAKEN_OVER, 'taken over: a later session of this identity stands'],
  [abi.CLOSE_IDLE, 'idle: nothing was heard for the idle time'],
  [abi.CLOSE_EXPIRED, 'expired: the life of the session is over'],
  [abi.CLOSE_DISABLED, 'disabled: the operator disabled the identity or revoked its key'],
  [abi.CLOSE_BUSY, 'busy: no capacity now'],
  [abi.CLOSE_OUTBOX, 'outbox: the sender renewed its outbox, a new handshake follows'],
  [abi.CLOSE_CLOCK, 'clock: the clock of the gateway stepped'],
  [abi.CLOSE_PROTOCOL, 'protocol: the peer broke the protocol'],
]);

export function reasonName(reason: number): string {
  return REASONS.get(reason) ?? `reason ${reason}`;
}

const REFUSALS = new Map<number, string>([
  [abi.REFUSED_BAD_TAG, 'bad tag: a changed bit, or another counter, direction, session or key'],
  [abi.REFUSED_REPLAY, 'replay: this counter was seen before, or lies behind the window'],
  [abi.REFUSED_STALE, 'stale: older than the window allows where it was captured'],
  [abi.REFUSED_FUTURE, 'from the future: ahead of the clock by more than the window'],
  [abi.REFUSED_TOO_LONG, 'too long: longer than its receiver takes, or a length of three bytes'],
  [abi.REFUSED_MALFORMED, 'malformed: it does not have the form of a frame of its type'],
  [abi.REFUSED_UNKNOWN_TYPE, 'unknown type: it has no place in a session'],
  [abi.REFUSED_TIME_RANGE, 'time out of range: before the epoch, or beyond the life of the session'],
  [abi.REFUSED_BAD_PROOF, 'bad proof: made with another key, or for another handshake'],
  [abi.REFUSED_CHALLENGE, 'challenge: its version or suite is not what HELLO offered'],
  [abi.REFUSED_HELLO, 'hello: another form, version or link, an invalid identity, or wrong padding'],
  [abi.REFUSED_NO_SUITE, 'no suite: it offers none that this version has'],
  [abi.REFUSED_OLD_CHALLENGE, 'old challenge: it answers another HELLO or CHALLENGE'],
  [abi.REFUSED_STATE, 'state: it has no place at this point of the session'],
]);

export function refusalName(reason: number): string {
  return REFUSALS.get(reason) ?? `refusal ${reason}`;
}

/** What a link carries whose first byte is no Tidelock type; undefined where that byte tells nothing. */
export function foreignName(first: number): string | undefined {
  // RFC 8446, section 5.1: the content types of records.
  const records = ['change_cipher_spec', 'alert', 'handshake', 'application_data'];
  const record = records[first - 0x14];
  if (record !== undefined) return `TLS (a record of type ${record}): the frames inside it cannot be seen`;
  if (first === 0x49 || first === 0x0d) return 'text, IoTSocket by its first byte';
  if (first >= 0x20 && first < 0x7f) return 'text of another protocol';
  if (first < 0x80) return 'another protocol, or no beginning of a frame';
  return undefined;
}
