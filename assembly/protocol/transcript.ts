// The handshake's arithmetic, the same for both roles: prk over H ‖ C, and the two proofs.

import { hmacBegin, hmacEnd, hmacKey, hmacUpdate } from "../crypto/hmac";
import { shaBegin, shaEnd, shaUpdate } from "../crypto/sha256";
import { S_C, S_HELLO_BYTES } from "../abi";
import { MAC, S_PRK } from "./slot";
import { L_DEVICE, L_GATEWAY, L_PRK, derive, label } from "./suite";

export const NONCE_BYTES: u32 = 16;
export const PROOF_BYTES: u32 = 16;
export const C_BYTES: u32 = 32;
/** H without the identity: version, link, suites, nonce 16, outbox 4, largest 2, key id, length of the identity. */
export const H_FIXED: u32 = 27;
export { C_NONCE, C_TIME, C_WINDOW } from "../abi";
export const HANDSHAKE_MS: u32 = 10000;
/** Nobody waits for READY with a body above this. */
export const EARLY_BODY: u32 = 1024;

/** H ends where C begins, so that C's fields have fixed addresses and both are hashed at once. */
export function helloOf(s: usize): usize {
  return s + S_C - load<u8>(s, S_HELLO_BYTES);
}

/** prk = HMAC(key, "tidelock/1 prk" ‖ SHA-256(H ‖ C)), kept as an HMAC state. Nothing secret is left elsewhere. */
export function makePrk(s: usize, key: usize): void {
  let prk = s + S_PRK;
  shaBegin();
  shaUpdate(helloOf(s), <u32>load<u8>(s, S_HELLO_BYTES) + C_BYTES);
  shaEnd(MAC);
  hmacKey(prk, key, 32);
  hmacBegin(prk);
  hmacUpdate(label(L_PRK), 14);
  hmacUpdate(MAC, 32);
  hmacEnd(prk, prk);
  hmacKey(prk, prk, 32);
}

/** Both proofs are the first PROOF_BYTES of the 32 that are written. */
export function gatewayProof(s: usize, out: usize): void {
  derive(s, L_GATEWAY, 7, out, 1);
}

export function deviceProof(s: usize, out: usize): void {
  derive(s, L_DEVICE, 6, out, 1);
}
