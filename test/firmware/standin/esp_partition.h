/* Stand-in for esp_partition/include/esp_partition.h: nvs_flash.h names the type. */
#pragma once
typedef struct esp_partition_s esp_partition_t;
