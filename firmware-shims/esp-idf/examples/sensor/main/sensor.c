/*
 * A sensor that wakes, sends a reading, obeys what waits for it, and sleeps. Each waking makes a new session: nothing of the old one
 * is kept but, in RTC memory, which command was obeyed last, so that none is obeyed twice and none is left in doubt.
 *
 * Provision id, url and key (and pin) into NVS as README.md of the component says, then:
 *   tidelock send sensor-1 "interval 60"
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#include "esp_attr.h"
#include "esp_log.h"
#include "esp_sleep.h"
#include "esp_system.h"
#include "esp_tidelock.h"
#include "nvs_flash.h"
#include "wifi.h"

#define WIFI_MS 15000
#define REPORT_MS 15000
#define LISTEN_MS 500 /* commands that wait come at once when the session stands */

static const char TAG[] = "sensor";

static RTC_DATA_ATTR esp_tidelock_rtc_t record;
static RTC_DATA_ATTR uint32_t interval_s;

/* Obeys "interval SECONDS"; everything else is refused, and its sender is told. */
static tl_verdict obey(void *user, const esp_tidelock_message_t *message) {
  static const char command[] = "interval ";
  char text[24];
  (void)user;
  if (message->bytes >= sizeof text || message->bytes < sizeof command) return TL_REFUSE;
  memcpy(text, message->body, message->bytes);
  text[message->bytes] = 0;
  if (strncmp(text, command, sizeof command - 1) != 0) return TL_REFUSE;
  unsigned long seconds = strtoul(text + sizeof command - 1, NULL, 10);
  if (seconds < 5 || seconds > 86400) return TL_REFUSE;
  interval_s = (uint32_t)seconds;
  return TL_TAKE;
}

static void on_offline(void *argument, esp_event_base_t base, int32_t id, void *data) {
  const esp_tidelock_offline_t *offline = data;
  (void)argument;
  (void)base;
  (void)id;
  if (offline->error != ESP_OK) ESP_LOGW(TAG, "no link: %s, next try in %d ms", esp_tidelock_err_to_name(offline->error), (int)offline->retry_ms);
}

static esp_err_t make_device(esp_tidelock_handle_t *device) {
  esp_tidelock_settings_t settings;
  esp_tidelock_config_t config = {.record = ESP_TIDELOCK_RECORD_RTC, .rtc = &record, .on_message = obey};
  esp_err_t error = esp_tidelock_load(NULL, &settings);
  if (error != ESP_OK) return error;
  esp_tidelock_apply(&settings, &config);
  error = esp_tidelock_create(&config, device);
  esp_tidelock_forget(&settings);
  return error;
}

static esp_err_t report(void) {
  char reading[48];
  esp_tidelock_handle_t device;
  esp_err_t error = make_device(&device);
  if (error != ESP_OK) return error;
  error = esp_tidelock_start(device); /* it connects, and again after every loss, until it is destroyed */
  if (error == ESP_OK) {
    int bytes = snprintf(reading, sizeof reading, "{\"free_heap\":%u}", (unsigned)esp_get_free_heap_size());
    error = esp_tidelock_send_wait(device, reading, (size_t)bytes, REPORT_MS, NULL);
  }
  if (error == ESP_OK) vTaskDelay(pdMS_TO_TICKS(LISTEN_MS));
  ESP_LOGI(TAG, "stack of the task never used: %u bytes", (unsigned)esp_tidelock_stack_left(device));
  esp_tidelock_destroy(device);
  return error;
}

void app_main(void) {
  if (interval_s == 0) interval_s = CONFIG_SENSOR_INTERVAL_S;
  ESP_ERROR_CHECK(nvs_flash_init());
  ESP_ERROR_CHECK(esp_event_loop_create_default());
  ESP_ERROR_CHECK(esp_event_handler_register(TIDELOCK_EVENT, TIDELOCK_EVENT_OFFLINE, on_offline, NULL));
  if (wifi_up(WIFI_MS)) {
    esp_err_t error = report();
    if (error != ESP_OK) ESP_LOGE(TAG, "no report: %s", esp_tidelock_err_to_name(error));
  } else {
    ESP_LOGE(TAG, "no Wi-Fi");
  }
  wifi_down();
  ESP_ERROR_CHECK(esp_sleep_enable_timer_wakeup((uint64_t)interval_s * 1000000u));
  esp_deep_sleep_start();
}
