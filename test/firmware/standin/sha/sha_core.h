/* Stand-in for mbedtls/port/include/sha/sha_core.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
typedef enum { SHA1 = 0, SHA2_224, SHA2_256 } esp_sha_type;
void esp_sha_set_mode(esp_sha_type type);
void esp_sha_block(esp_sha_type type, const void *block, bool is_first);
void esp_sha_read_digest_state(esp_sha_type type, void *state);
void esp_sha_write_digest_state(esp_sha_type type, void *state);
void esp_sha_acquire_hardware(void);
void esp_sha_release_hardware(void);
