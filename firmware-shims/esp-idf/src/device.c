/* The API of esp_tidelock.h. */
#include "device.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "esp_heap_caps.h"
#include "esp_vfs_eventfd.h"

/* Where an expiry is told before the wait for it ends. */
#define WAIT_MARGIN_MS 250u

#ifdef TL_ENGINE_WAMR
extern const uint8_t tidelock_wasm[] asm(TIDELOCK_WASM_SYMBOL "_start");
extern const uint8_t tidelock_wasm_end[] asm(TIDELOCK_WASM_SYMBOL "_end");
#endif

/* Keys do not belong into external RAM, whose bus can be read. */
static void *allocate(size_t bytes) {
  return heap_caps_calloc(1, bytes, MALLOC_CAP_INTERNAL | MALLOC_CAP_8BIT);
}

static bool load_record(void *user, uint8_t record[8]) {
  const struct esp_tidelock *device = user;
  return tidelock_load_record(&device->config, record);
}

static bool store_record(void *user, const uint8_t record[8]) {
  const struct esp_tidelock *device = user;
  return tidelock_store_record(&device->config, record);
}

static bool draw(void *user, uint8_t *out, uint32_t bytes) {
  const struct esp_tidelock *device = user;
  if (device->config.random != NULL) return device->config.random(device->config.user, out, bytes);
  return tidelock_random(NULL, out, bytes);
}

static esp_err_t open_client(struct esp_tidelock *device, const esp_tidelock_config_t *config) {
  tl_config client = {.size = sizeof(tl_config)};
#ifdef TL_ENGINE_WAMR
  const tl_engine_options engine = {
    .wasm = tidelock_wasm,
    .wasm_bytes = (uint32_t)(tidelock_wasm_end - tidelock_wasm),
    .pool = device->pool,
    .pool_bytes = CONFIG_TIDELOCK_WAMR_POOL_BYTES,
  };
  client.engine = &engine;
#endif
  client.memory = device->memory;
  client.memory_bytes = sizeof device->memory;
  client.outbox = device->outbox;
  client.outbox_bytes = config->outbox_bytes != 0 ? config->outbox_bytes : CONFIG_TIDELOCK_OUTBOX_BYTES;
  client.parts = device->parts;
  client.parts_bytes = CONFIG_TIDELOCK_PARTS_BYTES;
  client.key = config->key;
  client.key_id = config->key_id;
  client.identity = config->identity;
  client.link = device->address.tls ? TL_LINK_STREAM | TL_LINK_TLS : TL_LINK_STREAM;
  client.suites = config->suites != 0 || device->address.tls ? config->suites : TL_SUITE_SEALED;
  client.user = device;
  client.random = draw;
  client.event = tidelock_on_event;
  if (config->record != ESP_TIDELOCK_RECORD_NONE) {
    client.load_record = load_record;
    client.store_record = store_record;
  }
  return esp_tidelock_error(tl_open(&device->client, &client, tidelock_now()));
}

static esp_err_t make_wake(int *wake) {
  const esp_vfs_eventfd_config_t config = {.max_fds = 4};
  esp_err_t error = esp_vfs_eventfd_register(&config);
  if (error != ESP_OK && error != ESP_ERR_INVALID_STATE) return error; /* the latter: the application has done it */
  *wake = eventfd(0, 0);
  return *wake >= 0 ? ESP_OK : ESP_ERR_NO_MEM;
}

static esp_err_t fill(struct esp_tidelock *device, const esp_tidelock_config_t *config) {
  esp_err_t error = tidelock_parse_address(config->url, &device->address);
  if (error != ESP_OK) return error;
  device->lock = xSemaphoreCreateRecursiveMutex();
  device->ended = xSemaphoreCreateBinary();
  device->outbox = allocate(config->outbox_bytes != 0 ? config->outbox_bytes : CONFIG_TIDELOCK_OUTBOX_BYTES);
  if (device->lock == NULL || device->ended == NULL || device->outbox == NULL) return ESP_ERR_NO_MEM;
#if CONFIG_TIDELOCK_PARTS_BYTES > 0
  device->parts = allocate(CONFIG_TIDELOCK_PARTS_BYTES);
  if (device->parts == NULL) return ESP_ERR_NO_MEM;
#endif
#ifdef TL_ENGINE_WAMR
  device->pool = allocate(CONFIG_TIDELOCK_WAMR_POOL_BYTES);
  if (device->pool == NULL) return ESP_ERR_NO_MEM;
#endif
  error = make_wake(&device->link.wake);
  if (error != ESP_OK) return error;
#if CONFIG_TIDELOCK_TLS
  if (device->address.tls) error = tidelock_tls_create(&config->tls, device->address.host, &device->link.tls);
#else
  if (device->address.tls) return ESP_ERR_NOT_SUPPORTED;
#endif
  return error != ESP_OK ? error : open_client(device, config);
}

