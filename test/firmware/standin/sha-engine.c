/*
 * A SHA engine that can resume, as those of ESP32-S2, S3 and C3: it is held while it is used, its words are big-endian in memory, and
 * it reads whole aligned words. What it computes is mbedTLS's.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mbedtls/sha256.h"
#include "sha/sha_core.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static mbedtls_sha256_context engine;
static bool held, has_mode, has_state;

static void must(bool fact) {
  if (!fact) abort();
}

void esp_sha_acquire_hardware(void) {
  pthread_mutex_lock(&lock);
  mbedtls_sha256_init(&engine);
  must(mbedtls_sha256_starts(&engine, 0) == 0);
  held = true;
  has_mode = has_state = false;
}

void esp_sha_release_hardware(void) {
  must(held);
  held = false;
  pthread_mutex_unlock(&lock);
}

void esp_sha_set_mode(esp_sha_type type) {
  must(held && type == SHA2_256);
  has_mode = true;
}

void esp_sha_write_digest_state(esp_sha_type type, void *state) {
  uint32_t words[8];
  must(held && has_mode && type == SHA2_256);
  memcpy(words, state, sizeof words);
  for (int i = 0; i < 8; i++) engine.state[i] = __builtin_bswap32(words[i]);
  has_state = true;
}

void esp_sha_block(esp_sha_type type, const void *block, bool is_first) {
  must(held && has_state && type == SHA2_256 && !is_first && ((uintptr_t)block & 3) == 0);
  must(mbedtls_internal_sha256_process(&engine, block) == 0);
}

void esp_sha_read_digest_state(esp_sha_type type, void *state) {
  uint32_t words[8];
  must(held && has_mode && type == SHA2_256);
  for (int i = 0; i < 8; i++) words[i] = __builtin_bswap32(engine.state[i]);
  memcpy(state, words, sizeof words);
}
