// The three suites: how a tag is made and checked, and how a session's keys follow from prk.

import { SUITE_SEALED, SUITE_SIGNED_8, S_SUITE, S_TAG_BYTES } from "../abi";
import { aeadBegin, aeadTag } from "../crypto/aead";
import { equal } from "../crypto/bytes";
import { chachaXor } from "../crypto/chacha20";
import { hmacBegin, hmacEnd, hmacKey, hmacUpdate } from "../crypto/hmac";
import { expand } from "../crypto/hkdf";
import { J_BODY, J_BYTES, J_HEADER, J_TAG, MAC, NONCE, S_PRK, S_RX_KEYS, S_TX_KEYS, tagBytes } from "./slot";

/** The 15 bytes that every tag covers besides the body. */
const HEADER_BYTES: u32 = 15;
const IV: usize = 32; // in the keys of a sealed session

const LABEL_PREFIX: u32 = 11;
/** "tidelock/1 ", then room for the longest suffix and the counter behind it. */
const LABEL: usize = memory.data<u8>([
  0x74, 0x69, 0x64, 0x65, 0x6c, 0x6f, 0x63, 0x6b, 0x2f, 0x31, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0,
]);

// Suffixes of labels as little-endian numbers: shorter than data and a copy.
export const L_PRK: u64 = 0x6b7270; //                "prk"
export const L_GATEWAY: u64 = 0x79617765746167; //    "gateway"
export const L_DEVICE: u64 = 0x656369766564; //       "device"
export const L_D2G: u64 = 0x673264; //                "d2g"
export const L_G2D: u64 = 0x643267; //                "g2d"

function sealed(s: usize): bool {
  return SEALED_ONLY ? true : load<u8>(s, S_SUITE) == SUITE_SEALED;
}

/** Puts the suffix behind the prefix and returns the label's address. */
export function label(suffix: u64): usize {
  store<u64>(LABEL + LABEL_PREFIX, suffix);
  return LABEL;
}

/** HKDF-Expand(prk, "tidelock/1 " ‖ suffix): 32 bytes a block. */
export function derive(s: usize, suffix: u64, suffixBytes: u32, out: usize, blocks: u32): void {
  expand(s + S_PRK, label(suffix), LABEL_PREFIX + suffixBytes, out, blocks);
}

/** k ‖ iv are the first 44 of the two blocks. */
function directionKeys(s: usize, suffix: u64, keys: usize): void {
  derive(s, suffix, 3, keys, 2);
  if (!sealed(s)) hmacKey(keys, keys, 32);
}

/** Sets the suite and both directions' keys; the device sends under d2g, the gateway under g2d. */
export function sessionKeys(s: usize, device: bool): void {
  store<u8>(s, SEALED_ONLY ? 16 : <u8>(<u32>16 >> <u32>(load<u8>(s, S_SUITE) == SUITE_SIGNED_8)), S_TAG_BYTES);
  directionKeys(s, L_D2G, s + (device ? S_TX_KEYS : S_RX_KEYS));
  directionKeys(s, L_G2D, s + (device ? S_RX_KEYS : S_TX_KEYS));
}

/** RFC 8439's nonce: iv XOR the counter as a 12-byte big-endian number (as RFC 8446 section 5.3). */
function nonce(keys: usize, header: usize): usize {
  store<u32>(NONCE, load<u32>(keys, IV));
  store<u64>(NONCE, load<u64>(keys, IV + 4) ^ load<u64>(header), 4);
  return NONCE;
}

/** Makes the job's tag in MAC, on the way from a body as it travels; `sealing` encrypts it before. */
function protect(s: usize, keys: usize, job: usize, sealing: bool): void {
  let header = job + J_HEADER, body = <usize>load<u32>(job, J_BODY), bytes = load<u32>(job, J_BYTES);
  if (sealed(s)) {
    aeadBegin(keys, nonce(keys, header));
    if (sealing) chachaXor(body, bytes);
    aeadTag(header, HEADER_BYTES, body, bytes, MAC);
  } else {
    hmacBegin(keys);
    hmacUpdate(header, HEADER_BYTES);
    hmacUpdate(body, bytes);
    hmacEnd(keys, MAC);
  }
}

/** Protects the job's body in place and writes the tag. */
export function seal(s: usize, job: usize): void {
  protect(s, s + S_TX_KEYS, job, true);
  memory.copy(load<u32>(job, J_TAG), MAC, tagBytes(s));
}

/** True if the tag holds; only then is a sealed body decrypted, in place. */
export function open(s: usize, job: usize): bool {
  protect(s, s + S_RX_KEYS, job, false);
  if (!equal(MAC, load<u32>(job, J_TAG), tagBytes(s))) return false;
  if (sealed(s)) chachaXor(load<u32>(job, J_BODY), load<u32>(job, J_BYTES));
  return true;
}