esp_err_t esp_tidelock_create(const esp_tidelock_config_t *config, esp_tidelock_handle_t *out) {
  if (out == NULL) return ESP_ERR_INVALID_ARG;
  *out = NULL;
  if (config == NULL || config->key == NULL || config->identity == NULL || (config->outbox_bytes & 3) != 0) return ESP_ERR_INVALID_ARG;
  if (config->record == ESP_TIDELOCK_RECORD_RTC && config->rtc == NULL) return ESP_ERR_INVALID_ARG;
  struct esp_tidelock *device = allocate(sizeof *device);
  if (device == NULL) return ESP_ERR_NO_MEM;
  device->config = *config;
  device->config.url = device->config.identity = NULL;
  device->config.key = NULL;
  memset(&device->config.tls, 0, sizeof device->config.tls);
  device->link.socket = device->link.wake = -1;
  esp_err_t error = fill(device, config);
  if (error == ESP_OK) *out = device;
  else esp_tidelock_destroy(device);
  return error;
}

esp_err_t esp_tidelock_start(esp_tidelock_handle_t device) {
  if (device == NULL) return ESP_ERR_INVALID_ARG;
  if (device->task != NULL) return ESP_ERR_INVALID_STATE;
  device->stop = false;
  if (xTaskCreate(tidelock_task, "tidelock", CONFIG_TIDELOCK_TASK_STACK, device, CONFIG_TIDELOCK_TASK_PRIORITY, &device->task) != pdPASS) {
    device->task = NULL;
    return ESP_ERR_NO_MEM;
  }
  return ESP_OK;
}

esp_err_t esp_tidelock_stop(esp_tidelock_handle_t device) {
  if (device == NULL) return ESP_ERR_INVALID_ARG;
  if (device->task == NULL) return ESP_ERR_INVALID_STATE;
  if (xTaskGetCurrentTaskHandle() == device->task) return ESP_ERR_TIDELOCK_REENTRANT;
  device->stop = true;
  tidelock_link_wake(&device->link);
  (void)xSemaphoreTake(device->ended, portMAX_DELAY);
  device->task = NULL;
  return device->failure;
}

void esp_tidelock_destroy(esp_tidelock_handle_t device) {
  if (device == NULL) return;
  (void)esp_tidelock_stop(device);
  tl_close(device->client);
#if CONFIG_TIDELOCK_TLS
  tidelock_tls_destroy(device->link.tls);
#endif
  if (device->link.wake >= 0) (void)close(device->link.wake);
  if (device->lock != NULL) vSemaphoreDelete(device->lock);
  if (device->ended != NULL) vSemaphoreDelete(device->ended);
  heap_caps_free(device->outbox); /* wiped by tl_close */
  heap_caps_free(device->parts);
  heap_caps_free(device->pool);
  tidelock_wipe(device, sizeof *device);
  heap_caps_free(device);
}

static esp_err_t queue(esp_tidelock_handle_t device, const void *body, size_t bytes, uint32_t lifetime_ms, uint32_t *ticket) {
  if (bytes > UINT16_MAX) return ESP_ERR_INVALID_SIZE;
  return esp_tidelock_error(tl_send(device->client, body, (uint32_t)bytes, lifetime_ms, false, ticket, tidelock_now()));
}

