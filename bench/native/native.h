/*
 * Tidelock/1's frames on a stream, written by hand in C: the limit that the core is measured against (docs/bench.md). It has the same
 * checks as the core: form of the length, largest body, session time, counter, tag in constant time, then the window.
 */
#ifndef TIDELOCK_NATIVE_H
#define TIDELOCK_NATIVE_H

#include <stdint.h>

enum { NATIVE_SEALED = 1, NATIVE_SIGNED = 2, NATIVE_TAG = 16 };
enum { NATIVE_OK = 0, NATIVE_PARTIAL, NATIVE_MALFORMED, NATIVE_TOO_LONG, NATIVE_TIME_RANGE, NATIVE_BAD_TAG, NATIVE_STALE, NATIVE_FUTURE };

typedef struct native_hash { uint32_t state[8], bytes; uint8_t block[64]; } native_hash;
typedef struct native_mac { uint32_t inner[8], outer[8]; } native_mac; /* of a key, after its pads */

/* One direction of a session. */
typedef struct native_direction {
  native_mac mac;
  uint8_t key[32], iv[12];
  uint64_t counter;
  uint8_t suite;
} native_direction;

typedef struct native_limits { uint32_t life, window; uint16_t largest; } native_limits;

void native_hash_begin(native_hash *hash);
void native_hash_add(native_hash *hash, const uint8_t *data, uint32_t bytes);
void native_hash_end(native_hash *hash, uint8_t digest[32]);
void native_mac_key(native_mac *mac, const uint8_t *key, uint32_t bytes); /* at most 64 */
void native_mac_begin(const native_mac *mac, native_hash *hash);
void native_mac_end(const native_mac *mac, native_hash *hash, uint8_t tag[32]);
/* HKDF-Expand (RFC 5869, 2.3), at most 255 bytes. */
void native_expand(const native_mac *prk, const char *label, uint8_t *out, uint32_t bytes);

/* RFC 8439, 2.8, in place. */
void native_aead_seal(const uint8_t key[32], const uint8_t nonce[12], const uint8_t *aad, uint32_t aad_bytes, uint8_t *data, uint32_t bytes, uint8_t tag[16]);
int native_aead_open(const uint8_t key[32], const uint8_t nonce[12], const uint8_t *aad, uint32_t aad_bytes, uint8_t *data, uint32_t bytes, const uint8_t tag[16]);

/* Message in, frame out: how many bytes. `now` is session time. */
uint32_t native_make(native_direction *direction, uint8_t type, const uint8_t *body, uint32_t bytes, uint32_t now, uint8_t *frame);
/* Frame in, verdict out; the body stands in the frame, decrypted. */
int native_verify(native_direction *direction, const native_limits *limits, uint8_t *frame, uint32_t bytes, uint32_t now, uint8_t **body, uint32_t *body_bytes);

#endif
