// Why a frame or a handshake is refused, in the words of docs/protocol.md.

export type Reason =
  | 'bad tag'
  | 'replay'
  | 'stale'
  | 'from the future'
  | 'too long'
  | 'malformed'
  | 'unknown type'
  | 'time out of range'
  | 'bad proof'
  | 'challenge'
  | 'round trip'
  | 'hello'
  | 'no suite'
  | 'old challenge'
  | 'clock lost'
  | 'pong'
  | 'order'
  | 'state';

export class Refusal extends Error {
  constructor(
    readonly reason: Reason,
    /** True where the tag held: on a stream only such a refusal leaves the link up. */
    readonly authentic = false,
  ) {
    super(reason);
  }
}
