/* Stand-in for esp_netif/include/esp_netif.h, which the crate carries empty. */
#pragma once
#include "esp_err.h"
#include "esp_event_base.h"
typedef struct esp_netif_obj esp_netif_t;
typedef struct esp_netif_inherent_config esp_netif_inherent_config_t;
ESP_EVENT_DECLARE_BASE(IP_EVENT);
typedef enum { IP_EVENT_STA_GOT_IP } ip_event_t;
esp_err_t esp_netif_init(void);
