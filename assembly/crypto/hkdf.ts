// HKDF with SHA-256 (RFC 5869).
import { hmacBegin, hmacEnd, hmacKey } from "./hmac";
import { shaUpdate } from "./sha256";

/**
 * HKDF-Expand (2.3) in whole blocks: `blocks` (1 to 255) times 32 bytes to `out`, from the HMAC state of the PRK and a label
 * (the RFC's info). The byte behind the label is the caller's room for the counter, so that one update takes both.
 */
export function expand(prkState: usize, label: usize, labelBytes: u32, out: usize, blocks: u32): void {
  let i: u32 = 0;
  do {
    hmacBegin(prkState);
    if (i) shaUpdate(out - 32, 32);
    store<u8>(label + labelBytes, ++i);
    shaUpdate(label, labelBytes + 1);
    hmacEnd(prkState, out);
    out += 32;
  } while (i < blocks);
}

/** HKDF-Extract (2.2): the 64-byte HMAC state of the PRK to `prkState`. No salt is `saltBytes` 0. */
export function extract(prkState: usize, salt: usize, saltBytes: u32, key: usize, keyBytes: u32): void {
  hmacKey(prkState, salt, saltBytes);
  hmacBegin(prkState);
  shaUpdate(key, keyBytes);
  hmacEnd(prkState, prkState);
  hmacKey(prkState, prkState, 32);
}
