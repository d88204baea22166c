/* Wi-Fi as a station. */
#include "wifi.h"

#include <string.h>

#include "freertos/FreeRTOS.h"
#include "freertos/event_groups.h"

#include "esp_event.h"
#include "esp_netif.h"
#include "esp_wifi.h"
#include "sdkconfig.h"

#define HAS_ADDRESS 1u

static EventGroupHandle_t state;

static void on_event(void *argument, esp_event_base_t base, int32_t id, void *data) {
  (void)argument;
  (void)data;
  if (base == IP_EVENT && id == IP_EVENT_STA_GOT_IP) (void)xEventGroupSetBits(state, HAS_ADDRESS);
  if (base == WIFI_EVENT && (id == WIFI_EVENT_STA_START || id == WIFI_EVENT_STA_DISCONNECTED)) (void)esp_wifi_connect();
}

bool wifi_up(uint32_t timeout_ms) {
  wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
  wifi_config_t config = {0};
  state = xEventGroupCreate();
  strncpy((char *)config.sta.ssid, CONFIG_SENSOR_WIFI_SSID, sizeof config.sta.ssid - 1);
  strncpy((char *)config.sta.password, CONFIG_SENSOR_WIFI_PASSWORD, sizeof config.sta.password - 1);
  ESP_ERROR_CHECK(esp_netif_init());
  (void)esp_netif_create_default_wifi_sta();
  ESP_ERROR_CHECK(esp_wifi_init(&init));
  ESP_ERROR_CHECK(esp_event_handler_register(WIFI_EVENT, ESP_EVENT_ANY_ID, on_event, NULL));
  ESP_ERROR_CHECK(esp_event_handler_register(IP_EVENT, IP_EVENT_STA_GOT_IP, on_event, NULL));
  ESP_ERROR_CHECK(esp_wifi_set_mode(WIFI_MODE_STA));
  ESP_ERROR_CHECK(esp_wifi_set_config(WIFI_IF_STA, &config));
  ESP_ERROR_CHECK(esp_wifi_start());
  return (xEventGroupWaitBits(state, HAS_ADDRESS, pdFALSE, pdTRUE, pdMS_TO_TICKS(timeout_ms)) & HAS_ADDRESS) != 0;
}

void wifi_down(void) {
  (void)esp_wifi_stop();
}
