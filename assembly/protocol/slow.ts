// A slow link: what queues on it goes stale there, so less is handed over beyond the last confirmed message.

import { S_OUTSTANDING } from "./slot";

/** Halves what may be outstanding, from 64 messages down to two. */
export function slowDown(s: usize): void {
  let most = load<u32>(s, S_OUTSTANDING);
  if (most > 2) store<u32>(s, most >> 1, S_OUTSTANDING);
}
