/* What the component's own files share; nothing here is for its users. */
#ifndef TIDELOCK_PORT_H
#define TIDELOCK_PORT_H

#include "esp_tidelock.h"

#include "sdkconfig.h"

/* ---- address.c ---- */
#define TIDELOCK_HOST_BYTES 128

typedef struct tidelock_address {
  char host[TIDELOCK_HOST_BYTES]; /* a name, or an address without brackets */
  char port[6];
  bool tls;
} tidelock_address;

/* Reads tidelock://host[:port] or tidelocks://host[:port]; ESP_ERR_TIDELOCK_URL. */
esp_err_t tidelock_parse_address(const char *url, tidelock_address *address);

/* ---- clock.c ---- */
/* Monotonic ms modulo 2^32; it runs through light sleep, and deep sleep ends with a restart of the program. */
uint32_t tidelock_now(void);
/* Overwrites memory in a way that the compiler keeps. */
void tidelock_wipe(void *memory, size_t bytes);

/* ---- entropy.c ---- */
bool tidelock_random(void *user, uint8_t *out, uint32_t bytes);

/* ---- record.c ---- */
bool tidelock_load_record(const esp_tidelock_config_t *config, uint8_t record[8]);
bool tidelock_store_record(const esp_tidelock_config_t *config, const uint8_t record[8]);

/* ---- pin.c ---- */
/* The 32 bytes of "sha256/…"; ESP_ERR_TIDELOCK_PIN. */
esp_err_t tidelock_read_pin(const char *pin, uint8_t hash[32]);

/* ---- watch.c ---- */
/* The task watchdog: subscribes the calling task, is fed by it, and left around calls that may take as long as they like. */
void tidelock_watch(void);
void tidelock_feed(void);
void tidelock_unwatch(void);
/* The longest that the task may wait in one go, ms. */
uint32_t tidelock_longest_wait(void);

#endif
