// Scalar stand-in with the interface that the gateway uses, until the kernels of this folder replace it.
import { hmacBegin, hmacEnd, hmacUpdate } from "../crypto/hmac";
export function macSignedBatch(keys: usize, jobs: usize, count: u32, out: usize): void {
  for (let i: u32 = 0; i < count; i++) { let j = jobs + i*32; hmacBegin(keys); hmacUpdate(j+16, 15); hmacUpdate(load<u32>(j), load<u32>(j,4)); hmacEnd(keys, out + i*32); }
}
