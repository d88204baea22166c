/* The task watchdog. A task that neither waits nor feeds it for CONFIG_ESP_TASK_WDT_TIMEOUT_S hangs. */
#include "port.h"

#if CONFIG_TIDELOCK_TASK_WDT
#include "esp_task_wdt.h"

void tidelock_watch(void) {
  (void)esp_task_wdt_add(NULL);
}

void tidelock_feed(void) {
  (void)esp_task_wdt_reset();
}

void tidelock_unwatch(void) {
  (void)esp_task_wdt_delete(NULL);
}

uint32_t tidelock_longest_wait(void) {
  return CONFIG_ESP_TASK_WDT_TIMEOUT_S * 1000u / 2u;
}
#else
void tidelock_watch(void) {}

void tidelock_feed(void) {}

void tidelock_unwatch(void) {}

uint32_t tidelock_longest_wait(void) {
  return 60000u;
}
#endif
