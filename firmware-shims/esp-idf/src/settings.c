/* What a device was provisioned with, from NVS. */
#include "port.h"

#include <string.h>

#include "nvs.h"
#include "nvs_flash.h"

/* A string that must be there. */
static esp_err_t text(nvs_handle_t nvs, const char *name, char *out, size_t room) {
  esp_err_t error = nvs_get_str(nvs, name, out, &room);
  return error == ESP_ERR_NVS_INVALID_LENGTH ? ESP_ERR_INVALID_SIZE : error;
}

/* What need not be there. */
static esp_err_t maybe(esp_err_t error) {
  return error == ESP_ERR_NVS_NOT_FOUND ? ESP_OK : error;
}

static esp_err_t key(nvs_handle_t nvs, uint8_t out[32]) {
  size_t bytes = 32;
  esp_err_t error = nvs_get_blob(nvs, "key", out, &bytes);
  if (error == ESP_ERR_NVS_INVALID_LENGTH || (error == ESP_OK && bytes != 32)) return ESP_ERR_INVALID_SIZE;
  return error;
}

esp_err_t esp_tidelock_load(const char *partition, esp_tidelock_settings_t *settings) {
  nvs_handle_t nvs;
  if (settings == NULL) return ESP_ERR_INVALID_ARG;
  memset(settings, 0, sizeof *settings);
  esp_err_t error = nvs_open_from_partition(partition != NULL ? partition : NVS_DEFAULT_PART_NAME, "tidelock", NVS_READONLY, &nvs);
  if (error != ESP_OK) return error;
  error = text(nvs, "id", settings->identity, sizeof settings->identity);
  if (error == ESP_OK) error = text(nvs, "url", settings->url, sizeof settings->url);
  if (error == ESP_OK) error = maybe(text(nvs, "pin", settings->pins[0], sizeof settings->pins[0]));
  if (error == ESP_OK) error = maybe(text(nvs, "pin2", settings->pins[1], sizeof settings->pins[1]));
  if (error == ESP_OK) error = maybe(nvs_get_u8(nvs, "key_id", &settings->key_id));
  if (error == ESP_OK) error = key(nvs, settings->key);
  nvs_close(nvs);
  if (error != ESP_OK) esp_tidelock_forget(settings);
  return error;
}

void esp_tidelock_apply(const esp_tidelock_settings_t *settings, esp_tidelock_config_t *config) {
  config->url = settings->url;
  config->identity = settings->identity;
  config->key = settings->key;
  config->key_id = settings->key_id;
  for (int i = 0; i < 2; i++) config->tls.pins[i] = settings->pins[i][0] != 0 ? settings->pins[i] : NULL;
}

void esp_tidelock_forget(esp_tidelock_settings_t *settings) {
  if (settings != NULL) tidelock_wipe(settings, sizeof *settings);
}
