/* Pins as docs/tls.md writes them: "sha256/" and the base64 of a SHA-256. */
#include "port.h"

#include <string.h>

/* The six bits of a character of base64 (RFC 4648, 4), or -1. */
static int bits(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

esp_err_t tidelock_read_pin(const char *pin, uint8_t hash[32]) {
  uint32_t word = 0;
  if (pin == NULL || strlen(pin) != 51 || strncmp(pin, "sha256/", 7) != 0 || pin[50] != '=') return ESP_ERR_TIDELOCK_PIN;
  pin += 7;
  for (size_t i = 0, out = 0; i < 43; i++) {
    int six = bits(pin[i]);
    if (six < 0) return ESP_ERR_TIDELOCK_PIN;
    word = word << 6 | (uint32_t)six;
    if (i % 4 != 0) hash[out++] = (uint8_t)(word >> (6 - i % 4 * 2)); /* 12, 18 and 24 bits: the upper eight that are new */
  }
  return (word & 3) != 0 ? ESP_ERR_TIDELOCK_PIN : ESP_OK; /* bits that belong to no byte */
}
