/* The core's 8 bytes that must outlive a restart: the outbox of the gateway and the last message taken from it. */
#include "port.h"

#include <string.h>

#include "nvs.h"

#define NAMESPACE "tidelock"
#define KEY "record"

static bool load_nvs(uint8_t record[8]) {
  nvs_handle_t nvs;
  uint64_t value = 0;
  if (nvs_open(NAMESPACE, NVS_READONLY, &nvs) != ESP_OK) return false;
  esp_err_t error = nvs_get_u64(nvs, KEY, &value);
  nvs_close(nvs);
  if (error == ESP_OK) memcpy(record, &value, 8);
  return error == ESP_OK;
}

/* A u64 is one entry of 32 bytes, of which a page of flash takes 126 before it is erased. */
static bool store_nvs(const uint8_t record[8]) {
  nvs_handle_t nvs;
  uint64_t value;
  memcpy(&value, record, 8);
  if (nvs_open(NAMESPACE, NVS_READWRITE, &nvs) != ESP_OK) return false;
  bool kept = nvs_set_u64(nvs, KEY, value) == ESP_OK && nvs_commit(nvs) == ESP_OK;
  nvs_close(nvs);
  return kept;
}

bool tidelock_load_record(const esp_tidelock_config_t *config, uint8_t record[8]) {
  if (config->record == ESP_TIDELOCK_RECORD_NVS) return load_nvs(record);
  if (config->record != ESP_TIDELOCK_RECORD_RTC || !config->rtc->kept) return false;
  memcpy(record, config->rtc->record, 8);
  return true;
}

bool tidelock_store_record(const esp_tidelock_config_t *config, const uint8_t record[8]) {
  if (config->record == ESP_TIDELOCK_RECORD_NVS) return store_nvs(record);
  if (config->record == ESP_TIDELOCK_RECORD_RTC) {
    memcpy(config->rtc->record, record, 8);
    config->rtc->kept = true;
  }
  return true;
}
