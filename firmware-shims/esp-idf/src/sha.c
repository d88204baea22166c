/*
 * SHA-256 blocks by the chip's engine, for chips whose engine takes a state that it has not computed itself (SOC_SHA_SUPPORT_RESUME).
 * The classic ESP32's does not: there src/hal.c computes them. mbedTLS shares the engine by the same lock.
 */
#include "sdkconfig.h"

#if CONFIG_TIDELOCK_SHA_HARDWARE
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "hal.h"

#if __has_include("sha/sha_core.h")
#include "sha/sha_core.h"
#define HAS_MODE 1
#else
#include "sha/sha_dma.h"
#define HAS_MODE 0
#endif

#if !CONFIG_SOC_SHA_SUPPORT_RESUME
#error "CONFIG_TIDELOCK_SHA_HARDWARE: this chip's engine cannot resume"
#endif

/* One block from memory that the engine and its DMA may read, whatever the alignment of the core's. */
static void block(const uint8_t *data) {
  static uint32_t words[16]; /* under the engine's lock; static, because a stack may lie where no DMA reaches */
  memcpy(words, data, 64);
#if HAS_MODE
  esp_sha_block(SHA2_256, words, false);
#else
  (void)esp_sha_dma(SHA2_256, words, 64, NULL, 0, false);
#endif
  for (volatile uint32_t *p = words; p < words + 16; p++) *p = 0;
}

/* The engine's words are big-endian in memory, FIPS 180-4's numbers are the processor's. */
static void turn(uint32_t out[8], const uint32_t in[8]) {
  for (int i = 0; i < 8; i++) out[i] = __builtin_bswap32(in[i]);
}

void tl_hal_sha256_blocks(uint32_t *state, const uint8_t *data, uint32_t bytes) {
  uint32_t words[8];
  if (bytes < 64) return;
  turn(words, state);
  esp_sha_acquire_hardware();
#if HAS_MODE
  esp_sha_set_mode(SHA2_256);
#endif
  esp_sha_write_digest_state(SHA2_256, words);
  for (; bytes >= 64; bytes -= 64, data += 64) block(data);
  esp_sha_read_digest_state(SHA2_256, words);
  esp_sha_release_hardware();
  turn(state, words);
  for (volatile uint32_t *p = words; p < words + 8; p++) *p = 0;
}
#endif
