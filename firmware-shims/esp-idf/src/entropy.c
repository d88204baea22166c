/*
 * Randomness for keys of sessions. esp_fill_random is a true source only while the radio runs, or while the SAR ADC feeds it within
 * bootloader_random_enable; otherwise it is a pseudo-random sequence from a state that a neighbour may guess. So without either
 * nothing is drawn, and no session comes about.
 */
#include "port.h"

#include "esp_random.h"

#if CONFIG_TIDELOCK_ENTROPY_BOOTLOADER
#include "bootloader_random.h"

bool tidelock_random(void *user, uint8_t *out, uint32_t bytes) {
  (void)user;
  bootloader_random_enable();
  esp_fill_random(out, bytes);
  bootloader_random_disable();
  return true;
}

#elif CONFIG_TIDELOCK_ENTROPY_RADIO
#include "esp_netif.h"
#include "esp_wifi.h"

bool tidelock_random(void *user, uint8_t *out, uint32_t bytes) {
  int8_t power;
  (void)user;
  /* A call that asks nothing of the radio, and that ESP-IDF refuses before esp_wifi_start. */
  if (esp_wifi_get_max_tx_power(&power) != ESP_OK) return false;
  esp_fill_random(out, bytes);
  return true;
}

#else /* CONFIG_TIDELOCK_ENTROPY_OWN: esp_tidelock_config_t.random */
bool tidelock_random(void *user, uint8_t *out, uint32_t bytes) {
  (void)user;
  (void)out;
  (void)bytes;
  return false;
}
#endif
