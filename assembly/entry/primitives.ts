// What a *-test.wasm exports besides its twin's exports: the primitives, for the published vectors.

/** An address beyond all static data: tests put their inputs and outputs behind it. */
export { __heap_base as scratch };
export { equal, wipe } from "../crypto/bytes";
export { shaBegin, shaEnd, shaUpdate } from "../crypto/sha256";
export { hmacBegin, hmacEnd, hmacKey } from "../crypto/hmac";
export { expand, extract } from "../crypto/hkdf";
export { CHACHA, chachaBegin, chachaXor } from "../crypto/chacha20";
export { POLY_BLOCK, polyBegin, polyBlock, polyEnd } from "../crypto/poly1305";
export { aeadOpen, aeadSeal } from "../crypto/aead";
