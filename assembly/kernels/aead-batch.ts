// Scalar stand-in with the interface that the gateway uses, until the kernels of this folder replace it.
import { aeadOpen, aeadSeal } from "../crypto/aead";
const N: usize = memory.data(16,8);
function nonce(iv: usize, h: usize): usize { store<u32>(N, load<u32>(iv)); store<u64>(N+4, load<u64>(iv,4) ^ load<u64>(h)); return N; }
export function openBatch(key: usize, iv: usize, jobs: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) { let j = jobs + i*32; store<u32>(j, aeadOpen(key, nonce(iv, j+16), j+16, 15, load<u32>(j), load<u32>(j,4), load<u32>(j,8)) ? 1 : 0, 12); }
}
export function sealBatch(key: usize, iv: usize, jobs: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) { let j = jobs + i*32; aeadSeal(key, nonce(iv, j+16), j+16, 15, load<u32>(j), load<u32>(j,4), load<u32>(j,8)); }
}
