// HKDF with SHA-256 (RFC 5869).
import { wipe } from "./bytes";
import { hmacBegin, hmacEnd, hmacKey } from "./hmac";
import { shaUpdate } from "./sha256";

const T: usize = memory.data(33, 8); // T(i) and the counter behind it, so that one update takes the counter

/**
 * HKDF-Expand (2.3): `outBytes` bytes, at most 255 * 32, to `out`, from the HMAC state of the PRK and a label
 * (the RFC's info).
 */
export function expand(prkState: usize, label: usize, labelBytes: u32, out: usize, outBytes: u32): void {
  for (let i: u32 = 1; outBytes; ++i) {
    hmacBegin(prkState);
    if (i > 1) shaUpdate(T, 32);
    shaUpdate(label, labelBytes);
    store<u8>(T, i, 32);
    shaUpdate(T + 32, 1);
    hmacEnd(prkState, T);
    const part = min<u32>(outBytes, 32);
    memory.copy(out, T, part);
    out += part;
    outBytes -= part;
  }
  wipe(T, 32);
}

/** HKDF-Extract (2.2): the 64-byte HMAC state of the PRK to `prkState`. No salt is `saltBytes` 0. */
export function extract(prkState: usize, salt: usize, saltBytes: u32, key: usize, keyBytes: u32): void {
  hmacKey(prkState, salt, saltBytes);
  hmacBegin(prkState);
  shaUpdate(key, keyBytes);
  hmacEnd(prkState, T);
  hmacKey(prkState, T, 32);
  wipe(T, 32);
}
