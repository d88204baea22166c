/* NVS as a table in memory: one namespace, values as bytes. Wrong types and lengths are refused as NVS refuses them. */
#include <stdlib.h>
#include <string.h>

#include "nvs.h"
#include "nvs_flash.h"

#define ENTRIES 16

static struct entry {
  char key[16];
  char type;
  size_t bytes;
  uint8_t value[256];
} entries[ENTRIES];

static struct entry *find(const char *key, char type) {
  for (int i = 0; i < ENTRIES; i++) {
    if (entries[i].bytes != 0 && strcmp(entries[i].key, key) == 0 && entries[i].type == type) return &entries[i];
  }
  return NULL;
}

static esp_err_t set(const char *key, char type, const void *value, size_t bytes) {
  struct entry *entry = find(key, type);
  for (int i = 0; entry == NULL && i < ENTRIES; i++) {
    if (entries[i].bytes == 0) entry = &entries[i];
  }
  if (entry == NULL || strlen(key) > 15 || bytes > sizeof entry->value) return ESP_ERR_NVS_NOT_ENOUGH_SPACE;
  strcpy(entry->key, key);
  entry->type = type;
  entry->bytes = bytes;
  memcpy(entry->value, value, bytes);
  return ESP_OK;
}

static esp_err_t get(const char *key, char type, void *out, size_t *room) {
  const struct entry *entry = find(key, type);
  if (entry == NULL) return ESP_ERR_NVS_NOT_FOUND;
  if (*room < entry->bytes) return ESP_ERR_NVS_INVALID_LENGTH;
  memcpy(out, entry->value, entry->bytes);
  *room = entry->bytes;
  return ESP_OK;
}

esp_err_t nvs_open(const char *name, nvs_open_mode_t mode, nvs_handle_t *handle) {
  *handle = 1;
  (void)mode;
  return strcmp(name, "tidelock") == 0 ? ESP_OK : ESP_ERR_NVS_NOT_FOUND;
}

esp_err_t nvs_open_from_partition(const char *partition, const char *name, nvs_open_mode_t mode, nvs_handle_t *handle) {
  return strcmp(partition, NVS_DEFAULT_PART_NAME) == 0 ? nvs_open(name, mode, handle) : ESP_ERR_NVS_PART_NOT_FOUND;
}

void nvs_close(nvs_handle_t handle) {
  (void)handle;
}

esp_err_t nvs_commit(nvs_handle_t handle) {
  (void)handle;
  return ESP_OK;
}

esp_err_t nvs_set_u8(nvs_handle_t handle, const char *key, uint8_t value) {
  (void)handle;
  return set(key, '1', &value, sizeof value);
}

esp_err_t nvs_set_u64(nvs_handle_t handle, const char *key, uint64_t value) {
  (void)handle;
  return set(key, '8', &value, sizeof value);
}

esp_err_t nvs_set_str(nvs_handle_t handle, const char *key, const char *value) {
  (void)handle;
  return set(key, 's', value, strlen(value) + 1);
}

esp_err_t nvs_set_blob(nvs_handle_t handle, const char *key, const void *value, size_t bytes) {
  (void)handle;
  return set(key, 'b', value, bytes);
}

esp_err_t nvs_get_u8(nvs_handle_t handle, const char *key, uint8_t *out) {
  size_t room = sizeof *out;
  (void)handle;
  return get(key, '1', out, &room);
}

esp_err_t nvs_get_u64(nvs_handle_t handle, const char *key, uint64_t *out) {
  size_t room = sizeof *out;
  (void)handle;
  return get(key, '8', out, &room);
}

esp_err_t nvs_get_str(nvs_handle_t handle, const char *key, char *out, size_t *room) {
  (void)handle;
  return get(key, 's', out, room);
}

esp_err_t nvs_get_blob(nvs_handle_t handle, const char *key, void *out, size_t *room) {
  (void)handle;
  return get(key, 'b', out, room);
}