esp_err_t esp_tidelock_send(esp_tidelock_handle_t device, const void *body, size_t bytes, uint32_t lifetime_ms, uint32_t *ticket) {
  if (device == NULL) return ESP_ERR_INVALID_ARG;
  tidelock_lock(device);
  esp_err_t error = queue(device, body, bytes, lifetime_ms, ticket);
  tidelock_unlock(device);
  if (error == ESP_OK) tidelock_link_wake(&device->link);
  return error;
}

esp_err_t esp_tidelock_publish(esp_tidelock_handle_t device, const char *topic, uint16_t keep_s, const void *body, size_t bytes, uint32_t lifetime_ms, uint32_t *ticket) {
  if (device == NULL || topic == NULL) return ESP_ERR_INVALID_ARG;
  if (bytes > UINT16_MAX || strlen(topic) > UINT8_MAX) return ESP_ERR_INVALID_SIZE;
  tidelock_lock(device);
  esp_err_t error = esp_tidelock_error(tl_publish(device->client, topic, 0, keep_s, body, (uint32_t)bytes, lifetime_ms, false, ticket, tidelock_now()));
  tidelock_unlock(device);
  if (error == ESP_OK) tidelock_link_wake(&device->link);
  return error;
}

static void forget_waiter(struct esp_tidelock *device, const tidelock_waiter *waiter) {
  tidelock_waiter **at = &device->waiters;
  while (*at != NULL && *at != waiter) at = &(*at)->next;
  if (*at != NULL) *at = waiter->next;
}

esp_err_t esp_tidelock_send_wait(esp_tidelock_handle_t device, const void *body, size_t bytes, uint32_t timeout_ms, tl_result *result) {
  tidelock_waiter waiter = {.ended = NULL};
  if (device == NULL || timeout_ms == 0) return ESP_ERR_INVALID_ARG;
  waiter.ended = xSemaphoreCreateBinary();
  if (waiter.ended == NULL) return ESP_ERR_NO_MEM;
  tidelock_lock(device);
  esp_err_t error = queue(device, body, bytes, timeout_ms, &waiter.ticket);
  if (error == ESP_OK) {
    waiter.next = device->waiters;
    device->waiters = &waiter;
  }
  tidelock_unlock(device);
  if (error == ESP_OK) {
    tidelock_link_wake(&device->link);
    (void)xSemaphoreTake(waiter.ended, pdMS_TO_TICKS(timeout_ms + WAIT_MARGIN_MS));
    tidelock_lock(device);
    forget_waiter(device, &waiter);
    tidelock_unlock(device);
    if (!waiter.told) error = ESP_ERR_TIMEOUT;
    else if (waiter.result != TL_DELIVERED) error = ESP_ERR_TIDELOCK_NOT_DELIVERED;
    if (result != NULL && waiter.told) *result = waiter.result;
  }
  vSemaphoreDelete(waiter.ended);
  return error;
}

esp_err_t esp_tidelock_post(esp_tidelock_handle_t device, const void *body, size_t bytes) {
  if (device == NULL) return ESP_ERR_INVALID_ARG;
  if (bytes > UINT16_MAX) return ESP_ERR_INVALID_SIZE;
  tidelock_lock(device);
  esp_err_t error = esp_tidelock_error(tl_post(device->client, body, (uint32_t)bytes, tidelock_now()));
  tidelock_unlock(device);
  if (error == ESP_OK) tidelock_link_wake(&device->link);
  return error;
}

bool esp_tidelock_is_online(esp_tidelock_handle_t device) {
  if (device == NULL) return false;
  tidelock_lock(device);
  bool online = tl_is_online(device->client);
  tidelock_unlock(device);
  return online;
}

esp_err_t esp_tidelock_unix_ms(esp_tidelock_handle_t device, uint64_t *ms) {
  if (device == NULL || ms == NULL) return ESP_ERR_INVALID_ARG;
  tidelock_lock(device);
  esp_err_t error = esp_tidelock_error(tl_unix_ms(device->client, tidelock_now(), ms));
  tidelock_unlock(device);
  return error;
}

uint32_t esp_tidelock_stack_left(esp_tidelock_handle_t device) {
  return device == NULL || device->task == NULL ? 0 : (uint32_t)uxTaskGetStackHighWaterMark(device->task);
}
