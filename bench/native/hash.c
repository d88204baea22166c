/* SHA-256 (FIPS 180-4), HMAC (RFC 2104), HKDF-Expand (RFC 5869); the block function is firmware's own, hal.c. */
#include "native.h"

#include <string.h>

#include "hal.h"

static const uint32_t BEGIN[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

void native_hash_begin(native_hash *hash) {
  memcpy(hash->state, BEGIN, sizeof BEGIN);
  hash->bytes = 0;
}

void native_hash_add(native_hash *hash, const uint8_t *data, uint32_t bytes) {
  uint32_t held = hash->bytes & 63;
  hash->bytes += bytes;
  if (held != 0) {
    uint32_t fits = 64 - held < bytes ? 64 - held : bytes;
    memcpy(hash->block + held, data, fits);
    data += fits;
    bytes -= fits;
    if (held + fits < 64) return;
    tl_hal_sha256_blocks(hash->state, hash->block, 64);
  }
  if (bytes >= 64) tl_hal_sha256_blocks(hash->state, data, bytes & ~63u);
  memcpy(hash->block, data + (bytes & ~63u), bytes & 63);
}

void native_hash_end(native_hash *hash, uint8_t digest[32]) {
  uint32_t held = hash->bytes & 63, bits = hash->bytes << 3;
  hash->block[held++] = 0x80;
  if (held > 56) {
    memset(hash->block + held, 0, 64 - held);
    tl_hal_sha256_blocks(hash->state, hash->block, 64);
    held = 0;
  }
  memset(hash->block + held, 0, 60 - held);
  for (int i = 0; i < 4; i++) hash->block[60 + i] = (uint8_t)(bits >> (24 - 8 * i));
  tl_hal_sha256_blocks(hash->state, hash->block, 64);
  for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(hash->state[i >> 2] >> (24 - 8 * (i & 3)));
}

void native_mac_key(native_mac *mac, const uint8_t *key, uint32_t bytes) {
  uint8_t pad[64];
  memset(pad, 0x36, 64);
  for (uint32_t i = 0; i < bytes; i++) pad[i] ^= key[i];
  memcpy(mac->inner, BEGIN, 32);
  tl_hal_sha256_blocks(mac->inner, pad, 64);
  for (int i = 0; i < 64; i++) pad[i] ^= 0x36 ^ 0x5c;
  memcpy(mac->outer, BEGIN, 32);
  tl_hal_sha256_blocks(mac->outer, pad, 64);
}

void native_mac_begin(const native_mac *mac, native_hash *hash) {
  memcpy(hash->state, mac->inner, 32);
  hash->bytes = 64;
}

void native_mac_end(const native_mac *mac, native_hash *hash, uint8_t tag[32]) {
  native_hash_end(hash, tag);
  memcpy(hash->state, mac->outer, 32);
  hash->bytes = 64;
  native_hash_add(hash, tag, 32);
  native_hash_end(hash, tag);
}

void native_expand(const native_mac *prk, const char *label, uint8_t *out, uint32_t bytes) {
  native_hash hash;
  uint8_t block[32];
  for (uint8_t n = 1; bytes > 0; n++) {
    uint32_t part = bytes < 32 ? bytes : 32;
    native_mac_begin(prk, &hash);
    if (n > 1) native_hash_add(&hash, block, 32);
    native_hash_add(&hash, (const uint8_t *)label, (uint32_t)strlen(label));
    native_hash_add(&hash, &n, 1);
    native_mac_end(prk, &hash, block);
    memcpy(out, block, part);
    out += part;
    bytes -= part;
  }
}
