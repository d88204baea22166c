/* Frames on a stream: type u8 ‖ length varint ‖ time u24 ‖ body ‖ tag (docs/protocol.md, Frame). */
#include "native.h"

#include <string.h>

enum { AAD = 15 };

static void put(uint8_t *at, uint64_t number, int bytes) {
  while (bytes-- > 0) {
    at[bytes] = (uint8_t)number;
    number >>= 8;
  }
}

static void covered(uint8_t aad[AAD], uint64_t counter, uint32_t time, uint8_t type, uint32_t bytes) {
  put(aad, counter, 8);
  put(aad + 8, time, 4);
  aad[12] = type;
  put(aad + 13, bytes, 2);
}

static void nonce_of(const native_direction *d, uint8_t nonce[12]) {
  uint8_t counter[12];
  put(counter, d->counter, 12);
  for (int i = 0; i < 12; i++) nonce[i] = d->iv[i] ^ counter[i];
}

static void mac(const native_direction *d, const uint8_t aad[AAD], const uint8_t *body, uint32_t bytes, uint8_t tag[32]) {
  native_hash hash;
  native_mac_begin(&d->mac, &hash);
  native_hash_add(&hash, aad, AAD);
  native_hash_add(&hash, body, bytes);
  native_mac_end(&d->mac, &hash, tag);
}

uint32_t native_make(native_direction *d, uint8_t type, const uint8_t *body, uint32_t bytes, uint32_t now, uint8_t *frame) {
  uint8_t aad[AAD], nonce[12], tag[32], *at = frame;
  *at++ = type;
  if (bytes >= 128) *at++ = (uint8_t)(bytes | 128), *at++ = (uint8_t)(bytes >> 7);
  else *at++ = (uint8_t)bytes;
  put(at, now & 0xffffff, 3);
  at += 3;
  memcpy(at, body, bytes);
  covered(aad, d->counter, now, type, bytes);
  if (d->suite == NATIVE_SEALED) {
    nonce_of(d, nonce);
    native_aead_seal(d->key, nonce, aad, AAD, at, bytes, tag);
  } else {
    mac(d, aad, at, bytes, tag);
  }
  memcpy(at + bytes, tag, NATIVE_TAG);
  d->counter++;
  return (uint32_t)(at - frame) + bytes + NATIVE_TAG;
}

int native_verify(native_direction *d, const native_limits *limits, uint8_t *frame, uint32_t count, uint32_t now, uint8_t **body, uint32_t *body_bytes) {
  uint8_t aad[AAD], nonce[12], tag[32], differs = 0, *at = frame;
  uint32_t bytes, age;
  int64_t time;
  if (count < 2) return NATIVE_PARTIAL;
  if (*at++ < 128) return NATIVE_MALFORMED;
  bytes = *at++;
  if (bytes >= 128) {
    if (count < 3) return NATIVE_PARTIAL;
    if (*at == 0) return NATIVE_MALFORMED; /* not the shortest form */
    if (*at >= 128) return NATIVE_TOO_LONG;
    bytes = (bytes & 127) | (uint32_t)*at++ << 7;
  }
  if (bytes > limits->largest) return NATIVE_TOO_LONG;
  if (count < (uint32_t)(at - frame) + 3 + bytes + NATIVE_TAG) return NATIVE_PARTIAL;
  /* The full time nearest to the own clock. */
  time = (int64_t)now + ((int32_t)((((uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2]) - now) << 8) >> 8);
  if (time < 0 || time > limits->life) return NATIVE_TIME_RANGE;
  at += 3;
  covered(aad, d->counter, (uint32_t)time, frame[0], bytes);
  if (d->suite == NATIVE_SEALED) {
    nonce_of(d, nonce);
    if (!native_aead_open(d->key, nonce, aad, AAD, at, bytes, at + bytes)) return NATIVE_BAD_TAG;
  } else {
    mac(d, aad, at, bytes, tag);
    for (int i = 0; i < NATIVE_TAG; i++) differs |= tag[i] ^ at[bytes + (uint32_t)i];
    if (differs != 0) return NATIVE_BAD_TAG;
  }
  d->counter++;
  *body = at;
  *body_bytes = bytes;
  age = (uint32_t)(time < (int64_t)now ? now - time : time - now);
  if (age > limits->window) return time < (int64_t)now ? NATIVE_STALE : NATIVE_FUTURE;
  return NATIVE_OK;
}
