// A slow link: what queues on it goes stale there, so less is handed over beyond the last confirmed message.

import { S_SLOW } from "./slot";

/** Halves what may be outstanding: 64 messages, down to two after the fifth time. */
export function slowDown(s: usize): void {
  store<u8>(s, ((load<u8>(s, S_SLOW) << 1) | 1) & 31, S_SLOW);
}

/** Ids that may wait for their ACK at a time. */
// @ts-ignore: decorator
@inline
export function outstanding(s: usize): u32 {
  return <u32>64 / (<u32>load<u8>(s, S_SLOW) + 1);
}
