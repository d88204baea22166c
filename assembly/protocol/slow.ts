// A slow link: what queues on it goes stale there, so less is handed over beyond the last confirmed byte.

import { S_SLOW } from "./slot";

/** 256 KiB halved so often is two bytes; the floor is two frames. */
const MOST_HALVINGS: u32 = 17;

export function slowDown(s: usize): void {
  let slow = <u32>load<u8>(s, S_SLOW);
  if (slow < MOST_HALVINGS) store<u8>(s, slow + 1, S_SLOW);
}
