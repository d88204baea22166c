/*
 * The block functions that core-device-hal imports, as the firmware gives them: hal.c has both in portable C. A chip's engine
 * replaces SHA-256 by a file that defines the same name; hal.c is then compiled with TL_HAL_OWN_SHA256. Whoever runs the core checks
 * pointers and lengths before it calls.
 */
#ifndef TIDELOCK_HAL_H
#define TIDELOCK_HAL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* FIPS 180-4: `bytes` (a multiple of 64) at data go into the state, eight words as the machine has them. No alignment of data. */
void tl_hal_sha256_blocks(uint32_t *state, const uint8_t *data, uint32_t bytes);
/* RFC 8439: XORs the key stream over `bytes` bytes at data, the last block may be cut; word 12 of the state rises by one a block begun. */
void tl_hal_chacha20_blocks(uint32_t *state, uint8_t *data, uint32_t bytes);

#ifdef __cplusplus
}
#endif
#endif
